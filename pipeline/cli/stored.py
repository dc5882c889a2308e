"""Reading the store, beside a running pipeline if there is one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.diagnosis.store import read_only_url
from pipeline.settings import Settings
from sinks.store import SqlStore, StoreError


@contextmanager
def reading(settings: Settings) -> Iterator[SqlStore]:
    """The store, for reading: nothing waits for us and nothing is made anew."""
    home = read_home_file(settings.home_file).id if settings.home_file else settings.home or "home"
    try:
        with closing(SqlStore(_reading_url(settings), home=home)) as store:
            yield store
    except (StoreError, SQLAlchemyError) as error:
        detail = str(getattr(error, "orig", error))
        raise UserError(f"expected a store that `ha-ai run` has written, got: {detail}") from error


def zone_of(settings: Settings) -> ZoneInfo:
    """The home's time zone, as `ha-ai run` takes it from the settings."""
    return read_home_file(settings.home_file).zone if settings.home_file else ZoneInfo(settings.tz)


def _reading_url(settings: Settings) -> str:
    """The store's URL; a SQLite file must be there and is opened read-only."""
    url: URL = make_url(settings.store_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return settings.store_url
    path = Path(url.database)
    if not path.is_file():
        raise UserError(
            f"expected the store at {path.absolute()}, got no such file: run `ha-ai run` first, "
            "or go where it runs, or set HA_AI_DATABASE_PATH"
        )
    return read_only_url(path)
