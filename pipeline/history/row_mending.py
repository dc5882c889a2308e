"""Rows that are not as they were written, mended before recovery; lost days are learned again.

What learning imports takes 20 MB: a process that does not learn has no use for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import structlog

from pipeline.core.day_set import DaySet
from pipeline.core.local_days import LocalDay, LocalDays
from pipeline.history.kept_days import KeptDays, Known, learn_again
from pipeline.timing.clock import wall_us
from schemas.events import Gap, ServiceCall, StateChange
from schemas.home import Home
from schemas.instants import from_us
from sinks.store import SqlStore, StoreError
from sinks.store.damaged_file import scratch_beside
from sinks.store.mending import STORE_DAMAGED
from sinks.store.retention import DAY_SET_TERM
from sinks.store.start import CopyInto

# A clock of Home Assistant's may be as far ahead of ours.
CLOCK_US = 600_000_000
# Days that are closed anew together hold their exact sets in memory.
CLOSED_ANEW = 3

log = structlog.get_logger(__name__)


def mend_rows(store: SqlStore, home: Home, copy_into: CopyInto) -> None:
    """Set aside the rows that are not as they were written, and make anew what can be; before `recover`."""
    now_us = wall_us()
    found = store.integrity.damages()
    if found or store.integrity.lost_days() is not None:
        # Beside the store there is room for a copy of it; a folder for temporary files may lie in memory.
        beside = nullcontext(None) if store.path is None else scratch_beside(store.path)
        with beside as folder:
            copy, is_known = _unpacked(copy_into, folder) if folder is not None else (None, True)
            if found:
                store.integrity.mend(found, copy=copy, now_us=now_us)
            # Also those that a start before this one set aside, and had no time to make anew.
            named = store.integrity.lost_days()
            if named is not None:
                lost = _mend_days(store, home, named, copy, now_us)
                _note_lost(store, lost, now_us, is_known=is_known)
                if is_known:
                    store.integrity.found_days()
    store.integrity.look_at_audit(now_us=now_us)


def _unpacked(copy_into: CopyInto, folder: Path) -> tuple[Path | None, bool]:
    """Return the newest backup, and whether it is known what there is: one may be there and not be usable."""
    try:
        return copy_into(folder), True
    except (StoreError, OSError) as error:
        log.warning("the newest backup cannot be used", error=str(error))
        return None, False


def _mend_days(
    store: SqlStore, home: Home, named: set[date], copy: Path | None, now_us: int
) -> dict[date, Gap]:
    """Make anew the days that journal and copy hold; return what of the others is lost."""
    missing = _missing(store, named, from_us(now_us).date())
    days, reach_us = LocalDays(home.zone), store.journal_reach_us()
    unsure = {day: rest for day in missing if (rest := _beyond(reach_us, days.on(day)))}
    lost = {day: Known(DaySet(), 0) for day in missing}
    found: dict[date, Gap] = {}
    for day, row in store.integrity.take_days(copy, unsure.keys()) if copy is not None else ():
        lost[day] = Known(DaySet.unpack(row["packed"]), row["applied_seq"])
        found[day] = unsure.pop(day)
    last_seq, sets = _learned_again(store, home, lost)
    known = [day for day, events in sorted(sets.items(), reverse=True) if _holds(events)]
    for place, day in enumerate(known):
        # The newest may not have ended, or not have been closed; to close a day again does no harm.
        sealed = place >= CLOSED_ANEW
        _save(store, day, sets[day], sealed=sealed, seq=last_seq, now_us=now_us)
    for run in _runs(known):
        words = f"made anew, with {sum(len(sets[day]) for day in run)} changes"
        store.integrity.say("day_sets", _span(run), words, now_us=now_us)
    with store.begin() as transaction:
        # As a start kept them that could not use the backup.
        transaction.drop_gaps(list(found.values()))
    return unsure


def _note_lost(store: SqlStore, unsure: Mapping[date, Gap], now_us: int, *, is_known: bool) -> None:
    """Keep a gap where neither journal nor backup tells what was, and say so once for days in a row.

    What lies in a gap that is known was never learned: a day on which we were off had no set to lose.
    """
    known = _joined(store.gaps())
    gaps = {
        day: gap
        for day, gap in unsure.items()
        if not any(begin <= gap.from_us and gap.to_us <= end for begin, end in known)
    }
    with store.begin() as transaction:
        transaction.note_gaps(list(gaps.values()))
    for run in _runs(gaps):
        until = f"{from_us(gaps[run[-1]].to_us):%Y-%m-%d %H:%M} UTC"
        words = "neither journal nor backup holds it" if is_known else "no backup can be used for now"
        store.integrity.say("day_sets", _span(run), f"lost until {until}, {words}: a gap", now_us=now_us)


def _beyond(reach_us: int | None, day: LocalDay) -> Gap | None:
    """Return the part of a day that the journal does not reach back to; None if it holds all of it."""
    start_us, end_us = day.start_ms * 1000, day.end_ms * 1000
    if reach_us is None:
        return Gap(start_us, end_us, STORE_DAMAGED)
    if reach_us == 0 or reach_us + CLOCK_US <= start_us:
        return None
    return Gap(start_us, min(reach_us + CLOCK_US, end_us), STORE_DAMAGED)


def _joined(gaps: Iterable[Gap]) -> list[tuple[int, int]]:
    """Return when there were gaps, those that overlap as one.

    Examples
    --------
    >>> _joined([Gap(1, 5, "broker"), Gap(5, 8, "off"), Gap(9, 10, "off")])
    [(1, 8), (9, 10)]
    """
    joined: list[tuple[int, int]] = []
    for gap in sorted(gaps):
        if joined and gap.from_us <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], gap.to_us))
        else:
            joined.append((gap.from_us, gap.to_us))
    return joined


def _runs(days: Iterable[date]) -> Iterator[list[date]]:
    """Yield the days that follow each other together."""
    run: list[date] = []
    for day in sorted(days):
        if run and day - run[-1] > timedelta(days=1):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _span(days: Sequence[date]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _holds(events: DaySet) -> bool:
    return bool(len(events) or events.numbers or events.marks or events.calls)


def _missing(store: SqlStore, named: set[date], today: date) -> list[date]:
    """Return the days without a set from the first one on, of those that are kept or tell their name.

    A name may be damaged itself: one that is older than sets are kept is no day.
    """
    kept = {each.day for each in KeptDays(store).all()}
    oldest = min(kept | {today}) - timedelta(days=DAY_SET_TERM.days)
    known = kept | {day for day in named if oldest <= day <= today}
    last = today
    first = min(known, default=last)
    return [day for n in range((last - first).days + 1) if (day := first + timedelta(days=n)) not in kept]


def _learned_again(store: SqlStore, home: Home, lost: Mapping[date, Known]) -> tuple[int, dict[date, DaySet]]:
    last_seq = 0

    def journal() -> Iterator[tuple[int, StateChange | ServiceCall]]:
        nonlocal last_seq
        for seq, entry in store.journal_after():
            last_seq = seq
            yield seq, entry

    sets = learn_again(journal(), home, lost)
    return last_seq, sets


def _save(store: SqlStore, day: date, events: DaySet, *, sealed: bool, seq: int, now_us: int) -> None:
    with store.begin() as transaction:
        transaction.save_day(
            day, events.pack(), events=len(events), sealed=sealed, at_us=now_us, applied_seq=seq
        )
