"""Every registered detector meets every law, and every law rejects a detector that breaks it."""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from itertools import count, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detectors.contract import Detector
from detectors.history import Aggregate, Day, History
from detectors.registry import REGISTRY
from schemas.events import EventType
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail

Make = Callable[[], Detector]
# The transformation under which a detector of a kind must find nothing: what it weighs its evidence against.
NULLS = {
    "time_of_day": "rotate_days",
    "co_occurrence": "rotate_entities",
    "sequence": "rotate_entities",
    "duration": "scatter_stays",
    "anomaly": "repair",
}
# Misses that a kind has by what it says: the window of a duration is to hold but eight stays of ten.
MISSES = {"duration": 0.25}
WAIVERS: dict[tuple[str, str], str] = {}


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False, default=dict)


def _bytes(day: Day) -> list[bytes]:
    return [array.tobytes() for array in (day.at_ms, day.minutes, day.type_ids, day.causes, day.derived)]


def learning_leaves_its_input_alone(make: Make, home: SimpleNamespace) -> None:
    """Days, aggregates and steps are after closing and judging what they were before."""
    detector = make()
    untouched = home.learn(None, home.live(20)).history().days
    before = [_bytes(day) for day in untouched]
    for day in untouched:
        detector.close_day(day)
    assert [_bytes(day) for day in untouched] == before
    core = home.learn(detector, home.live(20))
    history = core.history()
    before, aggregates = [_bytes(day) for day in history.days], _canonical(history.aggregates)
    home.judge(detector, core)
    assert [_bytes(day) for day in history.days] == before
    assert _canonical(history.aggregates) == aggregates


def equal_input_gives_equal_state(make: Make, home: SimpleNamespace) -> None:
    """Two detectors that closed the same days summed them up alike, and say the same each time."""
    one, other = make(), make()
    cores = [home.learn(detector, home.live(20)) for detector in (one, other)]
    assert _canonical(cores[0].history().aggregates) == _canonical(cores[1].history().aggregates)
    said = home.as_text(home.judge(one, cores[0]))
    assert said == home.as_text(home.judge(other, cores[1])) == home.as_text(home.judge(one, cores[0]))


def duplicates_and_order_change_nothing(make: Make, home: SimpleNamespace) -> None:
    """What came late, and what came twice, leads to the same patterns."""
    orderly, disorderly = make(), make()
    changes = home.live(20)
    expected = home.as_text(home.judge(orderly, home.learn(orderly, changes)))
    for seed in range(3):
        disorderly = make()
        core = home.learn(disorderly, home.disorder(changes, seed))
        assert home.as_text(home.judge(disorderly, core)) == expected


def memory_is_bounded(make: Make, home: SimpleNamespace) -> None:
    """With days that are forgotten, state does not grow, though new entities come every day."""
    sizes = []
    for days in (40, 120):
        detector = make()
        guests = [
            change._replace(entity_id=f"light.guest_{change.at_us // home.day_us}")
            for change in home.live(days, seed=2)
            if change.entity_id == "light.bed"
        ]
        changes = sorted([*home.live(days), *guests])
        core = home.learn(detector, changes, retain_days=30)
        home.judge(detector, core)
        sizes.append(len(pickle.dumps(vars(detector))))
    state, state_later = sizes
    assert state_later < 1.2 * state


def days_that_hit_never_lose_a_pattern(make: Make, home: SimpleNamespace) -> None:
    """A pattern that every day of a week and more has confirmed stays, day by day, while each confirms it."""
    changes = home.live(45)
    found: set[str] = set()
    for days in range(10, 46, 3):
        until_us = changes[0].at_us // home.day_us * home.day_us + days * home.day_us
        detector = make()
        core = home.learn(detector, [change for change in changes if change.at_us < until_us])
        said = home.judge(detector, core)
        assert found <= {finding.id for finding in said}
        found |= {
            each.id
            for each in said
            if each.evidence.hits > 7
            and each.evidence.misses <= MISSES.get(detector.kind, 0) * each.evidence.opportunities
        }
    assert found


def nothing_is_found_in_the_null(make: Make, home: SimpleNamespace) -> None:
    """Once its null has taken the structure away, the detector is silent; before it was not."""
    transform = getattr(home, NULLS[make().kind])
    for seed in range(5):
        changes = home.live(30, seed)
        for told, is_expected in ((changes, True), (transform(changes, seed), False)):
            detector = make()
            assert bool(home.judge(detector, home.learn(detector, told))) is is_expected


LAWS = (
    learning_leaves_its_input_alone,
    equal_input_gives_equal_state,
    duplicates_and_order_change_nothing,
    memory_is_bounded,
    days_that_hit_never_lose_a_pattern,
    nothing_is_found_in_the_null,
)


