"""Gate of a decoded stream: lets pass event times that can be true, and behaviour."""

from pipeline.ingest.behaviour import BehaviourFilter
from pipeline.ingest.bounds import Clock
from pipeline.ingest.messages import Decoded, Signal, UntimelyError
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
        UntimelyError
            Where it cannot be true by our clock: the error holds what would count.
        """
        if isinstance(item, Signal):
            self._filter.hear(item)
        counts = self._filter.behaviour(item) if isinstance(item, StateChange) else item
        if isinstance(counts, StateChange | ServiceCall):
            self._check(counts, received_us)
        return counts

    def _check(self, entry: StateChange | ServiceCall, received_us: int) -> None:
        try:
            self._clock.check(entry.at_us, received_us)
        except UntimelyError as error:
            error.entry = entry
            raise
