"""What of a decoded stream counts: event times that can be true, and behaviour."""

from pipeline.ingest.behaviour import BehaviourFilter
from pipeline.ingest.bounds import Clock
from pipeline.ingest.messages import Decoded, Signal
from schemas.events import ServiceCall, StateChange


class Gate:
    """Lets pass what learning wants to see of one stream, live or from a log.

    Parameters
    ----------
    clock
        What event times are checked against.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._filter = BehaviourFilter()

    def admit(self, item: Decoded | None, received_us: int) -> Decoded | None:
        """The item if it counts, else None; service calls and signals do.

        Raises
        ------
        PoisonError
            Where the event time cannot be true.
        """
        if isinstance(item, StateChange | ServiceCall):
            self._clock.check(item.at_us, received_us)
        if isinstance(item, Signal):
            self._filter.hear(item)
        return self._filter.behaviour(item) if isinstance(item, StateChange) else item
