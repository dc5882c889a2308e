"""What every detector is: the verbs that the learning core calls, and in which order."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from detectors.history import Aggregate, Day, History
from schemas.events import EventType
from schemas.patterns import Pattern

Snapshot = dict[str, Any]


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

    def detect(self, history: History) -> Iterator[Pattern | None]:
        """Judge the history; yields None between slices of some milliseconds, so that a caller may pause."""

    def forget_before(self, day: int) -> None:
        """Drop nominations of days before `day`, so that memory stays bounded."""

    def snapshot(self) -> Snapshot:
        """State in plain, finite JSON values; unaffected by later learning."""

    def restore(self, snapshot: Snapshot) -> None:
        """Take up a state that `snapshot` returned."""
