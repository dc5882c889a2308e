"""Duplicates and disorder within the lateness bound: the same state, byte for byte."""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from random import Random

from benchmarks.drills.audit import HOME
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import HOUR_US, Load, published
from benchmarks.drills.trial import Row, Trial
from detectors.registry import detectors
from pipeline.ingest.behaviour import BehaviourFilter
from pipeline.ingest.day_shift import DayShift
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.learn.log_learner import LogLearner
from pipeline.simulation.household import Household
from schemas.events import StateChange

LATEST_US = 40 * HOUR_US
MOVED_SHARE = 0.5
TWICE_SHARE = 0.5


def household_load(days: int, *, seed: int) -> Load:
    """What counts of a generated household whose last day was yesterday, disordered, half of it twice."""
    events = household_events(days, seed=seed)
    return Load(events, [published(event) for event in disorder(events, random.Random(seed))])


def household_events(days: int, *, seed: int) -> list[StateChange]:
    """What counts of a generated household whose last day was yesterday, in order."""
    household = Household(seed=seed, days=days, tz=HOME.tz, lat=HOME.lat, lon=HOME.lon)
    return _until_yesterday(_behaviour(household))


def disorder(events: Sequence[StateChange], rng: random.Random) -> list[StateChange]:
    """Return the events in another order, each late by at most the bound, half of them twice."""
    arrivals = []
    for event in events:
        late_us = rng.randrange(LATEST_US) if rng.random() < MOVED_SHARE else 0
        arrivals.append((event.at_us + late_us, event))
        if rng.random() < TWICE_SHARE:
            arrivals.append((event.at_us + rng.randrange(LATEST_US), event))
    return [event for _, event in sorted(arrivals, key=lambda arrival: arrival[0])]


def learned(events: Iterable[StateChange]) -> list[str]:
    """What a log learner knows after the events, in its canonical form."""
    learner = LogLearner(HOME, detectors())
    for event in events:
        for _ in learner.take(event):
            pass
    for _ in learner.finish():
        pass
    core = learner.core
    sets = [f"{day} {events.pack().hex()}" for day, events in core.open_days().items()]
    kinds = core.history().aggregates.values()
    aggregates = [json.dumps(days, sort_keys=True, default=dict) for days in kinds]
    return [*sets, *aggregates, *(pattern.exact() for pattern in core.ledger.active.values())]


def _behaviour(household: Household) -> list[StateChange]:
    decoder, passing = EventstreamDecoder(), BehaviourFilter()
    known: dict[bytes, StateChange] = {}
    for _, payload in household.messages():
        item = decoder.decode(json.dumps(payload).encode())
        change = passing.behaviour(item) if isinstance(item, StateChange) else None
        if change is not None:
            known.setdefault(change.key, change)
    return sorted(known.values(), key=lambda change: (change.at_us, change.entity_id))


def _until_yesterday(events: Sequence[StateChange]) -> list[StateChange]:
    yesterday = datetime.now(HOME.zone).date() - timedelta(days=1)
    shift = DayShift.between(HOME.zone, events[-1].at_us, yesterday)
    return [event._replace(at_us=shift.time(event.at_us)) for event in events]


async def _shuffle(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = household_load(size.events, seed=seed)
    async with Trial(load, seed=seed, command=command) as trial:
        expected = learned(load.events)
        for number in range(size.faults):
            if learned(disorder(load.events, Random(seed + number))) != expected:
                trial.problems.append(f"disorder {seed + number} gives another state")
        return await trial.run("shuffle", lambda _: _described(size))


async def _described(size: Size) -> str:
    return f"half late or twice, {size.faults} times in process and once over MQTT"


DRILLS = {
    "shuffle": Drill(Size(5, 2), Size(20, 5), _shuffle),
}
