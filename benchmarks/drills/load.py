"""Exactly known events: what is published, and what must have come of it."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.publisher import Published
from pipeline.ingest.eventstream import as_eventstream
from schemas.events import StateChange

TOPIC = "homeassistant_events"
DUPLICATES_WITHIN = 200
HOUR_US = 3_600 * 1_000_000
ROOMS = ("hall", "kitchen", "bath", "study", "cellar")


@dataclass(frozen=True, slots=True)
class Load:
    """Events in their order, and the messages that carry them."""

    events: Sequence[StateChange]
    messages: Sequence[Published]


def make_load(number: int, *, seed: int, hours: float = 50.0, duplicates: float = 0.05) -> Load:
    """Return events that end a minute ago, discrete ones and numbers, some of them published twice.

    They are spread over `hours`, so that local days end among them.
    """
    rng = random.Random(seed)
    end_us = time.time_ns() // 1000 - 60 * 1_000_000
    begin_us = end_us - int(hours * HOUR_US)
    step_us = (end_us - begin_us) // number
    states = dict.fromkeys(_entities(), "")
    names = list(states)
    events = []
    for place in range(number):
        entity_id = rng.choice(names)
        before, after = states[entity_id], _next_state(entity_id, states[entity_id], rng)
        states[entity_id] = after
        at_us = begin_us + place * step_us + rng.randrange(step_us)
        context_id = f"{seed:04x}{place:022x}"
        events.append(StateChange(at_us, entity_id, before or "none", after, context_id))
    return Load(events, repeat([published(event) for event in events], rng, duplicates))


class LiveLoad:
    """Events that happen when they are published, until they are told to end.

    Parameters
    ----------
    seed
        Of what happens.
    """

    def __init__(self, *, seed: int) -> None:
        self.events: list[StateChange] = []
        self._rng = random.Random(seed)
        self._states = dict.fromkeys(_entities(), "")
        self._left: int | None = None

    def __iter__(self) -> Iterator[Published]:
        while self._left is None or self._left > 0:
            self._left = None if self._left is None else self._left - 1
            self.events.append(self._happen())
            yield published(self.events[-1])

    def end_after(self, number: int) -> None:
        """Let so many more happen."""
        self._left = number

    def _happen(self) -> StateChange:
        entity_id = self._rng.choice(list(self._states))
        before, after = self._states[entity_id], _next_state(entity_id, self._states[entity_id], self._rng)
        self._states[entity_id] = after
        latest_us = self.events[-1].at_us if self.events else 0
        at_us = max(time.time_ns() // 1000, latest_us + 1)
        return StateChange(at_us, entity_id, before or "none", after, f"{len(self.events):026x}")


def published(event: StateChange) -> Published:
    """The message that carries an event."""
    return Published(TOPIC, as_eventstream(event))


def repeat(messages: Sequence[Published], rng: random.Random, share: float) -> list[Published]:
    """Return the messages, a share of them once more soon after."""
    places = [(float(place), message) for place, message in enumerate(messages)]
    again = [
        (place + rng.uniform(0.5, DUPLICATES_WITHIN), message)
        for place, message in places
        if rng.random() < share
    ]
    return [message for _, message in sorted(places + again, key=lambda placed: placed[0])]


def _entities() -> list[str]:
    discrete = [f"{domain}.{room}" for domain in ("light", "switch", "binary_sensor") for room in ROOMS]
    return discrete + [f"sensor.{room}_{kind}" for room in ROOMS for kind in ("temperature", "power")]


def _next_state(entity_id: str, before: str, rng: random.Random) -> str:
    if not entity_id.startswith("sensor."):
        return "off" if before == "on" else "on"
    while (after := f"{rng.uniform(10, 30):.2f}") == before:
        pass
    return after