class Toy:
    """Finds what happens on most days within a narrow time; keeps every law."""

    kind = "time_of_day"

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        first = {
            day.types[index].key: int(day.minutes[at] * 60)
            for at, index in reversed([*enumerate(day.type_ids)])
        }
        return {key: {"n": 1, "sum": second, "squares": second * second} for key, second in first.items()}

    def detect(self, history: History) -> Iterator[Pattern | None]:
        days = history.aggregates[self.kind]
        for event_type in sorted(history.seen_on(5)):
            parts: list[Any] = [day[event_type.key] for day in days if event_type.key in day]
            total = {name: sum(part[name] for part in parts) for name in ("n", "sum", "squares")}
            yield self.judge(event_type, total, history)

    def judge(self, event_type: EventType, total: Any, history: History) -> Pattern | None:
        """The pattern of a type, if its times are narrow enough."""
        days, mean = len(history.days), total["sum"] / total["n"]
        spread = float(np.sqrt(max(0.0, total["squares"] / total["n"] - mean * mean)))
        return (
            self.pattern(event_type, total["n"], days, mean)
            if spread < 900 and total["n"] > 0.8 * days
            else None
        )

    def pattern(self, event_type: EventType, hits: int, days: int, mean: float) -> Pattern:
        """Say a pattern."""
        detail = TimeOfDayDetail(
            entity_id=event_type.entity_id, state=event_type.state, minute=mean / 60, spread_minutes=1.0,
            days=tuple(range(7)), anchor="clock",
        )  # fmt: skip
        evidence = Evidence(
            opportunities=days, hits=hits, misses=days - hits, base_rate=0.5, lift=1.0, interval=(0.0, 1.0),
            e_value=1.0,
        )  # fmt: skip
        return Pattern.of(
            detail, home="home", confidence=hits / days, occurrences=hits, evidence=evidence,
            first_seen="2026-06-01T00:00:00Z", last_seen="2026-06-01T00:00:00Z",
        )  # fmt: skip


class Overwriting(Toy):
    """Rounds the minutes that it was given, in place."""

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        day.minutes[:] = np.floor(day.minutes)
        return super().close_day(day)


class Unseeded(Toy):
    """Says something else each time that it is asked."""

    numbers = count()

    def pattern(self, event_type: EventType, hits: int, days: int, mean: float) -> Pattern:
        return super().pattern(event_type, hits, days, mean + next(self.numbers) % 7)


class Counting(Toy):
    """Believes the more, the more often a day was closed."""

    def __init__(self) -> None:
        self.told = 0

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        self.told += 1
        return super().close_day(day)

    def pattern(self, event_type: EventType, hits: int, days: int, mean: float) -> Pattern:
        return super().pattern(event_type, hits, days, mean + self.told % 60)


class Hoarding(Toy):
    """Never forgets what it saw."""

    def __init__(self) -> None:
        self.seen: set[EventType] = set()

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        self.seen.update(day.types)
        return super().close_day(day)


class Fickle(Toy):
    """Tires of a habit after twenty days."""

    def judge(self, event_type: EventType, total: Any, history: History) -> Pattern | None:
        return super().judge(event_type, total, history) if len(history.days) <= 20 else None


class Credulous(Toy):
    """Takes whatever happens every day for a habit of the clock."""

    def judge(self, event_type: EventType, total: Any, history: History) -> Pattern | None:
        return self.pattern(event_type, total["n"], len(history.days), total["sum"] / total["n"])


class Silent(Toy):
    """Finds nothing at all, and so breaks no promise about what it finds."""

    def judge(self, event_type: EventType, total: Any, history: History) -> Pattern | None:
        return super().judge(event_type, total, history) and None


SABOTEURS = (
    (learning_leaves_its_input_alone, Overwriting),
    (equal_input_gives_equal_state, Unseeded),
    (duplicates_and_order_change_nothing, Counting),
    (memory_is_bounded, Hoarding),
    (days_that_hit_never_lose_a_pattern, Fickle),
    (days_that_hit_never_lose_a_pattern, Silent),
    (nothing_is_found_in_the_null, Credulous),
    (nothing_is_found_in_the_null, Silent),
)


def _battery() -> Iterator[Any]:
    for make, law in product(REGISTRY, LAWS):
        reason = WAIVERS.get((make().kind, law.__name__))
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        yield pytest.param(law, make, marks=marks, id=f"{make.__name__}-{law.__name__}")


@pytest.mark.parametrize(("law", "make"), [*_battery()])
def test_every_detector_meets_every_law(
    law: Callable[[Make, SimpleNamespace], None], make: Make, household: SimpleNamespace
) -> None:
    """A detector that breaks a law must say why in a waiver."""
    law(make, household)


@pytest.mark.parametrize("law", LAWS)
def test_the_toy_meets_every_law(
    law: Callable[[Make, SimpleNamespace], None], household: SimpleNamespace
) -> None:
    """What the saboteurs are made from is sound, so each is rejected for its one fault."""
    law(Toy, household)


@pytest.mark.parametrize(("law", "saboteur"), SABOTEURS)
def test_every_law_rejects_its_saboteur(
    law: Callable[[Make, SimpleNamespace], None], saboteur: Make, household: SimpleNamespace
) -> None:
    """A law that lets its saboteur pass tests nothing."""
    with pytest.raises(AssertionError):
        law(saboteur, household)


def test_the_battery_is_complete() -> None:
    """Detectors have distinct kinds and a null each, every law has a saboteur, waivers name what exists."""
    kinds = [make().kind for make in REGISTRY]
    assert len(kinds) >= 2
    assert sorted(kinds) == sorted(set(kinds)) == sorted(NULLS)
    assert {law for law, _ in SABOTEURS} == set(LAWS)
    assert set(WAIVERS) <= {(kind, law.__name__) for kind in kinds for law in LAWS}


@pytest.mark.parametrize("make", REGISTRY)
def test_the_stream_is_long_enough_for_every_detector(make: Make, household: SimpleNamespace) -> None:
    """In twenty days each finds something, so that no law holds for want of patterns."""
    detector = make()
    found = household.judge(detector, household.learn(detector, household.live(20)))
    assert found
    assert {pattern.pattern_type for pattern in found} == {detector.kind}
