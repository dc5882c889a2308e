"""Models that learn day after day are a function of the closed days, whatever the order of arrival."""

import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim

from detectors.contract import DayLearner, State
from detectors.history import Aggregate, Day, History
from pipeline.core.core import LearningCore
from pipeline.core.day_learning import WEEKLY_STATES
from schemas.events import StateChange
from schemas.home import Home
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail
from tests.profiles import examples

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
START = date(2026, 10, 20)
START_US = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * 1_000_000
HOME = Home(tz="UTC", lat=52.5, lon=13.4)


class Forecast:
    """Forecasts by River how often the light is used on a day: stochastic gradient descent, day after day."""

    kind = "forecast"
    builds_on: Sequence[str] = ()

    def __init__(self) -> None:
        self.calls: list[date] = []
        self.resume(None)

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return {"light.hall": {"n": len(day.at_ms)}}

    def detect(self, history: History) -> Iterator[Pattern | None]:
        del history
        yield None

    def learn_day(self, day: Day, found: Mapping[str, tuple[Pattern, ...]]) -> Collection[str]:
        self.calls.append(day.date)
        features = {"weekend": float(day.weekday > 4), "found": float(sum(map(len, found.values())))}
        uses = float(len(day.at_ms))
        expected: float = self.model.predict_one(features)  # type: ignore[no-untyped-call]
        self.model.learn_one(features, uses)
        return ("busy",) if uses > expected + 1 else ()

    def state(self) -> State:
        return {
            "weights": dict(self.model.weights),
            "intercept": self.model.intercept,
            "steps": self.model.optimizer.n_iterations,
        }

    def resume(self, state: State | None) -> None:
        self.model = linear_model.LinearRegression(optimizer=optim.SGD(0.05), intercept_lr=0.1)
        if state is not None:
            if not isinstance(state.get("weights"), dict):
                raise ValueError(f"expected weights, got {state!r:.100}")
            self.model = linear_model.LinearRegression(
                optimizer=optim.SGD(0.05), intercept_lr=0.1, intercept_init=state["intercept"]
            )
            self.model._weights.update(state["weights"])
            self.model.optimizer.n_iterations = state["steps"]


