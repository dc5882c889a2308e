"""Agenda of what is going to happen, in order of time."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Action = Callable[[float], object]


class Agenda:
    """A queue of actions, each called with its own time; equal times keep the order of planning."""

    def __init__(self) -> None:
        self._planned: list[tuple[float, int, Action]] = []
        self._numbers = count()

    def at(self, moment: float, action: Action) -> None:
        """Plan an action."""
        heappush(self._planned, (moment, next(self._numbers), action))

    def step(self, until: float) -> bool:
        """Do the next action if it is due before `until`, and say whether there was one."""
        if not self._planned or self._planned[0][0] >= until:
            return False
        moment, _, action = heappop(self._planned)
        action(moment)
        return True
