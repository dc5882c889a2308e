"""A small household's stream, a detector that is cheap to run, and a core over both."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.history import Aggregate, Day, History
from pipeline.core.core import ClosedDay, LearningCore
from schemas.events import EventType, ServiceCall, StateChange
from schemas.home import Home
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail

Entry = StateChange | ServiceCall
MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
START_US = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * 1_000_000
DAYS = 10


class Regular:
    """Finds what happens on at least three days at about one minute; a function of sets and sums alone."""

    kind = "time_of_day"

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        counts = np.bincount(day.type_ids, minlength=len(day.types))
        causes = np.bincount(day.type_ids, weights=day.causes, minlength=len(day.types))
        return {
            event_type.key: {"n": int(counts[index]), "causes": int(causes[index])}
            for index, event_type in enumerate(day.types)
        }

    def detect(self, history: History) -> Iterator[Pattern | None]:
        for event_type in sorted(history.seen_on(3)):
            days = [day for day in history.days if event_type in day.types]
            if days:
                yield _pattern(event_type, days, len(history.days))
            yield None


def _pattern(event_type: EventType, days: Sequence[Day], opportunities: int) -> Pattern:
    minutes = np.concatenate([day.minutes[day.type_ids == day.types.index(event_type)] for day in days])
    evidence = Evidence(
        opportunities=opportunities, hits=len(days), misses=opportunities - len(days), base_rate=0.5,
        lift=1.0, interval=(0.0, 1.0), e_value=1.0,
    )  # fmt: skip
    detail = TimeOfDayDetail(
        entity_id=event_type.entity_id, state=event_type.state, minute=float(minutes.mean()) % 1440,
        spread_minutes=float(minutes.std()), days=tuple(range(7)), anchor="clock",
    )  # fmt: skip
    return Pattern.of(
        detail, home="home", confidence=len(days) / opportunities, occurrences=len(minutes),
        evidence=evidence,
        first_seen=datetime.fromtimestamp(days[0].start_ms / 1000, UTC),
        last_seen=datetime.fromtimestamp(days[-1].end_ms / 1000, UTC),
    )  # fmt: skip


def _day(rng: random.Random, start_us: int, number: int) -> Iterator[Entry]:
    """One day: who did what is told by contexts and calls as Home Assistant tells it."""

    def change(minute: float, entity_id: str, old: str, new: str, *context: Any) -> StateChange:
        return StateChange(start_us + round(minute * MINUTE_US), entity_id, old, new, *context)

    def called(after: StateChange) -> ServiceCall:
        return ServiceCall(after.at_us - 1_000, (after.entity_id,), "light.turn_on")

    name = f"{number}"
    breakfast = change(420 + rng.gauss(0, 4), "light.kitchen", "off", "on", f"u{name}", None, "someone")
    yield from (called(breakfast), breakfast)
    # Somebody overrides the switch three seconds later: the device reports under the command's context.
    yield breakfast._replace(at_us=breakfast.at_us + 3_000_000, old="on", new="off")
    yield change(1080, "automation.porch", "on", "on", f"a{name}")._replace(mark=True)
    porch = change(1080.01, "light.porch", "off", "on", f"a{name}")
    porch = porch._replace(attributes=(("brightness", float(number)),))
    yield from (called(porch), porch)
    # The same change, as the history tells it afterwards: without its context.
    yield porch._replace(context_id=None)
    for visit in range(12):
        minute = rng.uniform(300, 1380)
        seen = change(minute, "binary_sensor.hall_motion", "off", "on", f"m{name}.{visit}")
        yield from (
            seen,
            seen._replace(at_us=seen.at_us + 30_000_000, old="on", new="off", context_id=f"n{name}.{visit}"),
        )
        yield change(minute + 0.1, "light.hall", "off", "on", f"l{name}.{visit}")
    for sample in range(144):
        minute = sample // 3 * 30 + rng.random()
        warm = change(minute, "sensor.hall_temperature", "", repr(rng.gauss(20, 1)))
        yield warm._replace(attributes=(("device_class", "temperature"),) if sample % 9 else ())
        yield change(minute, "sensor.balance", "", rng.choice(("0.0", "-0.0", "nan", "1e999")))
    for state in ("idle", "12.5", "running", "13", "idle"):
        yield change(rng.uniform(0, 1440), "sensor.washer", "", state, f"w{name}{state}")
    yield change(rng.uniform(0, 1440), "scene.film", "", f"{rng.random()}", f"s{name}")
    yield change(rng.uniform(0, 1440), "weather.home", "sunny", "rainy", f"x{name}")
    yield change(1439.95, "automation.night", "on", "on", f"z{name}")._replace(mark=True)
    yield change(1440.05, "lock.door", "unlocked", "locked", f"z{name}")


@pytest.fixture(scope="session")
def stream() -> list[Entry]:
    """Ten days in order of event time."""
    rng = random.Random(1)
    entries = [entry for number in range(DAYS) for entry in _day(rng, START_US + number * DAY_US, number)]
    return sorted(entries, key=lambda entry: entry.at_us)


class Learned:
    """A core, fed, and every set as it was when its day last closed."""

    def __init__(self, core: LearningCore) -> None:
        self.core = core
        self.closed: dict[str, ClosedDay] = {}

    def feed(self, entries: Iterable[Entry], *, close_every: int = 400) -> "Learned":
        """Learn entries; close what is due now and then."""
        for number, entry in enumerate(entries, 1):
            if isinstance(entry, ServiceCall):
                self.core.see_call(entry)
            else:
                self.core.learn_one(entry)
            if number % close_every == 0:
                self.close()
        self.close()
        return self

    def close(self) -> None:
        """Close what is due."""
        for closed in self.core.close_due():
            self.closed[closed.day.date.isoformat()] = closed

    def end(self) -> "Learned":
        """Let time pass until every day is over, and judge."""
        after_us = START_US + (DAYS + 3) * DAY_US
        self.core.learn_one(StateChange(after_us, "weather.home", "sunny", "rainy"))
        self.close()
        for _ in self.core.judge():
            pass
        return self

    def canonical(self) -> dict[str, bytes]:
        """Day sets, closed days, aggregates and active patterns, as bytes."""
        history = self.core.history()
        texts: dict[str, Any] = {
            "sets": {day: closed.events.canonical() for day, closed in sorted(self.closed.items())},
            "days": [_plain_day(day) for day in history.days],
            "steps": {
                name: [steps.start_ms.tolist(), steps.mean.tolist()] for name, steps in history.steps.items()
            },
            "aggregates": history.aggregates,
            "patterns": [
                pattern.model_dump(mode="json", round_trip=True)
                for pattern in self.core.ledger.active.values()
            ],
        }
        written = {name: json.dumps(text, allow_nan=False, default=dict) for name, text in texts.items()}
        return {name: text.encode() for name, text in written.items()}


def _plain_day(day: Day) -> list[object]:
    arrays = (day.at_ms, day.minutes, day.type_ids, day.causes, day.derived)
    return [
        day.date.isoformat(),
        day.start_ms,
        day.end_ms,
        day.types,
        day.gaps_ms,
        day.sunrise,
        day.sunset,
        dict(day.attributes),
        dict(day.initial),
    ] + [array.tolist() for array in arrays]


@pytest.fixture
def learned() -> Callable[..., Learned]:
    """Make a core for a home in Berlin, with settings replaced as wanted."""

    def make(tz: str = "Europe/Berlin", **settings: Any) -> Learned:
        return Learned(LearningCore(Home(tz=tz, lat=52.5, lon=13.4), [Regular()], **settings))

    return make


@pytest.fixture(scope="session")
def disorder() -> Callable[[Sequence[Entry], int, float, timedelta], list[Entry]]:
    """Delay every entry at random, up to a bound, and deliver a share of them twice.

    Numbers are not delivered twice: their samples count, so ingest's keys see to it that each comes once.
    """

    def deliver(entries: Sequence[Entry], seed: int, duplicates: float, delay: timedelta) -> list[Entry]:
        rng = random.Random(seed)
        most_us = delay // timedelta(microseconds=1)
        arrivals: list[tuple[int, int, Entry]] = []
        for number, entry in enumerate(entries):
            arrivals.append((entry.at_us + rng.randrange(most_us), number, entry))
            counts = isinstance(entry, StateChange) and entry.entity_id.startswith("sensor.")
            if not counts and rng.random() < duplicates:
                arrivals.append((entry.at_us + rng.randrange(most_us), number, entry))
        return [entry for _, _, entry in sorted(arrivals, key=lambda arrival: arrival[:2])]

    return deliver
