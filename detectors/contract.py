"""Interface of every detector: the verbs that the learning core calls, and in which order."""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from detectors.history import Aggregate, Day, History
from schemas.anomalies import Anomaly
from schemas.events import EventType
from schemas.patterns import Pattern

Finding = Pattern | Anomaly


class Detector(Protocol):
    """One kind of habit.

    When a local day closes, or closes again after late events, the core calls `close_day`, and then `detect`
    over all days that are retained. What `detect` says is a function of the history alone, so neither the
    order in which events came nor how often each did can change it; what a detector keeps is a cache.
    """

    @property
    def kind(self) -> str:
        """The ``pattern_type`` of what it finds, and its name in the registry."""

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        """Summarise a day, by key, in plain JSON values; a pure function of `day`."""

    def detect(self, history: History) -> Iterator[Finding | None]:
        """Judge the history; yields None between slices of some milliseconds, so that a caller may pause."""


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
