"""Days whose exact sets were lost, learned again from the journal."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from pipeline.core.core import MARK_CARRY_MS, LearningCore
from pipeline.core.day_set import DaySet
from schemas.events import ServiceCall, StateChange
from schemas.home import Home

Entry = StateChange | ServiceCall


class Known(NamedTuple):
    """Knowledge of a lost day: a set, and the place in the journal up to which it holds what happened."""

    events: DaySet
    applied_seq: int


def learn_again(
    journal: Iterable[tuple[int, Entry]], home: Home, lost: Mapping[date, Known]
) -> dict[date, DaySet]:
    """Return the sets of lost days, with all that the journal tells of them.

    Parameters
    ----------
    journal
        Place and content, from its beginning and in its order.
    lost
        The days, with what another source knows of them.
    """
    core = LearningCore(home, ())
    for day, known in lost.items():
        core.restore_day(core.days.on(day), known.events, closed=False)
    for seq, entry in journal:
        at_ms = entry.at_us // 1000
        day = core.days.at(at_ms).date
        # A mark before midnight explains what is after it, and so belongs to both days.
        touched = {day, core.days.at(at_ms + MARK_CARRY_MS).date} & lost.keys()
        if any(seq > lost[each].applied_seq for each in touched):
            _learn(core, entry)
    return {day: events for day, events in core.open_days().items() if day in lost}


def _learn(core: LearningCore, entry: Entry) -> None:
    if isinstance(entry, ServiceCall):
        core.see_call(entry)
    else:
        core.learn_one(entry)
