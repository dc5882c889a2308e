"""Rows that are not as they were written, mended before recovery; lost days are learned again.

What learning imports takes 20 MB: a process that does not learn has no use for it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import structlog

from pipeline.learning.day_set import DaySet
from pipeline.learning.local_days import LocalDays
from pipeline.learning.lost_days import Known, learn_again
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

log = structlog.get_logger()


def mend_rows(store: SqlStore, home: Home, copy_into: CopyInto) -> None:
    """Set aside the rows that are not as they were written, and make anew what can be; before `recover`."""
    now_us = time.time_ns() // 1000
    found = store.integrity.damages()
    if found:
        # Beside the store there is room for a copy of it; a folder for temporary files may lie in memory.
        beside = nullcontext(None) if store.path is None else scratch_beside(store.path)
        with beside as folder:
            copy = _unpacked(copy_into, folder) if folder is not None else None
            mended = store.integrity.mend(found, copy=copy, now_us=now_us)
            if mended.days:
                _mend_days(store, home, mended.named, copy, now_us)
    store.integrity.look_at_audit(now_us=now_us)


def _unpacked(copy_into: CopyInto, folder: Path) -> Path | None:
    try:
        return copy_into(folder)
    except (StoreError, OSError) as error:
        log.warning("the newest backup cannot be used", reason=str(error))
        return None


def _mend_days(store: SqlStore, home: Home, named: set[date], copy: Path | None, now_us: int) -> None:
    days = LocalDays(home.zone)
    reach_us = store.journal_reach_us()
    lost: dict[date, Known] = {}
    partly: list[Gap] = []
    for day in _missing(store, named, from_us(now_us).date()):
        start_us, end_us = days.on(day).start_ms * 1000, days.on(day).end_ms * 1000
        whole = reach_us is not None and (reach_us == 0 or reach_us + CLOCK_US <= start_us)
        row = store.integrity.take_day(copy, day) if copy is not None and not whole else None
        lost[day] = Known(DaySet.unpack(row["packed"]), row["applied_seq"]) if row else Known(DaySet(), 0)
        if not whole and row is None:
            until_us = end_us if reach_us is None else min(max(reach_us + CLOCK_US, start_us), end_us)
            partly.append(Gap(start_us, until_us, STORE_DAMAGED))
    last_seq, sets = _learned_again(store, home, lost)
    known = [day for day, events in sorted(sets.items(), reverse=True) if _holds(events)]
    for place, day in enumerate(known):
        # The newest may not have ended, or not have been closed; to close a day again does no harm.
        sealed = place >= CLOSED_ANEW
        _save(store, day, sets[day], sealed=sealed, seq=last_seq, now_us=now_us)
    with store.begin() as transaction:
        transaction.note_gaps(partly)
    for gap in partly:
        words = (
            f"lost until {from_us(gap.to_us):%Y-%m-%d %H:%M} UTC, neither journal nor backup holds it: a gap"
        )
        store.integrity.say("day_sets", f"{days.at(gap.from_us // 1000).date}", words, now_us=now_us)


def _holds(events: DaySet) -> bool:
    return bool(len(events) or events.numbers or events.marks or events.calls)


def _missing(store: SqlStore, named: set[date], today: date) -> list[date]:
    """Return the days without a set from the first one on, of those that are kept or tell their name."""
    kept = {each.day for each in store.days()}
    oldest = min(kept, default=today - timedelta(days=DAY_SET_TERM.days)) - timedelta(days=1)
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
    store.integrity.say("day_sets", f"{day}", f"made anew, with {len(events)} changes", now_us=now_us)
