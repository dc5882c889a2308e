"""Reading the home.json that a person named."""

from pathlib import Path

from pydantic import ValidationError

from pipeline.cli import UserError
from pipeline.doctor.finding import explain
from schemas.home import Home


def read_home_file(path: Path) -> Home:
    """Read it, or say what is wrong with it."""
    try:
        return Home.read(path)
    except OSError as error:
        raise UserError(f"expected a home.json at {path}, got: {error.strerror}") from error
    except ValidationError as error:
        problems = "; ".join(explain(error))
        raise UserError(f"expected tz, lat, lon and rooms in {path}, got: {problems}") from error
