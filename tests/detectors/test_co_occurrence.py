"""Textbook households: what is a trigger and its action, and what only looks like it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.co_occurrence import CoOccurrence
from detectors.evidence import accept
from detectors.history import Day, History, Steps
from schemas.events import Cause, EventType
from schemas.home import Home
from schemas.patterns import CoOccurrenceDetail, Pattern

MONDAY = date(2026, 3, 2)
DAY_S = 86_400
SUNRISE, SUNSET = 390.0, 1080.0

DOOR = ("binary_sensor.front_door", "on")
LAMP = ("light.hall", "on")
RADIO = ("media_player.radio", "playing")
FAN = ("fan.kitchen", "on")
KETTLE = ("switch.kettle", "on")
REST = {"media_player": "idle", "lock": "locked", "person": "not_home"}

Name = tuple[str, str]


@dataclass
class Household:
    """A generated home: `use` things at seconds after local midnight, then ask what was learned."""

    seed: int = 1
    days: int = 30
    rooms: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Steps] = field(default_factory=dict)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    events: list[tuple[float, str, str, Cause, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def at(self, day: int, second: float) -> float:
        """Seconds since the first midnight."""
        return day * DAY_S + second

    def change(self, at: float, name: Name, cause: Cause = Cause.UNCERTAIN, *, derived: bool = False) -> None:
        """Let an entity reach a state."""
        self.events.append((at, *name, cause, derived))

    def use(
        self,
        at: float,
        name: Name,
        *,
        minutes: float | None = None,
        cause: Cause = Cause.UNCERTAIN,
        derived: bool = False,
    ) -> float:
        """Let an entity reach a state, and leave it some minutes later; returns `at`."""
        stay = minutes if minutes is not None else 15 * self.random.lognormvariate(0, 0.5)
        self.change(at, name, cause, derived=derived)
        rest = REST.get(name[0].partition(".")[0], "off")
        self.change(at + 60 * stay, (name[0], rest), cause, derived=derived)
        return at

    def moments(self, per_day: int, *, day: int | None = None) -> Iterator[float]:
        """Random moments between 07:00 and 22:00, at least half an hour apart, of all days or of one."""
        for number in range(self.days) if day is None else (day,):
            slots = self.random.sample(range(30), per_day)
            for slot in sorted(slots):
                yield self.at(number, 7 * 3600 + slot * 1800 + self.random.uniform(0, 900))

    def lag(self, median: float) -> float:
        """Return how long somebody takes who usually takes `median` seconds."""
        return median * self.random.lognormvariate(0, 0.4)

    def live(self, devices: int = 10) -> "Household":
        """Add devices in use at random, and somebody moving about."""
        for number in range(devices):
            for at in self.moments(3):
                self.use(at, (f"switch.other_{number}", "on"))
        for at in self.moments(20):
            for step in range(self.random.randint(1, 4)):
                self.use(at + 90 * step, ("binary_sensor.motion", "on"), minutes=0.5)
        return self

    def history(self, detector: CoOccurrence, *, shuffled: bool = False) -> History:
        """Close all days, in order or from the last to the first."""
        days = self._days()
        closed = {day.date: detector.close_day(day) for day in (days[::-1] if shuffled else days)}
        home = Home(rooms=self.rooms)
        return History(home, days, {detector.kind: tuple(closed[day.date] for day in days)}, self.steps)

    def learn(self, **settings: Any) -> list[Pattern]:
        """Everything that a detector finds in this home."""
        detector = CoOccurrence(**settings)
        return found(detector, self.history(detector))

    def _days(self) -> tuple[Day, ...]:
        states: dict[str, str] = {}
        kept: list[list[tuple[float, str, str, Cause, bool]]] = [[] for _ in range(self.days)]
        for event in sorted(self.events):
            number = int(event[0] // DAY_S)
            if states.get(event[1]) != event[2] and number < self.days:
                states[event[1]] = event[2]
                kept[number].append(event)
        return tuple(self._day(number, events) for number, events in enumerate(kept))

    def _day(self, number: int, events: Sequence[tuple[float, str, str, Cause, bool]]) -> Day:
        local = MONDAY + timedelta(days=number)
        start = round(datetime(local.year, local.month, local.day, tzinfo=UTC).timestamp() * 1000)
        origin = start - number * DAY_S * 1000
        types = sorted({EventType(entity, state) for _, entity, state, _, _ in events})
        at = np.array([origin + round(event[0] * 1000) for event in events], dtype=np.int64)
        gaps = ((origin + round(a * 1000), origin + round(b * 1000)) for a, b in self.gaps)
        return Day(
            date=local,
            start_ms=start,
            end_ms=start + DAY_S * 1000,
            types=tuple(types),
            at_ms=at,
            minutes=(at - start) / 60_000,
            type_ids=np.array([types.index(EventType(e[1], e[2])) for e in events], dtype=np.int32),
            causes=np.array([event[3] for event in events], dtype=np.uint8),
            derived=np.array([event[4] for event in events], dtype=np.bool_),
            sunrise=SUNRISE,
            sunset=SUNSET,
            gaps_ms=tuple(gap for gap in gaps if gap[0] < start + DAY_S * 1000 and gap[1] > start),
        )


def found(detector: CoOccurrence, history: History) -> list[Pattern]:
    """Patterns without the pauses between them."""
    return [pattern for pattern in detector.detect(history) if pattern is not None]


def detail(pattern: Pattern) -> CoOccurrenceDetail:
    """Return what a pattern speaks of."""
    assert isinstance(pattern.detail, CoOccurrenceDetail)
    return pattern.detail


def pairs(patterns: Sequence[Pattern]) -> list[tuple[Name, Name]]:
    """Trigger and action of each pattern."""
    return [
        ((d.trigger.entity_id, d.trigger.state), (d.action.entity_id, d.action.state))
        for d in map(detail, patterns)
    ]


def follow(
    home: Household, trigger: Name, action: Name, *, median: float = 15, share: float = 0.85, per_day: int = 3
) -> None:
    """Plant a habit."""
    for at in home.moments(per_day):
        home.use(at, trigger, minutes=3)
        if home.random.random() < share:
            home.use(at + home.lag(median), action)


def test_reports_a_habit_with_its_evidence() -> None:
    """A trigger that is followed five times in six is found with its lag, its hit rate and its dates."""
    home = Household().live()
    follow(home, DOOR, LAMP, median=15, share=0.85)
    (pattern,) = home.learn()
    evidence, lag = pattern.evidence, detail(pattern).lag_seconds
    assert pairs([pattern]) == [(DOOR, LAMP)]
    assert detail(pattern).conditions == ()
    assert not detail(pattern).automated
    assert lag.p10 < 12 < lag.p50 < 18 < lag.p90 < 40
    assert 80 <= evidence.opportunities <= 90
    assert evidence.hits + evidence.misses == evidence.opportunities
    assert evidence.interval[0] < 0.85 < evidence.interval[1]
    assert detail(pattern).probability == pytest.approx(evidence.hits / evidence.opportunities)
    assert 0.6 < pattern.confidence < 0.95
    assert evidence.base_rate < 0.05
    assert evidence.e_value > 1e20
    assert evidence.recent_hits[-1] >= MONDAY + timedelta(days=28)
    assert pattern.first_seen.date() == MONDAY
    assert pattern.occurrences == evidence.hits


def test_needs_no_more_than_two_weeks() -> None:
    """Twelve occasions in two weeks are enough."""
    home = Household(days=14).live()
    follow(home, DOOR, LAMP, per_day=1)
    assert pairs(home.learn()) == [(DOOR, LAMP)]


def test_evidence_must_suffice_for_all_that_was_tested() -> None:
    """A handful of occasions is believed at a false discovery rate of 5 %, and not at one in 10^18."""
    home = Household(days=6).live()
    follow(home, DOOR, LAMP, per_day=1, share=1.0)
    assert pairs(home.learn()) == [(DOOR, LAMP)]
    assert home.learn(alpha=1e-18) == []


def hypotheses(home: Household, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """For how many pairs evidence was weighed in this home, and how many were counted as tested."""
    counted: list[tuple[int, int]] = []

    def counting(evidence: Any, alpha: float, tested: int) -> Any:
        counted.append((len(evidence), tested))
        return accept(evidence, alpha, tested)

    monkeypatch.setattr("detectors.co_occurrence.detector.accept", counting)
    assert pairs(home.learn()) == [(DOOR, LAMP)]
    return counted[-1]


def test_pairs_that_were_screened_out_count_as_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """The more things are used in a home, the more pairs were tested, although few are weighed."""
    small, large = Household().live(4), Household().live(12)
    for home in (small, large):
        follow(home, DOOR, LAMP)
    (_, few), (weighed, many) = (hypotheses(home, monkeypatch) for home in (small, large))
    assert weighed < few < many


def plant_change(home: Household, before: float, after: float, *, day: int, per_day: int = 3) -> None:
    """Plant a habit whose hit rate changes on a day."""
    for at in home.moments(per_day):
        home.use(at, DOOR, minutes=3)
        if home.random.random() < (before if at < day * DAY_S else after):
            home.use(at + home.lag(15), LAMP)


def test_habit_that_fades_is_expected_as_it_is_now() -> None:
    """What was always done and is done less often now is told at the present rate."""
    home = Household(days=60).live()
    plant_change(home, 1.0, 0.65, day=35)
    (pattern,) = home.learn()
    assert 0.5 < detail(pattern).probability < 0.8
    assert 0.5 < pattern.confidence < 0.8
    assert pattern.first_seen.date() > MONDAY + timedelta(days=30)


def test_habit_that_ended_is_told_no_more() -> None:
    """A week without it, after weeks in which it was always kept, is enough."""
    home = Household().live()
    plant_change(home, 0.95, 0.0, day=23)
    assert home.learn() == []


def test_habit_that_began_lately_is_told() -> None:
    """Two weeks of a habit suffice after six weeks without it."""
    home = Household(days=56).live()
    plant_change(home, 0.0, 0.9, day=42)
    (pattern,) = home.learn()
    assert pairs([pattern]) == [(DOOR, LAMP)]
    assert detail(pattern).conditions == ()
    assert detail(pattern).probability > 0.8


def test_common_cause_in_random_order_is_no_habit() -> None:
    """Two things that somebody does within minutes, in any order, do not trigger each other."""
    home = Household().live()
    for at in home.moments(3):
        home.use(at + home.random.uniform(0, 60), RADIO)
        home.use(at + home.random.uniform(0, 60), LAMP)
    assert home.learn() == []


def test_frequent_motion_is_no_trigger() -> None:
    """Motion precedes everything that anybody does, and is seldom followed by it."""
    home = Household().live()
    for at in home.moments(6):
        home.use(at - 5, ("binary_sensor.motion", "on"), minutes=0.5)
        home.use(at, LAMP)
    assert home.learn() == []


def test_use_throughout_a_visit_is_no_reaction() -> None:
    """A device that is used at any time while somebody is in the room does not react to the room's door."""
    home = Household(rooms={DOOR[0]: "garage", LAMP[0]: "garage"}).live()
    for at in home.moments(4):
        home.use(at, DOOR, minutes=1)
        if home.random.random() < 0.8:
            home.use(at + home.random.uniform(1, 420), LAMP)
    assert home.learn() == []


