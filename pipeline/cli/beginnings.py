"""Ids that a person gives by their beginning."""

from collections.abc import Iterable, Mapping

from pipeline.cli import UserError
from pipeline.cli.terminal import SHORT_ID
from pipeline.wording.sentences import counted

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
