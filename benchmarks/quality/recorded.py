"""Recorded homes: whether what was learned of them still holds afterwards, beside a plain rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.learned import Learned
from benchmarks.quality.occasions import Aftermath, reach_minutes
from detectors.history import Day
from schemas.events import EventType
from schemas.patterns import TimeOfDayDetail

SETS = (
    "casas_al_home",
    "aras_b",
    "kasteren_a",
    "mit_s1",
    "trace2tap_office_spring",
    "ha_darksky_temperature",
)
LEARNED_DAYS = (28, 21, 14)
LEAST_CHECKED, MOST_CHECKED = 7, 14
HOLDS = 0.4
WINDOW_MIN, STEP_MIN = 120, 30
LEAST_SUPPORT = 0.5
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Split:
    """A recorded home, learned on its first days and checked on those that follow."""

    name: str
    learned_days: int
    checked_days: int


@dataclass(frozen=True, slots=True)
class Held:
    """Habits that were found, those of them that had an occasion to show afterwards, and that held."""

    found: int = 0
    checked: int = 0
    held: int = 0

    def __add__(self, other: "Held") -> "Held":
        return Held(self.found + other.found, self.checked + other.checked, self.held + other.held)


@dataclass(frozen=True, slots=True)
class Row:
    """What one split shows: ours by kind of pattern, and the plain rule's, each of another event type.

    `plain_entities` counts those once that speak of one entity, of which one state often follows the other.
    """

    split: Split
    ours: dict[str, Held]
    plain: Held
    plain_entities: int


@dataclass(frozen=True, slots=True)
class Strip:
    """A clock habit of a recorded home, and when its event happened on every day of the recording."""

    split: Split
    label: str
    confidence: float
    minute: float
    reach_min: float
    dots: list[tuple[int, float]]


def splits(name: str, days: int) -> list[Split]:
    """How a recording of so many days is split.

    Examples
    --------
    >>> [(split.learned_days, split.checked_days) for split in splits("a", 30)]
    [(21, 9), (14, 14)]
    >>> [(split.learned_days, split.checked_days) for split in splits("a", 16)]
    [(9, 7)]
    """
    lengths = [length for length in LEARNED_DAYS if length + LEAST_CHECKED <= days]
    if not lengths and days > 2 * LEAST_CHECKED:
        lengths = [days - LEAST_CHECKED]
    return [Split(name, length, min(MOST_CHECKED, days - length)) for length in lengths]


def check(learned: Learned, split: Split) -> Row:
    """Check what stood after the learned days of a split, and what the plain rule says then."""
    first = learned.place(split.learned_days)
    end = learned.place(split.learned_days + split.checked_days)
    aftermath = Aftermath(learned.history, first, end)
    ours: dict[str, Held] = {}
    for pattern in learned.active.get(split.learned_days, ()):
        if not pattern.detail.automated:
            outcomes = aftermath.outcomes(pattern)
            hits = sum(outcome.hit for outcome in outcomes)
            holds = bool(outcomes) and hits >= HOLDS * len(outcomes)
            kind = pattern.pattern_type.value
            ours[kind] = ours.get(kind, Held()) + Held(1, bool(outcomes), holds)
    plain = plain_rule(learned.history.days[:first], learned.history.days[first:end])
    entities = {event_type.entity_id for event_type in plain}
    held = Held(len(plain), len(plain), sum(plain.values()))
    return Row(split, ours, held, len(entities))


def plain_rule(before: Sequence[Day], after: Sequence[Day]) -> dict[EventType, bool]:
    """Find the event types that happen within the same 120 minutes on most days, surely (Wilson's bound).

    Of each type the best window counts; it holds if the type happens there on four of ten days afterwards.
    """
    found = {}
    for event_type in sorted({event_type for day in before for event_type in day.types}):
        support = _shown(before, event_type).sum(axis=0)
        best = int(np.argmax(support))
        if wilson_bound(int(support[best]), len(before)) >= LEAST_SUPPORT:
            found[event_type] = bool(_shown(after, event_type)[:, best].mean() >= HOLDS)
    return found


def _shown(days: Sequence[Day], event_type: EventType) -> NDArray[np.bool_]:
    """By day and window, whether it happened."""
    starts = np.arange(0, 1440, STEP_MIN)
    shown = np.zeros((len(days), len(starts)), dtype=np.bool_)
    for number, day in enumerate(days):
        minutes = _minutes(day, event_type)
        shown[number] = (((minutes[:, None] - starts) % 1440) < WINDOW_MIN).any(axis=0)
    return shown


def _minutes(day: Day, event_type: EventType) -> NDArray[np.float64]:
    if event_type not in day.types:
        return np.zeros(0)
    return np.asarray(day.minutes[day.type_ids == day.types.index(event_type)])


def wilson_bound(hits: int, number: int, z: float = NORMAL_95) -> float:
    """Lower end of Wilson's 95 % interval of a share.

    Examples
    --------
    >>> round(wilson_bound(8, 10), 3)
    0.49
    """
    share = hits / number
    middle = share + z * z / (2 * number)
    half = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return (middle - half) / (1 + z * z / number)


def strips(learned: Learned, split: Split) -> Iterator[Strip]:
    """The clock habits that stood after the learned days."""
    first = learned.history.days[0].date.toordinal()
    for pattern in learned.active.get(split.learned_days, ()):
        detail = pattern.detail
        if isinstance(detail, TimeOfDayDetail):
            event_type = EventType(detail.entity_id, detail.state)
            dots = [
                (day.date.toordinal() - first, minute)
                for day in learned.history.days
                for minute in _minutes(day, event_type).tolist()
            ]
            yield Strip(split, event_type.key, pattern.confidence, detail.minute, reach_minutes(detail), dots)
