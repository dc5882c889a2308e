"""Effects of clocks on the store: days after today, days that are overdue, events not believed."""

from collections.abc import Iterator

from sqlalchemy import func, select

from pipeline.doctor.finding import Finding, ok, warning
from pipeline.wording.sentences import counted
from schemas.tables import DaySetRow, QuarantineRow, table_of
from sinks.store.engine import Database
from sinks.store.retention import overdue

CHECK = "days"
QUARANTINE = "quarantine"
_DAYS = table_of(DaySetRow)
_QUARANTINE = table_of(QuarantineRow)


def check_times(database: Database, now_us: int) -> Iterator[Finding]:
    """Look at each home's days and at what waits for the clock."""
    with database.reading() as connection:
        homes = connection.execute(select(_DAYS.c.home).distinct().order_by(_DAYS.c.home)).scalars().all()
        waiting = connection.execute(
            select(_QUARANTINE.c.reason, func.count()).group_by(_QUARANTINE.c.reason)
        )
        reasons = {str(reason): int(count) for reason, count in waiting}
    for home in homes:
        yield from _check_days(database, home, now_us)
    if reasons:
        total = counted(sum(reasons.values()), "event")
        why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))
        yield warning(
            QUARANTINE,
            f"{total} whose time the clock does not believe ({why})",
            "Set this machine's clock and Home Assistant's, by NTP: what is true then is learned by itself.",
        )


def _check_days(database: Database, home: str, now_us: int) -> Iterator[Finding]:
    found = overdue(database, home, now_us)
    past, ahead = found
    if found.is_much:
        yield warning(
            CHECK,
            f"{counted(len(past), 'day')} of {home} from {past[0]} to {past[-1]} still there past their age",
            "`ha-ai prune` says why; `ha-ai prune --yes` deletes them.",
        )
    if ahead:
        yield warning(
            CHECK,
            f"{counted(len(ahead), 'day')} of {home} from {ahead[0]} on lie after today: a clock was wrong",
            "Compare this machine's clock with Home Assistant's, and set both by NTP.",
        )
    if not found.is_much and not ahead:
        yield ok(CHECK, f"no day of {home} is overdue")