def test_what_was_due_anyway_is_no_reaction() -> None:
    """A lamp that goes out after some minutes by itself does not go out because of what happens meanwhile."""
    home = Household().live()
    for at in home.moments(6):
        home.use(at, LAMP, minutes=5 * home.random.lognormvariate(0, 0.15))
        home.use(at + 200 + home.random.uniform(0, 60), RADIO, minutes=20)
    assert (RADIO, (LAMP[0], "off")) not in pairs(home.learn())


def test_being_on_already_is_no_opportunity() -> None:
    """Who has light already does not switch it on; that is not a miss."""
    home = Household().live()
    for number, at in enumerate(home.moments(4)):
        if number % 2:
            home.use(at - 300, LAMP, minutes=10)
        home.use(at, DOOR, minutes=3)
        if not number % 2:
            home.use(at + home.lag(15), LAMP, minutes=8)
    (pattern,) = home.learn()
    assert pairs([pattern]) == [(DOOR, LAMP)]
    assert pattern.evidence.opportunities == pytest.approx(60, abs=2)
    assert detail(pattern).probability > 0.95


def test_triggers_in_a_burst_are_one_opportunity() -> None:
    """A door that opens three times within seconds is one occasion, and one action is one hit."""
    home = Household().live()
    for at in home.moments(3):
        for repeat in range(3):
            home.use(at + 4 * repeat, DOOR, minutes=0.03)
        home.use(at + 12 + home.lag(10), LAMP)
    (pattern,) = [p for p in home.learn() if detail(p).trigger.state == "on"]
    assert pattern.evidence.opportunities == pytest.approx(90, abs=2)
    assert pattern.evidence.hits == pytest.approx(90, abs=4)


