"""Delivery of messages: a little later than they are fired, a few late, a few twice."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random

from pipeline.simulation.instance import Payload

Message = tuple[float, Payload]

_LATE_S = (5.0, 600.0)
_AGAIN_S = (0.05, 60.0)


class Delivery:
    """Put fired events into the order of their arrival.

    Parameters
    ----------
    rng
        Source of delays.
    late_share
        Share of messages that arrive 5 to 600 seconds after they were fired.
    duplicate_share
        Share of messages that arrive a second time within a minute.
    """

    def __init__(self, rng: Random, late_share: float, duplicate_share: float) -> None:
        self._rng = rng
        self._late_share = late_share
        self._duplicate_share = duplicate_share
        self._under_way: list[tuple[float, int, Payload]] = []
        self._numbers = count()
        self._last_arrival = 0.0

    def take(self, fired: float, payload: Payload) -> None:
        """Send a message on its way."""
        if self._rng.random() < self._late_share:
            arrival = fired + self._rng.uniform(*_LATE_S)
        else:
            arrival = self._last_arrival = max(self._last_arrival, fired + self._rng.uniform(0.012, 0.05))
        heappush(self._under_way, (arrival, next(self._numbers), payload))
        if self._rng.random() < self._duplicate_share:
            again = arrival + self._rng.uniform(*_AGAIN_S)
            heappush(self._under_way, (again, next(self._numbers), payload))

    def arrived(self, before: float = float("inf")) -> Iterator[Message]:
        """Yield what has arrived before a moment at which all that comes is fired later."""
        while self._under_way and self._under_way[0][0] < before:
            arrival, _, payload = heappop(self._under_way)
            yield arrival, payload
