"""Interface of every detector: the verbs that the learning core calls, and in which order."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from detectors.history import Aggregate, Day, History
from schemas.anomalies import Anomaly
from schemas.events import EventType
from schemas.patterns import Pattern

Finding = Pattern | Anomaly
State = dict[str, Any]


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


@runtime_checkable
class DayLearner(Protocol):
    """A detector with a model that depends on the order of what it learns, such as River's.

    In every judgement, before its own `detect` and after that of the kinds before it, the core calls
    `learn_day` once for each closed day, in the order of dates. Where a day changes that was learned, the
    model goes back to a state from before it, and learns that day and those after it again. So the model is
    a function of the closed days, in whatever order their events came and however often, and a process that
    starts goes on from the state that was kept. Neither time nor randomness without a seed may enter it.

    Attributes
    ----------
    builds_on
        The kinds of which `learn_day` is told what they find. Told of none a day costs nothing but its
        learning; of any, a judgement for each day that is learned late.
    """

    builds_on: Sequence[str]

    @property
    def kind(self) -> str:
        """The kind of the detector."""

    def learn_day(self, day: Day, found: Mapping[str, tuple[Pattern, ...]]) -> Collection[str]:
        """Learn a day, given what other kinds find up to its end; return its labels, for `History.labels`."""

    def state(self) -> State:
        """Return the model in plain, finite JSON values: some kilobytes, of which seven are kept."""

    def resume(self, state: State | None) -> None:
        """Take up a model that `state` returned; None for one that has learned nothing.

        Raises
        ------
        ValueError
            It is no state of this detector: it learns anew.
        """


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