def test_habit_across_midnight_counts() -> None:
    """A trigger before midnight and its action after it are one trial."""
    home = Household().live()
    for day in range(home.days - 1):
        at = home.use(home.at(day, DAY_S - home.random.uniform(1, 8)), DOOR, minutes=3)
        home.use(at + 8 + home.lag(10), LAMP)
        second = home.use(home.at(day, 50_000 + home.random.uniform(0, 9_000)), DOOR, minutes=3)
        home.use(second + home.lag(15), LAMP)
    (pattern,) = home.learn()
    assert pattern.evidence.hits >= 56


def test_the_sun_is_no_trigger() -> None:
    """What follows the sun is a habit of time; sun.sun triggers nothing here."""
    home = Household().live()
    for day in range(home.days):
        at = home.use(home.at(day, 18 * 3600 + 90 * day), ("sun.sun", "below_horizon"), minutes=600)
        home.use(at + home.lag(30), LAMP)
    assert home.learn() == []


@pytest.mark.parametrize("lag_s", [0.2, 45.0])
def test_hidden_automation_is_recognised(lag_s: float) -> None:
    """What follows within a second, or always after the same time, is a machine's doing and no habit."""
    home = Household().live()
    for at in home.moments(2):
        home.use(at, LAMP)
    for at in home.moments(4):
        home.use(at, DOOR, minutes=3)
        home.use(at + lag_s * home.random.lognormvariate(0, 0.002 if lag_s > 1 else 0.12), LAMP)
    assert home.learn() == []


