"""Bounds on how much of what comes is taken: no home reaches them, and a flood does not pass them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import inf

from pipeline.core.day_set import STEP_MS, DaySet
from pipeline.core.entities import kind_of, reading
from pipeline.core.local_days import LocalDays
from pipeline.ingest.messages import Reason
from pipeline.timing.token_bucket import TokenBucket
from schemas.events import ServiceCall, StateChange

HOUR_MS = 3_600_000
# A person who sets up a house adds hundreds of entities in an evening, not thousands.
NEWCOMERS_AT_ONCE = 1_000
NEWCOMERS_AN_HOUR = 40
# A change of state each nine seconds around the clock; a number each second.
CHANGES_A_DAY = 10_000
SAMPLES_A_DAY = 100_000
# What has more states in a day is free text, of which no habit can be made.
STATES_A_DAY = 200
# Some times what the largest homes do; above it each entity has a share that only a few of a home pass.
ALL_CHANGES_A_DAY, CHANGES_SHARE = 100_000, 500
# A dozen meters report each second in a home that is measured well. Where there are more, each five minutes
# have their part: a bound of the whole day would leave its evening unmeasured. Up to an hour's comes at once.
ALL_SAMPLES_A_DAY, SAMPLES_SHARE = 1_000_000, 20_000
STEPS_A_DAY = 86_400_000 // STEP_MS
STEPS_AT_ONCE = 3_600_000 // STEP_MS
# Energy managers and adaptive lights call some service each second.
TARGETS_A_DAY = 100_000
# Longer than any event is late.
DAYS_AT_HAND = 32
# Texts are large; an event that is later finds their count begun anew.
DAYS_OF_STATES = 3
# What is later than a quarter of an hour finds the count of its step begun anew, and that of its day not.
STEPS_AT_HAND = 3
# The evening on which a home is installed, and the day on which it is set up further.
NEW_DAYS = 2

Entry = StateChange | ServiceCall


@dataclass(slots=True)
class _Counts:
    """Counts of what was taken of one kind on one day, by entity and in all; and how much may be."""

    most: int
    most_in_all: int
    share: int
    total: int = 0
    of: dict[str, int] = field(default_factory=dict)

    def take(self, entity_id: str) -> bool:
        """Count one more, if it may be."""
        if not self.has_place(entity_id):
            return False
        self.of[entity_id] = self.of.get(entity_id, 0) + 1
        self.total += 1
        return True

    def has_place(self, entity_id: str) -> bool:
        """Return whether one more may be counted."""
        count = self.of.get(entity_id, 0)
        return count < self.most and (self.total < self.most_in_all or count < self.share)

    def restore(self, entity_id: str, count: int) -> None:
        """Count what was taken before."""
        self.total += count - self.of.get(entity_id, 0)
        self.of[entity_id] = count


def _changes() -> _Counts:
    return _Counts(CHANGES_A_DAY, ALL_CHANGES_A_DAY, CHANGES_SHARE)


def _samples() -> _Counts:
    """Of each entity; of all together its steps have their bounds."""
    return _Counts(SAMPLES_A_DAY, SAMPLES_A_DAY, SAMPLES_A_DAY)


def _step() -> _Counts:
    return _Counts(SAMPLES_A_DAY, ALL_SAMPLES_A_DAY // STEPS_A_DAY, SAMPLES_SHARE // STEPS_A_DAY)


@dataclass(slots=True)
class _Day:
    """Counts of what was taken of one day, which begins in the five minutes of this index."""

    first_step: int = 0
    changes: _Counts = field(default_factory=_changes)
    samples: _Counts = field(default_factory=_samples)
    steps: dict[int, _Counts] = field(default_factory=dict)
    states: dict[str, set[str]] = field(default_factory=dict)
    targets: int = 0

    def step(self, index: int) -> _Counts:
        """Return the counts of the samples of five minutes."""
        step = self.steps.get(index)
        if step is None:
            step = self.steps[index] = _step()
            while len(self.steps) > STEPS_AT_HAND:
                del self.steps[min(self.steps)]
        return step

    def is_ahead(self, index: int) -> bool:
        """Whether more samples were taken than the parts of the day so far, and of an hour, allow."""
        parts = index - self.first_step + STEPS_AT_ONCE
        return self.samples.total * STEPS_A_DAY >= parts * ALL_SAMPLES_A_DAY

    def take_sample(self, entity_id: str, at_ms: int) -> Reason | None:
        """Count one more sample, if it may be; else say why not."""
        index = at_ms // STEP_MS
        step = self.step(index)
        if not step.has_place(entity_id) and self.is_ahead(index):
            return Reason.THINNED
        if not self.samples.take(entity_id):
            return Reason.TOO_MANY_CHANGES
        step.take(entity_id)
        return None


class Allowance:
    """Decides what of a stream may be taken, by counts in event time alone.

    An entity that is known stays known, whatever else comes: an id that was never seen finds a place only
    among `NEWCOMERS_AT_ONCE`, or most of the places while the home is new, and while all places are taken
    only where one leaves that was not seen that day; those leave first that were seen on one day alone. Of
    each entity, and of all together, so much is taken a day that memory and store stay bounded. Which of a
    flood's messages are refused depends on their order; of a home's own none is, but of dozens of meters
    that report each second a part of each five minutes. Some MB at most.

    Parameters
    ----------
    days
        The home's local days.
    cap
        Entities known at most.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> allowance = Allowance(LocalDays(ZoneInfo("UTC")), cap=5_000)
    >>> change = StateChange(1_795_154_400_000_000, "light.hall", "off", "on")
    >>> texts = [change._replace(at_us=change.at_us + k, new=str(k)) for k in range(STATES_A_DAY + 1)]
    >>> found = [allowance.refuses(each) for each in texts]
    >>> found[0], found[-1]
    (None, <Reason.FREE_TEXT: 'free_text'>)
    """

    def __init__(self, days: LocalDays, cap: int) -> None:
        self.left: list[str] = []
        self._days = days
        self._cap = cap
        # The days, by ordinal, on which each entity was seen first and last.
        self._known: dict[str, tuple[int, int]] = {}
        self._first_day: int | None = None
        # All that may be.
        self._newcomers = TokenBucket(inf, NEWCOMERS_AN_HOUR, HOUR_MS)
        self._at_hand: dict[int, _Day] = {}

    def recall(self, entity_ids: Iterable[str], ordinal: int) -> None:
        """Tell of entities that were seen on a day before."""
        for entity_id in entity_ids:
            self._see(entity_id, ordinal)

    def restore(self, events: DaySet, ordinal: int) -> None:
        """Tell what was taken of a day before."""
        self.recall((*events.changes, *events.numbers), ordinal)
        day = self._day(ordinal)
        for entity_id, changes in events.changes.items():
            day.changes.restore(entity_id, len(changes))
            day.states[entity_id] = {state for _, state in changes}
        for entity_id, steps in events.numbers.items():
            day.samples.restore(entity_id, sum(step.samples for step in steps.values()))
        for index in sorted({index for steps in events.numbers.values() for index in steps})[-STEPS_AT_HAND:]:
            for entity_id, steps in events.numbers.items():
                if index in steps:
                    day.step(index).restore(entity_id, steps[index].samples)
        day.targets = len(events.calls)

    def refuses(self, entry: Entry) -> Reason | None:
        """Return the reason that a new entry is not taken; None where it is, and counted."""
        at_ms = entry.at_us // 1000
        ordinal = self._days.at(at_ms).ordinal
        if isinstance(entry, ServiceCall):
            day = self._day(ordinal)
            day.targets += len(entry.entity_ids)
            return Reason.TOO_MANY_CHANGES if day.targets > TARGETS_A_DAY else None
        if entry.entity_id not in self._known and not self._has_place(at_ms, ordinal):
            return Reason.TOO_MANY_ENTITIES
        self._see(entry.entity_id, ordinal)
        said = "" if entry.mark else reading(kind_of(entry.entity_id), entry.new)
        if isinstance(said, str):
            return self._against(entry.entity_id, said, ordinal)
        return self._day(ordinal).take_sample(entry.entity_id, at_ms)

    def flooded(self) -> Mapping[str, str]:
        """Return what is at its bound now, by subject, in words."""
        found = {}
        if self._newcomers.left < 1 or len(self._known) >= self._cap:
            found["flood: entities"] = (
                "more new entities come than any home adds, so further ones are not learned: "
                "see who publishes changes of entities that Home Assistant does not have"
            )
        if not self._at_hand:
            return found
        # What was a flood on a day before is over.
        day = self._at_hand[max(self._at_hand)]
        if day.changes.total >= day.changes.most_in_all:
            found["flood: changes"] = (
                "more changes came in a day than any home makes, so of the entities that change most no more "
                "is learned: see what changes so often, and who publishes it"
            )
        if any(step.total >= step.most_in_all and day.is_ahead(at) for at, step in day.steps.items()):
            found["flood: numbers"] = (
                "more numbers come than a dozen meters report each second, so of those that report most only "
                "a part is learned, of each five minutes the first: let them report less often"
            )
        return found

    def _see(self, entity_id: str, ordinal: int) -> None:
        if self._first_day is None or ordinal < self._first_day:
            self._first_day = ordinal
        first, last = self._known.get(entity_id, (ordinal, ordinal))
        if not first <= ordinal <= last or first == last == ordinal:
            self._known[entity_id] = (min(first, ordinal), max(last, ordinal))

    def _has_place(self, at_ms: int, ordinal: int) -> bool:
        self._newcomers.most = self._most_newcomers(ordinal)
        # A late event does not turn the time back.
        self._newcomers.fill(max(at_ms, self._newcomers.at or 0))
        if self._newcomers.left < 1 or (len(self._known) >= self._cap and not self._make_room(ordinal)):
            return False
        self._newcomers.spend(1)
        return True

    def _most_newcomers(self, ordinal: int) -> float:
        """Return how many may come at once: of a new home most entities speak in its first hours."""
        is_new = self._first_day is None or ordinal < self._first_day + NEW_DAYS
        return max(self._cap * 4 / 5 - len(self._known) if is_new else 0, NEWCOMERS_AT_ONCE)

    def _make_room(self, ordinal: int) -> bool:
        """Let some leave that were not seen on this day; whether there were any."""
        idle = [entity_id for entity_id, (_, last) in self._known.items() if last < ordinal]
        idle.sort(key=lambda each: (self._known[each][0] != self._known[each][1], self._known[each][1], each))
        leaving = idle[: max(1, self._cap // 20)]
        for entity_id in leaving:
            del self._known[entity_id]
        self.left += leaving
        return bool(leaving)

    def _against(self, entity_id: str, state: str, ordinal: int) -> Reason | None:
        """Return the objection to a change of state: more on a day than there may be, or free text."""
        day = self._day(ordinal)
        states = day.states.setdefault(entity_id, set())
        if state not in states and len(states) >= STATES_A_DAY:
            return Reason.FREE_TEXT
        if not day.changes.take(entity_id):
            return Reason.TOO_MANY_CHANGES
        states.add(state)
        return None

    def _day(self, ordinal: int) -> _Day:
        day = self._at_hand.get(ordinal)
        if day is None:
            start_ms = self._days.on(date.fromordinal(ordinal)).start_ms
            day = self._at_hand[ordinal] = _Day(start_ms // STEP_MS)
            while len(self._at_hand) > DAYS_AT_HAND:
                del self._at_hand[min(self._at_hand)]
            for earlier, known in self._at_hand.items():
                if earlier < ordinal - DAYS_OF_STATES:
                    known.states.clear()
        return day


# A device that goes wrong is refused as well, but beside it others are taken.
SEVERAL = 10
MINUTES = 2
MINUTE_S = 60.0
SUBJECT = "all refused"
ADVICE = {
    "future": "set this machine's clock and Home Assistant's, by NTP",
    "too_old": "set this machine's clock and Home Assistant's, by NTP",
    "not_json": "see what publishes on that topic, and whether HA_AI_INPUT names its form",
    "wrong_shape": "see what publishes on that topic, and whether HA_AI_INPUT names its form",
}
OTHERWISE = "see what publishes on that topic"


class Refusing:
    """Says when nothing was taken for minutes, and several messages were refused.

    Examples
    --------
    >>> refusing = Refusing()
    >>> refusing.note(0, {"future": 9}, "homeassistant_events", 0.0)
    >>> refusing.note(0, {"future": 1}, "homeassistant_events", 130.0)
    >>> print(refusing.words())
    nothing is learned: all 10 messages of the last 2 minutes were refused, most as future, the last on \
homeassistant_events: set this machine's clock and Home Assistant's, by NTP
    >>> refusing.note(1, {}, "", 131.0); refusing.words()
    ''
    """

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._since_s = 0.0
        self._last_s = 0.0
        self._topic = ""

    def note(self, taken: int, refused: Mapping[str, int], topic: str, now_s: float) -> None:
        """Note a batch: how many were taken, and how many refused for which reason."""
        if taken:
            self._reasons.clear()
        elif refused:
            self._since_s = self._since_s if self._reasons else now_s
            self._reasons.update(refused)
            self._last_s, self._topic = now_s, topic or self._topic

    def words(self) -> str:
        """Say it, ending with what to do; nothing while something is taken."""
        minutes = (self._last_s - self._since_s) / MINUTE_S
        if minutes < MINUTES or self._reasons.total() < SEVERAL:
            return ""
        reason = self._reasons.most_common(1)[0][0]
        return (
            f"nothing is learned: all {self._reasons.total():,} messages of the last {minutes:.0f} minutes "
            f"were refused, most as {reason}, the last on {self._topic}: {ADVICE.get(reason, OTHERWISE)}"
        )
