"""A household whose habits are known, and a core that lets a detector learn it."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from detectors.contract import Detector
from pipeline.learning.core import LearningCore
from schemas.events import StateChange
from schemas.home import Home
from schemas.patterns import Pattern

HOME = Home(tz="UTC", lat=52.5, lon=13.4)
DAY_US = 86_400_000_000
START_US = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
DELAY_US = 40 * 3_600_000_000


def _uses(rng: random.Random, entity_id: str, count: int) -> Iterator[tuple[float, str, str]]:
    """Somebody uses a device at any time of the waking day, each time for some minutes."""
    for hour in sorted(rng.sample(range(7, 23), count)):
        on = hour * 3600 + rng.uniform(0, 1800)
        yield on, entity_id, "on"
        yield on + rng.uniform(300, 1500), entity_id, "off"


def _day(rng: random.Random) -> Iterator[tuple[float, str, str]]:
    """One day in seconds: breakfast at seven, light in the hall after motion, and things used at random."""
    yield 7 * 3600 + rng.gauss(0, 200), "light.kitchen", "on"
    yield 7 * 3600 + 2400 + rng.gauss(0, 600), "light.kitchen", "off"
    for entity_id in ("switch.fan", "light.bed", "media_player.radio"):
        yield from _uses(rng, entity_id, 2)
    for second, _, state in _uses(rng, "hall", 8):
        if state == "on":
            yield second, "binary_sensor.hall_motion", "on"
            yield second + 60, "binary_sensor.hall_motion", "off"
        yield second + rng.uniform(4, 8), "light.hall", state


def live(days: int, seed: int = 1) -> list[StateChange]:
    """So many days of the household: every habit shows on each."""
    rng = random.Random(seed)
    changes: list[StateChange] = []
    for number in range(days):
        for second, entity_id, state in _day(rng):
            at_us = START_US + number * DAY_US + round(second * 1_000_000)
            old = "off" if state == "on" else "on"
            changes.append(StateChange(at_us, entity_id, old, state, f"c{len(changes)}"))
    return sorted(changes)


def rotate_days(changes: Sequence[StateChange], seed: int) -> list[StateChange]:
    """Rotate each day by an offset of its own: what happens together stays so, at no time of day."""
    return _rotate(changes, lambda _, day: f"{seed} {day}")


def rotate_entities(changes: Sequence[StateChange], seed: int) -> list[StateChange]:
    """Rotate each entity's every day by an offset of its own: nothing follows on anything."""
    return _rotate(changes, lambda change, day: f"{seed} {day} {change.entity_id}")


def _rotate(changes: Sequence[StateChange], key: Callable[[StateChange, int], str]) -> list[StateChange]:
    def rotated(change: StateChange) -> StateChange:
        day, within = divmod(change.at_us - START_US, DAY_US)
        offset = random.Random(key(change, day)).randrange(DAY_US)
        return change._replace(at_us=START_US + day * DAY_US + (within + offset) % DAY_US)

    return sorted(map(rotated, changes))


def disorder(changes: Sequence[StateChange], seed: int) -> list[StateChange]:
    """Deliver within the lateness bound in any order, half of it twice."""
    rng = random.Random(seed)
    told = [*changes, *rng.sample(changes, len(changes) // 2)]
    return sorted(told, key=lambda change: change.at_us + rng.randrange(DELAY_US))


def learn(
    detector: Detector | None,
    changes: Iterable[StateChange],
    *,
    retain_days: int = 90,
    close_every: int = 300,
) -> LearningCore:
    """Let a detector, if any, see changes and close their days, through the core that a live home has."""
    core = LearningCore(HOME, [detector] if detector else [], retain_days=retain_days)
    latest_us = START_US
    for number, change in enumerate(changes):
        core.learn_one(change)
        latest_us = max(latest_us, change.at_us)
        if number % close_every == 0:
            core.close_due()
    core.learn_one(StateChange(latest_us + DAY_US, "weather.home", "sunny", "rainy"))
    core.close_due()
    return core


def judge(detector: Detector, core: LearningCore) -> list[Pattern]:
    """What a detector says of all closed days, by id."""
    found = [pattern for pattern in detector.detect(core.history()) if pattern is not None]
    return sorted(found, key=lambda pattern: pattern.id)


def as_text(patterns: Sequence[Pattern]) -> str:
    """Patterns as canonical JSON."""
    return json.dumps([pattern.model_dump(mode="json") for pattern in patterns], allow_nan=False)


@pytest.fixture(scope="session")
def household() -> SimpleNamespace:
    """The household's functions by name."""
    return SimpleNamespace(
        live=live,
        rotate_days=rotate_days,
        rotate_entities=rotate_entities,
        disorder=disorder,
        learn=learn,
        judge=judge,
        as_text=as_text,
        day_us=DAY_US,
    )
