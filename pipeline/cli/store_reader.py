"""Reading the store, beside a running pipeline if there is one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli import SHORT_ID, UserError
from pipeline.cli.home_file import read_home_file
from pipeline.doctor.store import read_only_url
from pipeline.runtime.home import SNAPSHOT, SNAPSHOT_VERSION
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from schemas.home import Home
from sinks.store import ForeignFileError, NewerStoreError, SqlStore, StoreError
from sinks.store.foreign import refuse_foreign
from sinks.store.sqlite_file import refuse_newer


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
    """The home's time zone: as the settings say it, else as `ha-ai run` kept it."""
    if settings.home_file:
        return read_home_file(settings.home_file).zone
    kept = None if "tz" in settings.model_fields_set else _kept_home(settings)
    return kept.zone if kept else ZoneInfo(settings.tz)


def _kept_home(settings: Settings) -> Home | None:
    """The home at the last start; None where no store can be read, as beside a file that needs none."""
    try:
        with reading(settings) as store:
            kept = store.snapshot(SNAPSHOT)
    except UserError:
        return None
    if kept is None or kept.version != SNAPSHOT_VERSION:
        return None
    return Home.model_validate_json(kept.payload)


def _reading_url(settings: Settings) -> str:
    """The store's URL; a SQLite file must be there and is opened read-only."""
    url: URL = make_url(settings.store_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return settings.store_url
    path = Path(url.database)
    existing_file(path)
    try:
        refuse_foreign(path, None)
        refuse_newer(path)
    except (ForeignFileError, NewerStoreError) as error:
        raise UserError(str(error)) from error
    return read_only_url(path)


def existing_file(path: Path) -> None:
    """Say where the store was expected unless it is there."""
    if not path.is_file():
        raise UserError(
            f"expected the store at {path.absolute()}, got no such file: run `ha-ai run` first, "
            "or go where it runs, or set HA_AI_DATABASE_PATH"
        )


CANDIDATES_SHOWN = 10
INDENT = "  "


def chosen(beginning: str, known: Mapping[str, str], where: str) -> str:
    """Return the one known id that begins so; `known` says of each id what it stands for.

    Raises
    ------
    UserError
        None begins so, or several do; says which, and `where` they are shown.
    """
    fitting = {each: said for each, said in known.items() if each.startswith(beginning)}
    if len(fitting) == 1:
        return next(iter(fitting))
    if not fitting:
        ids = counted(len(known), "id")
        raise UserError(f"got {beginning!r}, expected the beginning of one of the {ids}{where}")
    length = _telling(fitting)
    shown = [f"\n{INDENT}{each[:length]}  {said}" for each, said in list(fitting.items())[:CANDIDATES_SHOWN]]
    more = len(fitting) - len(shown)
    shown += [f"\n{INDENT}and {more} more"] * bool(more)
    start = f"begin with {beginning}" if beginning else "are known"
    raise UserError(f"{len(fitting)} ids {start}:{''.join(shown)}")


def _telling(ids: Iterable[str]) -> int:
    """Return how many characters tell these ids apart: as many as are shown elsewhere, or more."""
    whole = set(ids)
    lengths = range(SHORT_ID, max(map(len, whole)))
    return next((n for n in lengths if len({each[:n] for each in whole}) == len(whole)), lengths.stop)
