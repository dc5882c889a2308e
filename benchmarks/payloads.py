"""Eventstream payloads as a home publishes them, at times that a running service takes."""

import json
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from benchmarks.publisher import Published
from pipeline.ingest.behaviour import behaviour
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.messages import Decoded
from pipeline.simulation.household import Household
from schemas.events import StateChange
from schemas.instants import from_us

TOPIC = "homeassistant_events"
HOURS = 20


def live_payloads(*, seed: int = 1) -> Iterator[bytes]:
    """State changes of the same household without end, each at the moment at which it is asked for."""
    for change in cycle(_changes(Household(seed=seed, days=2))):
        yield _at(change, time.time_ns() // 1000)


def home_payloads(number: int, *, seed: int = 1) -> list[Published]:
    """State changes of a generated household that count, in its order, evenly until a minute ago."""
    end_us = time.time_ns() // 1000 - 60_000_000
    step_us = HOURS * 3_600_000_000 // number
    begin_us = end_us - number * step_us
    changes = cycle(_changes(Household(seed=seed, days=10)))
    return [
        Published(TOPIC, _at(change, begin_us + place * step_us))
        for place, change in enumerate(islice(changes, number))
    ]


def _changes(household: Household) -> list[dict[str, Any]]:
    decoder = EventstreamDecoder()
    return [
        payload
        for _, payload in household.messages()
        if _counts(decoder.decode(json.dumps(payload).encode()))
    ]


def _counts(item: Decoded | None) -> bool:
    return isinstance(item, StateChange) and behaviour(item) is not None


def _at(payload: dict[str, Any], at_us: int) -> bytes:
    stamp = from_us(at_us).isoformat()
    new = {**payload["event_data"]["new_state"], "last_changed": stamp, "last_updated": stamp}
    return json.dumps({**payload, "event_data": {**payload["event_data"], "new_state": new}}).encode()
