"""Interface of every detector: the verbs that the learning core calls, and in which order."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from detectors.history import Aggregate, Day, History
from schemas.anomalies import Anomaly
from schemas.events import EventType
from schemas.patterns import Pattern

Snapshot = dict[str, Any]
Finding = Pattern | Anomaly


class Detector(Protocol):
    """One kind of habit.

    For every event the core calls `learn_one`; when a local day closes, or closes again after late events,
    `close_day`; and then `detect` over all days that are retained. What `learn_one` gathers only nominates:
    what `detect` says is a function of the history and of nominations that the same events always yield,
    whatever their order and however often each came.
    """

    @property
    def kind(self) -> str:
        """The ``pattern_type`` of what it finds, and its name in the registry."""

    def learn_one(self, event_type: EventType, day: int) -> None:
        """See one event of local day `day` (`datetime.date.toordinal`). Idempotent; order does not matter."""

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        """Summarise a day, by key, in plain JSON values; a pure function of `day`."""

    def merge(self, one: Aggregate, other: Aggregate) -> Aggregate:
        """Join the aggregates of one key over different days: exact, associative and commutative."""

    def detect(self, history: History) -> Iterator[Finding | None]:
        """Judge the history; yields None between slices of some milliseconds, so that a caller may pause."""

    def forget_before(self, day: int) -> None:
        """Drop nominations of days before `day`, so that memory stays bounded."""

    def snapshot(self) -> Snapshot:
        """State in plain, finite JSON values; unaffected by later learning."""

    def restore(self, snapshot: Snapshot) -> None:
        """Take up a state that `snapshot` returned."""


class Watch(Protocol):
    """Follows the events after a judgement as they come, and says at once what is out of order.

    Time is what the events say; one that is older than what was seen before tells nothing new.
    """

    def see(self, event_type: EventType, at_ms: int) -> list[Anomaly]:
        """See one event that counts; return what it makes known."""

    def measure(self, entity_id: str, value: float, at_ms: int) -> list[Anomaly]:
        """See one finite numeric sample; return what it makes known."""

    def note_gap(self, from_ms: int, to_ms: int) -> None:
        """Learn that an interval could not be seen: nothing was missed in it."""


@runtime_checkable
class Watchful(Protocol):
    """A detector that also says what is out of order as it happens."""

    def watch(self, history: History) -> Watch:
        """Make a watch of what the history lets expect; it starts at the end of the last day."""