class Regular:
    """Finds an entity that was seen on most days."""

    kind = "time_of_day"

    def __init__(self) -> None:
        self.judged = 0

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return {each.key: {"n": 1} for each in day.types}

    def detect(self, history: History) -> Iterator[Pattern | None]:
        self.judged += 1
        for event_type in sorted(history.seen_on(1 + 2 * len(history.days) // 3)):
            evidence = Evidence(
                opportunities=1, hits=1, misses=0, base_rate=0.5, lift=1, interval=(0, 1), e_value=1
            )
            detail = TimeOfDayDetail(
                entity_id=event_type.entity_id, state=event_type.state, minute=1, spread_minutes=1,
                days=(0,), anchor="clock",
            )  # fmt: skip
            yield Pattern.of(
                detail, home="home", confidence=0.5, occurrences=1, evidence=evidence,
                first_seen=datetime(2026, 1, 1, tzinfo=UTC), last_seen=datetime(2026, 1, 1, tzinfo=UTC),
            )  # fmt: skip
            yield None


class Building(Forecast):
    """The same, told what `Regular` finds."""

    builds_on = ("time_of_day",)


def changes(days: int, seed: int = 1) -> list[StateChange]:
    """Some uses of some lights on each day."""
    rng = random.Random(seed)
    return sorted(
        StateChange(
            START_US + number * DAY_US + rng.randrange(DAY_US),
            f"light.l{rng.randrange(4)}",
            "off",
            rng.choice(("on", "off")),
            f"c{number}.{use}",
        )
        for number in range(days)
        for use in range(rng.randint(1, 12))
    )


def core_with(learner: Forecast, **settings: Any) -> LearningCore:
    """A core with a learner and what it builds on."""
    return LearningCore(HOME, [Regular(), learner], **settings)


def judge(core: LearningCore) -> None:
    """Close what is due and judge."""
    core.close_due()
    for _ in core.judge():
        pass


def feed(core: LearningCore, arriving: Sequence[StateChange], *, judge_every: int) -> None:
    """Learn changes as they arrive, restore a sealed day before a late one, judge now and then."""
    for number, change in enumerate(arriving, 1):
        core.learn_one(change)
        if number % judge_every == 0:
            judge(core)


def end(core: LearningCore, days: int) -> dict[str, Any]:
    """Let the last day end and judge; all that the models hold, as JSON."""
    core.learn_one(StateChange(START_US + (days + 1) * DAY_US, "weather.home", "sunny", "rainy"))
    judge(core)
    return {"models": json.loads(json.dumps(core.models.snapshot())), "labels": core.history().labels}


def clean(learner: Forecast, days: int, **settings: Any) -> dict[str, Any]:
    """What a run makes of the changes that judges every night, each change once and in order."""
    core = core_with(learner, **settings)
    night_us = START_US + DAY_US
    for change in changes(days):
        core.learn_one(change)
        if change.at_us >= night_us:
            judge(core)
            night_us += DAY_US
    return end(core, days)


@pytest.mark.parametrize("make", [Forecast, Building])
def test_every_day_is_learned_once_in_order(make: Callable[[], Forecast]) -> None:
    """Each night the day that ended, and no other."""
    learner = make()
    assert isinstance(learner, DayLearner)
    held = clean(learner, 20)
    assert learner.calls == [START + timedelta(days=number) for number in range(20)]
    assert set(held["labels"]) == set(learner.calls)
    assert frozenset({"busy"}) in held["labels"].values()


@pytest.mark.parametrize("make", [Forecast, Building])
@settings(max_examples=examples(15))
@given(rng=st.randoms(use_true_random=False), hours=st.integers(1, 30 * 24), every=st.integers(3, 300))
def test_order_and_duplicates_change_no_model(
    make: Callable[[], Forecast], rng: random.Random, hours: int, every: int
) -> None:
    """Delivered up to 30 days late, in any order, half of it twice, judged at any time: the same bytes."""
    told = [*changes(34), *rng.sample(changes(34), len(changes(34)) // 2)]
    arriving = sorted(told, key=lambda change: change.at_us + rng.randrange(hours * HOUR_US))
    core = core_with(make(), lateness_hours=24 * 40)
    feed(core, arriving, judge_every=every)
    assert end(core, 34) == clean(make(), 34)


def test_a_changed_day_is_learned_again_with_those_after_it() -> None:
    """From the newest state before it, the end of the week before; those before that are not."""
    learner = Forecast()
    core = core_with(learner, lateness_hours=24 * 40)
    feed(core, changes(34), judge_every=5)
    end(core, 34)
    learner.calls.clear()
    judge(core)
    assert learner.calls == []
    late = date(2026, 11, 12)
    core.learn_one(StateChange(START_US + 23 * DAY_US, "light.l1", "off", "on", "late"))
    judge(core)
    assert learner.calls == [date(2026, 11, day) for day in range(9, 23)]
    assert late in learner.calls


@pytest.mark.parametrize(("changed", "first"), [(8, 2), (22, 16)])
def test_a_changed_day_that_a_state_is_of_is_learned_again(changed: int, first: int) -> None:
    """The end of a week, or the last day: the state from then holds what the day was, so it goes too."""
    learner = Forecast()
    core = core_with(learner, lateness_hours=24 * 40)
    feed(core, changes(34), judge_every=5)
    end(core, 34)
    learner.calls.clear()
    late = date(2026, 11, changed)
    core.learn_one(StateChange(START_US + (late - START).days * DAY_US, "light.l1", "off", "on", "late"))
    judge(core)
    assert learner.calls == [date(2026, 11, day) for day in range(first, 23)]


def test_a_restart_goes_on_exactly() -> None:
    """From what is kept, without learning a day twice."""
    first = core_with(Forecast(), lateness_hours=24 * 40)
    every = changes(34)
    half = next(place for place, change in enumerate(every) if change.at_us > START_US + 20 * DAY_US)
    feed(first, every[:half], judge_every=1)
    kept = json.loads(json.dumps(first.models.snapshot(), allow_nan=False))
    again = Forecast()
    second = core_with(again, lateness_hours=24 * 40)
    assert second.models.restore(kept, [again]) == []
    feed(second, every[:half], judge_every=len(every))
    feed(second, every[half:], judge_every=1)
    assert end(second, 34) == clean(Forecast(), 34)
    assert again.calls == [START + timedelta(days=number) for number in range(19, 34)]


def test_a_state_that_is_none_is_learned_anew() -> None:
    """A detector that changed refuses what it wrote before."""
    core = core_with(Forecast())
    kept = {"forecast": {"days": [], "states": [["2026-10-25", '{"other":1}']]}}
    learner = Forecast()
    assert core.models.restore(kept, [learner]) == ["forecast"]
    core = core_with(learner)
    feed(core, changes(12), judge_every=20)
    assert end(core, 12) == clean(Forecast(), 12)


def test_states_are_bounded_and_reach_back_a_month() -> None:
    """However long a home is learned, some weeks can be gone back to, and the last day."""
    core = core_with(Forecast(), retain_days=60)
    feed(core, changes(150), judge_every=10)
    kept = end(core, 150)["models"]["forecast"]
    days = [date.fromisoformat(day) for day, _ in kept["states"]]
    assert len(days) == WEEKLY_STATES + 1
    assert all(day.weekday() == 6 for day in days[:-1])
    assert days[-1] == START + timedelta(days=149)
    assert days[-1] - days[0] > timedelta(days=30)
    assert len(kept["days"]) <= 60


@pytest.mark.parametrize("nights", [1, 7, 1_000])
def test_days_are_learned_before_they_leave_the_judgement(nights: int) -> None:
    """A log that is judged once at its end teaches a model all of its days."""
    learner = Forecast()
    core = core_with(learner, retain_days=10)
    night_us = START_US + DAY_US
    for change in changes(45):
        core.learn_one(change)
        if change.at_us >= night_us:
            core.close_due()
            if (change.at_us - START_US) // DAY_US % nights == 0:
                judge(core)
            night_us += DAY_US
    held = end(core, 45)
    assert learner.calls == [START + timedelta(days=number) for number in range(45)]
    assert (
        held["models"]["forecast"]["states"][-1] == clean(Forecast(), 45)["models"]["forecast"]["states"][-1]
    )


def test_a_clock_that_was_ahead_leaves_no_trace() -> None:
    """Days that are taken back are forgotten by the models too."""
    core = core_with(Forecast())
    feed(core, changes(20), judge_every=10)
    ahead = START_US + 60 * DAY_US
    core.learn_one(StateChange(ahead, "light.l1", "off", "on", "ahead"))
    core.learn_one(StateChange(ahead + DAY_US, "light.l1", "on", "off", "ahead"))
    judge(core)
    core.turn_back((START_US + 20 * DAY_US) // 1000)
    assert end(core, 20) == clean(Forecast(), 20)


def test_the_last_day_costs_no_second_judgement() -> None:
    """What the judgement found already is what the learner is told."""
    core = core_with(Building())
    feed(core, changes(10), judge_every=1)
    regular = core.detectors[0]
    assert isinstance(regular, Regular)
    before = regular.judged
    core.learn_one(StateChange(START_US + 12 * DAY_US, "weather.home", "sunny", "rainy"))
    judge(core)
    assert regular.judged == before + 1