def test_visible_automation_is_recognised() -> None:
    """What automations do is no habit, however regular."""
    home = Household().live()
    for at in home.moments(4):
        home.use(at, DOOR, minutes=3)
        home.use(at + home.lag(10), LAMP, cause=Cause.AUTOMATION)
    assert home.learn() == []


def test_what_an_automation_mostly_does_is_no_habit() -> None:
    """Where an automation fails now and then, what people do instead is too rare to be their habit."""
    home = Household().live()
    for at in home.moments(4):
        home.use(at, DOOR, minutes=3)
        by_hand = home.random.random() < 0.25
        home.use(at + home.lag(10), LAMP, cause=Cause.USER if by_hand else Cause.AUTOMATION)
    assert home.learn() == []


def test_habit_after_an_automation_is_seen() -> None:
    """Somebody may react to what an automation does."""
    home = Household().live()
    for at in home.moments(3):
        home.use(at, FAN, minutes=6, cause=Cause.AUTOMATION)
        home.use(at + home.lag(15), LAMP)
    assert pairs(home.learn()) == [(FAN, LAMP)]


def test_group_speaks_through_its_first_member() -> None:
    """A group of lamps and a power sensor that share a context with the lamp are not spoken of."""
    home = Household().live()
    for at in home.moments(3):
        home.use(at, KETTLE, minutes=5)
        home.use(at + 0.1, ("binary_sensor.kettle_power", "on"), minutes=5, derived=True)
        lit = at + home.lag(15)
        home.use(lit, LAMP, minutes=10)
        home.use(lit + 0.01, ("light.all", "on"), minutes=10, derived=True)
    assert pairs(home.learn()) == [(KETTLE, LAMP)]


def test_scene_without_context_speaks_once() -> None:
    """Lamps that always come on in the same second are one action, even where no context says so."""
    home = Household().live()
    for at in home.moments(3):
        home.use(at, DOOR, minutes=3)
        lit = round(at + home.lag(15))
        for number in range(4):
            home.use(lit, (f"light.scene_{number}", "on"), minutes=10)
    assert pairs(home.learn()) == [(DOOR, ("light.scene_0", "on"))]


def test_chain_is_told_step_by_step() -> None:
    """Of A, then B, then C, the steps A to B and B to C are reported, not A to C."""
    home = Household().live()
    for at in home.moments(1):
        if home.random.random() < 0.7:
            home.use(at, RADIO)
    for at in home.moments(3):
        first = home.use(at, KETTLE)
        if home.random.random() < 0.95:
            second = home.use(first + home.lag(20), RADIO)
            if home.random.random() < 0.95:
                home.use(second + home.lag(25), LAMP)
    assert sorted(pairs(home.learn())) == [(RADIO, LAMP), (KETTLE, RADIO)]


