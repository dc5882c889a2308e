"""The states of entities at the start of each day, as the days before it tell them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from detectors.history import Day


def with_initial_states(days: Sequence[Day]) -> tuple[Day, ...]:
    """Return the days, in their order, each with the states at its start, computed when asked for."""
    carry = _Carry(days)
    return tuple(replace(day, initial=InitialStates(carry, place)) for place, day in enumerate(days))


class InitialStates(Mapping[str, str]):
    """The state of each entity at the start of one of some days, where it is known.

    Asked in the order of the days each costs a pass through the day before it; nothing is kept but the last
    one that was asked for.
    """

    __slots__ = ("_carry", "_place")

    def __init__(self, carry: "_Carry", place: int) -> None:
        self._carry = carry
        self._place = place

    def __getitem__(self, entity_id: str) -> str:
        return self._carry.before(self._place)[entity_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._carry.before(self._place))

    def __len__(self) -> int:
        return len(self._carry.before(self._place))


class _Carry:
    """Carries states from one day into the next."""

    def __init__(self, days: Sequence[Day]) -> None:
        self._days = days
        self._place = 0
        self._states: dict[str, str] = {}

    def before(self, place: int) -> dict[str, str]:
        if place < self._place:
            self._place, self._states = 0, {}
        while self._place < place:
            self._states = self._after(self._place, dict(self._states))
            self._place += 1
        return self._states

    def _after(self, place: int, states: dict[str, str]) -> dict[str, str]:
        """Return the states at the end of a day, and nothing where the day after it is missing."""
        day, following = self._days[place], self._days[place + 1]
        if following.date - day.date != timedelta(days=1):
            return {}
        first = 0
        if day.gaps_ms:
            # Whatever was so before may have changed unseen.
            states, first = {}, int(np.searchsorted(day.at_ms, day.gaps_ms[-1][1]))
        for type_id in day.type_ids[first:].tolist():
            entity_id, state = day.types[type_id]
            states[entity_id] = state
        return states
