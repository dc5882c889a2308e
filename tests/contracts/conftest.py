"""A household whose habits are known, and a core that lets a detector learn it."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean
from types import SimpleNamespace

import pytest

from detectors.contract import Detector, Finding
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from schemas.events import StateChange
from schemas.home import Home
from schemas.patterns import Pattern

HOME = Home(tz="UTC", lat=52.5, lon=13.4)
DAY_US = 86_400_000_000
START_US = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
DELAY_US = 40 * 3_600_000_000
FAULTY = "binary_sensor.shed_door"
# What a detector builds on is learned and judged before it.
NEEDS = {"sequence": ("co_occurrence",), "anomaly": ("time_of_day", "duration")}


def _uses(rng: random.Random, entity_id: str, count: int) -> Iterator[tuple[float, str, str]]:
    """Somebody uses a device at any time of the waking day, each time for some minutes."""
    for hour in sorted(rng.sample(range(7, 23), count)):
        on = hour * 3600 + rng.uniform(0, 1800)
        yield on, entity_id, "on"
        yield on + rng.uniform(300, 1500), entity_id, "off"


def _day(rng: random.Random) -> Iterator[tuple[float, str, str]]:
    """One day in seconds: breakfast, a film that begins in three steps, a wash, light after motion, uses."""
    yield 7 * 3600 + rng.gauss(0, 200), "light.kitchen", "on"
    yield 7 * 3600 + 2400 + rng.gauss(0, 600), "light.kitchen", "off"
    film = rng.uniform(8, 21) * 3600
    yield film, "media_player.projector", "on"
    yield film + rng.uniform(15, 25), "cover.blind", "closed"
    yield film + rng.uniform(45, 60), "light.lamp", "on"
    for entity_id, state in (
        ("media_player.projector", "off"),
        ("cover.blind", "open"),
        ("light.lamp", "off"),
    ):
        yield film + rng.uniform(6000, 9000), entity_id, state
    wash = rng.uniform(7, 22) * 3600
    yield wash, "switch.washing_machine", "on"
    yield wash + rng.gauss(2700, 60), "switch.washing_machine", "off"
    for entity_id in ("switch.fan", "light.bed", "media_player.radio"):
        yield from _uses(rng, entity_id, 2)
    for second, _, state in _uses(rng, "hall", 8):
        if state == "on":
            yield second, "binary_sensor.hall_motion", "on"
            yield second + 60, "binary_sensor.hall_motion", "off"
        yield second + rng.uniform(4, 8), "light.hall", state


def _fault(number: int) -> Iterator[tuple[float, str, str]]:
    """On every eighth day from the sixteenth on, the shed's door says something else every two seconds."""
    if number >= 15 and number % 8 == 7:
        for turn in range(60):
            yield 50_000 + 2 * turn, FAULTY, "off" if turn % 2 else "on"


def live(days: int, seed: int = 1) -> list[StateChange]:
    """So many days of the household: every habit shows on each."""
    rng = random.Random(seed)
    changes: list[StateChange] = []
    for number in range(days):
        for second, entity_id, state in (*_day(rng), *_fault(number)):
            at_us = START_US + number * DAY_US + round(second * 1_000_000)
            old = "off" if state == "on" else "on"
            changes.append(StateChange(at_us, entity_id, old, state, f"c{len(changes)}"))
    return sorted(changes)


def repair(changes: Sequence[StateChange], _seed: int) -> list[StateChange]:
    """Take the faults away."""
    return [change for change in changes if change.entity_id != FAULTY]


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


def scatter_stays(changes: Sequence[StateChange], seed: int) -> list[StateChange]:
    """Let each entity stay in each state as long as on average, but end at any moment: without memory."""
    of_entity: dict[str, list[StateChange]] = {}
    for change in changes:
        of_entity.setdefault(change.entity_id, []).append(change)
    scattered: list[StateChange] = []
    for entity_id, own in of_entity.items():
        rng, at_us = random.Random(f"{seed} {entity_id}"), own[0].at_us
        lengths: dict[str, list[int]] = {}
        for one, other in pairwise(own):
            lengths.setdefault(one.new, []).append(other.at_us - one.at_us)
        for change in own:
            scattered.append(change._replace(at_us=at_us))
            if change.new in lengths:
                at_us += round(rng.expovariate(1 / fmean(lengths[change.new])))
    return sorted(change for change in scattered if change.at_us <= changes[-1].at_us)


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
    needed = NEEDS.get(detector.kind, ()) if detector else ()
    before = [each for each in detectors() if each.kind in needed]
    core = LearningCore(HOME, [*before, *([detector] if detector else [])], retain_days=retain_days)
    latest_us = START_US
    for number, change in enumerate(changes):
        core.learn_one(change)
        latest_us = max(latest_us, change.at_us)
        if number % close_every == 0:
            core.close_due()
    core.learn_one(StateChange(latest_us + DAY_US, "weather.home", "sunny", "rainy"))
    core.close_due()
    return core


def judge(detector: Detector, core: LearningCore) -> list[Finding]:
    """What a detector says of all closed days, by id, once those that it builds on have said theirs."""
    history = core.history()
    for before in core.detectors:
        if before.kind == detector.kind:
            break
        found = tuple(finding for finding in before.detect(history) if isinstance(finding, Pattern))
        history = replace(history, found={**history.found, before.kind: found})
    said = [finding for finding in detector.detect(history) if finding is not None]
    return sorted(said, key=lambda finding: finding.id)


def as_text(findings: Sequence[Finding]) -> str:
    """Findings as canonical JSON."""
    return json.dumps(
        [finding.model_dump(mode="json", round_trip=True) for finding in findings], allow_nan=False
    )


@pytest.fixture(scope="session")
def household() -> SimpleNamespace:
    """The household's functions by name."""
    return SimpleNamespace(
        live=live,
        repair=repair,
        rotate_days=rotate_days,
        rotate_entities=rotate_entities,
        scatter_stays=scatter_stays,
        disorder=disorder,
        learn=learn,
        judge=judge,
        as_text=as_text,
        day_us=DAY_US,
    )