def test_step_too_weak_for_a_habit_still_explains() -> None:
    """Of a chain whose middle step is mostly taken for itself, no pair leaps over that step."""
    home = Household().live()
    for at in home.moments(2):
        home.use(at, RADIO)
        fan = home.use(at + home.lag(20), FAN)
        home.use(fan + home.lag(20), LAMP)
    for at in home.moments(4):
        home.use(at, FAN)
    assert pairs(home.learn()) == [(RADIO, FAN)]


def test_siblings_do_not_trigger_each_other() -> None:
    """Two actions that follow one trigger, one later than the other, are told of that trigger alone."""
    home = Household().live()
    for at in home.moments(3):
        home.use(at, DOOR, minutes=3)
        if home.random.random() < 0.8:
            home.use(at + home.lag(6), RADIO)
        if home.random.random() < 0.8:
            home.use(at + 20 + home.lag(20), LAMP)
    for at in home.moments(1):
        home.use(at, RADIO)
    assert sorted(pairs(home.learn())) == [(DOOR, LAMP), (DOOR, RADIO)]


def test_two_triggers_of_one_action_both_count() -> None:
    """An action may have two triggers that have nothing to do with each other."""
    home = Household().live()
    follow(home, DOOR, LAMP, per_day=3)
    follow(home, KETTLE, LAMP, per_day=3)
    assert sorted(pairs(home.learn())) == [(DOOR, LAMP), (KETTLE, LAMP)]


def plant_if(home: Household, met: Any, per_day: int = 5) -> None:
    """Plant a habit that is kept only when `met` says so of the moment."""
    for at in home.moments(per_day):
        home.use(at, DOOR, minutes=3)
        if met(at) and home.random.random() < 0.9:
            home.use(at + home.lag(15), LAMP)


@pytest.mark.parametrize(
    ("met", "expected"),
    [
        (lambda at: at % DAY_S >= SUNSET * 60 or at % DAY_S < SUNRISE * 60, {"kind": "dark"}),
        (lambda at: at // DAY_S % 7 < 5, {"kind": "weekday", "days": (0, 1, 2, 3, 4)}),
        (lambda at: at // DAY_S % 7 >= 5, {"kind": "weekday", "days": (5, 6)}),
        (
            lambda at: 9 <= at % DAY_S / 3600 < 14,
            {"kind": "hours", "after": pytest.approx(9, abs=1), "before": pytest.approx(14, abs=1)},
        ),
    ],
    ids=["dark", "workdays", "weekend", "hours"],
)
def test_condition_is_named(met: Any, expected: dict[str, Any]) -> None:
    """A habit that is kept under a condition is told with it, and its figures are those under it."""
    home = Household().live()
    plant_if(home, met)
    (pattern,) = home.learn()
    (condition,) = detail(pattern).conditions
    assert condition.model_dump(round_trip=True) == expected
    assert detail(pattern).probability > 0.75


def thermometer(days: int, seed: int) -> Steps:
    """Temperatures that change from day to day and are the same all day."""
    rng = np.random.default_rng(seed)
    origin = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
    steps = np.arange(days * 288)
    return Steps(origin + steps * 300_000, np.repeat(rng.uniform(0, 20, days), 288), "temperature")


def test_temperature_is_named() -> None:
    """A habit of cold days is told with the thermometer that says so and about the right threshold."""
    home = Household(
        steps={"sensor.outdoor_temperature": thermometer(30, 5), "sensor.temp": thermometer(30, 6)}
    )
    outdoor = home.steps["sensor.outdoor_temperature"].mean
    plant_if(home.live(), lambda at: outdoor[int(at // 300)] < 10)
    (pattern,) = home.learn()
    (condition,) = detail(pattern).conditions
    found_condition = condition.model_dump()
    assert found_condition["entity_id"] == "sensor.outdoor_temperature"
    assert found_condition["below"] == pytest.approx(10, abs=1.5)
    assert found_condition["above"] is None


def test_presence_is_named() -> None:
    """A habit that is kept while somebody is at home is told so."""
    home = Household().live()
    away = [day for day in range(home.days) if home.random.random() < 0.4]
    for day in range(home.days):
        home.change(home.at(day, 60), ("person.ann", "not_home" if day in away else "home"))
    plant_if(home, lambda at: at // DAY_S not in away)
    (pattern,) = home.learn()
    assert [c.model_dump() for c in detail(pattern).conditions] == [{"kind": "home", "somebody": True}]


def test_no_condition_where_misses_are_random() -> None:
    """Misses that follow nothing are not blamed on a condition."""
    for seed in range(5):
        home = Household(seed=seed, steps={"sensor.temperature": thermometer(30, seed)}).live()
        follow(home, DOOR, LAMP, share=0.7)
        (pattern,) = home.learn()
        assert detail(pattern).conditions == ()


def test_gap_is_no_opportunity() -> None:
    """Triggers whose action could not be seen are neither hits nor misses."""
    home = Household().live()
    home.gaps = [(10 * DAY_S, 14.5 * DAY_S)]
    for at in home.moments(3):
        home.use(at, DOOR, minutes=3)
        if not 10 * DAY_S <= at < 14.5 * DAY_S:
            home.use(at + home.lag(15), LAMP)
    (pattern,) = home.learn()
    assert detail(pattern).probability > 0.97
    assert pattern.evidence.opportunities < 80


def test_trial_that_touches_a_gap_is_none() -> None:
    """A gap that begins within the window makes the trial none, even if the trigger was seen."""
    home = Household()
    triggers = list(home.moments(3))
    for at in triggers:
        home.use(at, DOOR, minutes=3)
        home.use(at + home.lag(15), LAMP)
    home.gaps = [(at + 2, at + 3) for at in triggers[::2]]
    (pattern,) = home.learn()
    assert pattern.evidence.opportunities == 45


def test_random_use_gives_nothing() -> None:
    """Where everything is used at random nothing is found, whatever the seed."""
    for seed in range(12):
        assert Household(seed=seed).live(devices=30).learn() == []


def test_order_and_duplicates_of_events_change_nothing() -> None:
    """What is found is a function of the set of events, bit for bit."""
    one, other = Household().live(), Household().live()
    for home in (one, other):
        follow(home, DOOR, LAMP, share=0.6)
        follow(home, KETTLE, RADIO)
    other.random.shuffle(other.events)
    first, second = CoOccurrence(), CoOccurrence()
    expected = found(first, one.history(first))
    history = other.history(second, shuffled=True)
    assert len(expected) == 2
    assert found(second, history) == expected


def test_judging_again_says_the_same() -> None:
    """What is cached from one judging changes nothing in the next, on a shorter or a corrected history."""
    home = Household().live()
    follow(home, DOOR, LAMP)
    detector = CoOccurrence()
    whole = home.history(detector)
    kind = detector.kind
    half = History(whole.home, whole.days[:15], {kind: whole.aggregates[kind][:15]})
    empty = History(whole.home, whole.days, {kind: ({},) * 30})
    expected = [found(CoOccurrence(), h) for h in (half, empty)]
    fresh = CoOccurrence()
    assert found(detector, whole) == found(fresh, whole) != []
    assert found(detector, half)[0].evidence.opportunities < 50
    assert found(detector, empty) == expected[1] == []
    assert found(detector, whole) == found(fresh, whole)


def test_forgotten_days_nominate_nothing() -> None:
    """Pairs whose types occur on less than three of the days are not judged."""
    home = Household().live()
    follow(home, DOOR, LAMP)
    detector = CoOccurrence()
    whole = home.history(detector)
    last = History(whole.home, whole.days[-2:], {detector.kind: whole.aggregates[detector.kind][-2:]})
    assert found(detector, whole)
    assert found(detector, last) == []


def test_more_evidence_never_loses_a_habit() -> None:
    """Days on which the habit was kept each time leave it found."""
    home = Household(days=60).live()
    follow(home, DOOR, LAMP, share=1.0)
    detector = CoOccurrence()
    whole = home.history(detector)
    for days in range(10, 61, 10):
        part = History(whole.home, whole.days[:days], {detector.kind: whole.aggregates[detector.kind][:days]})
        assert (DOOR, LAMP) in pairs(found(detector, part))


@pytest.mark.parametrize("name", ["alpha", "least_rate", "least_sure_rate", "least_coverage"])
@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_settings_are_validated(name: str, value: float) -> None:
    """Settings outside (0, 1) are refused by name."""
    with pytest.raises(ValueError, match=name):
        CoOccurrence(**{name: value})


def test_empty_history_is_judged() -> None:
    """Without days, or with days on which nothing happened, nothing is found."""
    detector = CoOccurrence()
    assert found(detector, History(Home(), (), {detector.kind: ()})) == []
    assert found(detector, Household(days=3).history(detector)) == []
