"""What is found against what was planted: each reason for a verdict."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.simulation import Automation, Chain, EntityState, Habit, Oddity, Pair, Truth
from pipeline.simulation.scoring import Scores, score, total
from pipeline.simulation.truth import Bundle, Derived, Duration
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.patterns import (
    CoOccurrenceDetail,
    Dark,
    Detail,
    DurationDetail,
    Evidence,
    Pattern,
    Quantiles,
    SequenceDetail,
    Step,
    Target,
    TimeOfDayDetail,
    Weekday,
)

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 9, 1, tzinfo=BERLIN)
DAYS = 40
UNTIL = (FIRST + timedelta(days=DAYS)).timestamp()
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)

COFFEE, LAMP = EntityState("switch.coffee", "on"), EntityState("light.lamp", "on")
DOOR, PORCH = EntityState("binary_sensor.door", "on"), EntityState("light.porch", "on")
CHAIN = tuple(EntityState(f"switch.step_{number}", "on") for number in range(4))
DESK, MUSIC = EntityState("light.desk", "on"), EntityState("switch.music", "on")
KETTLE, MOTION = EntityState("switch.kettle", "on"), EntityState("binary_sensor.motion", "on")
HALL, GROUP = EntityState("light.hall", "on"), EntityState("light.group", "on")
FOUND = Evidence(opportunities=9, hits=9, misses=0, base_rate=0.1, lift=9, interval=(0.8, 1.0), e_value=1e6)


def moment(day: int, minute: float) -> float:
    """Return when the clock shows a minute of a day of the run."""
    return (FIRST + timedelta(days=day, minutes=minute)).timestamp()


@pytest.fixture
def truth() -> Truth:
    """A household of which everything is known, and that ran as planned."""
    moved = (FIRST + timedelta(days=20)).date().isoformat()
    dropped = (FIRST + timedelta(days=10)).date().isoformat()
    coffee = Habit("coffee", COFFEE, "robin", "clock", 1438, 5, EVERY_DAY, 0.9)
    coffee.occurrences = [moment(day, 1438 + day % 5) for day in range(DAYS)]
    lamp = Habit("lamp", LAMP, "robin", "clock", 600, 5, EVERY_DAY, 0.9, moved, 700)
    lamp.occurrences = [moment(day, 600 if day < 20 else 700) for day in range(DAYS)]
    gone = Habit("gone", DESK, "robin", "clock", 800, 5, EVERY_DAY, 0.9, dropped_on=dropped)
    gone.occurrences = [moment(day, 800) for day in range(10)]
    gone.skipped = [moment(9, 800)]
    pair = Pair("porch", DOOR, PORCH, 5, 0.9, (Dark(),))
    pair.occurrences = [(moment(day, 1300), moment(day, 1300.1)) for day in range(DAYS)]
    chain = Chain("chain", CHAIN, (5, 5, 5), 0.9)
    chain.occurrences = [tuple(moment(day, 900 + step / 10) for step in range(4)) for day in range(DAYS)]
    duration = Duration(COFFEE.entity_id, "on", 1500, 0.2, "weekend", 3000)
    duration.occurrences = [
        (moment(day, 1438), 3000.0 if (FIRST + timedelta(days=day)).weekday() >= 5 else 1500.0)
        for day in range(DAYS - 1)
    ]
    return Truth(
        "Europe/Berlin",
        habits=[coffee, lamp, gone],
        pairs=[pair],
        chains=[chain],
        bundles=[Bundle("desk", (DESK, MUSIC), 60)],
        durations=[duration],
        automations=[Automation("hidden", HALL, trigger=MOTION)],
        derived=[Derived(GROUP.entity_id, (LAMP.entity_id,), "group")],
        anomalies=[Oddity(AnomalyKind.LEFT_ON, LAMP.entity_id, moment(30, 600), moment(30, 1200))],
        controls=[KETTLE.entity_id],
        followers=[MOTION.entity_id],
        rooms={MOTION.entity_id: "porch", PORCH.entity_id: "porch"},
        day_types={(FIRST + timedelta(days=day)).date().isoformat(): "work" for day in range(DAYS)},
    )


def pattern(detail: Detail, confidence: float = 0.9, **fields: Any) -> Pattern:
    """Make a pattern of a detail."""
    at = datetime(2026, 10, 5, tzinfo=UTC)
    fields = {"occurrences": 9, "first_seen": at, "last_seen": at, "evidence": FOUND, **fields}
    return Pattern.of(detail, home="home", confidence=confidence, **fields)


def habit(
    action: EntityState, minute: float, days: tuple[int, ...] = EVERY_DAY, **fields: Any
) -> TimeOfDayDetail:
    """A find of the clock."""
    return TimeOfDayDetail(
        entity_id=action.entity_id,
        state=action.state,
        minute=minute % 1440,
        spread_minutes=5,
        days=days,
        anchor="clock",
        **fields,
    )


def pair(trigger: EntityState, action: EntityState, **fields: Any) -> CoOccurrenceDetail:
    """A find of one after another."""
    return CoOccurrenceDetail(
        trigger=Target(entity_id=trigger.entity_id, state=trigger.state),
        action=Target(entity_id=action.entity_id, state=action.state),
        lag_seconds=Quantiles(p10=1, p50=2, p90=3),
        probability=0.9,
        **fields,
    )


def chain(*steps: EntityState) -> SequenceDetail:
    """A find of several in a row."""
    targets = tuple(Step(entity_id=step.entity_id, state=step.state) for step in steps)
    return SequenceDetail(steps=targets, support=9, within_seconds=30)


def duration(action: EntityState, seconds: float, **fields: Any) -> DurationDetail:
    """A find of how long something lasts."""
    return DurationDetail(
        entity_id=action.entity_id,
        state=action.state,
        seconds=Quantiles(p10=seconds / 2, p50=seconds, p90=seconds * 2),
        typical_hours=(23,),
        **fields,
    )


def alarm(entity_id: str, kind: AnomalyKind, at: float) -> Anomaly:
    """Something said to be out of order."""
    detail = AnomalyDetail(
        entity_id=entity_id,
        kind=kind,
        at=datetime.fromtimestamp(at, UTC),
        score=5,
        expected="off",
        observed="on",
        severity="low",
    )
    return Anomaly.of(detail, home="home", evidence=FOUND)


@pytest.mark.parametrize(
    ("detail", "judgement", "why"),
    [
        (habit(COFFEE, 1), "right", "habit"),
        (habit(COFFEE, 1435), "right", "habit"),
        (habit(COFFEE, 1300), "wrong", "not planted"),
        (habit(COFFEE, 1, (6,)), "wrong", "other days"),
        (habit(LAMP, 700), "right", "habit"),
        (habit(LAMP, 600), "wrong", "ended"),
        (habit(DESK, 800), "wrong", "ended"),
        (habit(HALL, 700), "wrong", "machine"),
        (habit(KETTLE, 700), "wrong", "not planted"),
        (habit(GROUP, 700), "neutral", "repeats another"),
        (habit(MOTION, 700), "neutral", "follows people"),
        (habit(PORCH, 1300), "neutral", "answers what is regular"),
        (habit(EntityState(COFFEE.entity_id, "off"), 30), "neutral", "put back"),
        (pair(DOOR, PORCH), "right", "pair"),
        (pair(PORCH, DOOR), "wrong", "reversed"),
        (pair(MOTION, HALL), "wrong", "machine"),
        (pair(LAMP, GROUP), "wrong", "derived"),
        (pair(DESK, MUSIC), "wrong", "common cause"),
        (pair(CHAIN[0], CHAIN[2]), "wrong", "transitive"),
        (pair(CHAIN[1], CHAIN[0]), "wrong", "reversed"),
        (pair(KETTLE, COFFEE), "wrong", "not planted"),
        (pair(CHAIN[0], CHAIN[1]), "neutral", "part of a chain"),
        (pair(MOTION, PORCH), "neutral", "on the way"),
        (pair(KETTLE, MOTION), "neutral", "follows people"),
        (pair(KETTLE, EntityState(KETTLE.entity_id, "off")), "neutral", "put back"),
        (chain(*CHAIN), "right", "chain"),
        (chain(*CHAIN[:3]), "neutral", "part of a chain"),
        (chain(KETTLE, *CHAIN[:2]), "wrong", "not planted"),
        (chain(KETTLE, COFFEE, HALL), "wrong", "machine"),
        (chain(KETTLE, COFFEE, GROUP), "wrong", "derived"),
        (chain(MOTION, KETTLE, COFFEE), "neutral", "follows people"),
        (duration(COFFEE, 1600), "right", "duration"),
        (duration(COFFEE, 3000), "wrong", "other length"),
        (duration(COFFEE, 3000, conditions=(Weekday(days=(5, 6)),)), "right", "duration"),
        (duration(KETTLE, 3000), "neutral", "not planted"),
    ],
)
def test_a_find_is_judged(truth: Truth, detail: Detail, judgement: str, why: str) -> None:
    """Right, wrong or neutral, and why."""
    (verdict,) = score(truth, [pattern(detail)], until=UNTIL).verdicts
    assert (verdict.judgement, verdict.why) == (judgement, why)


@pytest.mark.parametrize(
    "fields",
    [{"detail": habit(HALL, 700, automated=True)}, {"detail": habit(HALL, 700), "status": "retired"}],
)
def test_what_is_retired_or_automated_is_not_counted(truth: Truth, fields: dict[str, Any]) -> None:
    """A pattern that no longer holds, or says what a machine does, is no find."""
    assert score(truth, [pattern(**fields)], until=UNTIL).verdicts == []


def test_the_old_time_is_neutral_for_ten_days(truth: Truth) -> None:
    """A habit that has just moved may still be said at its old time."""
    old = [pattern(habit(LAMP, 600))]
    why = [score(truth, old, until=moment(day, 0)).verdicts[0].why for day in (19, 25, 35)]
    assert why == ["habit", "just ended", "ended"]


def test_what_lies_between_the_old_time_and_the_new_is_neutral_as_long(truth: Truth) -> None:
    """A find that takes both times for one wide habit is not wrong at once."""
    both = [pattern(habit(LAMP, 650))]
    why = [score(truth, both, until=moment(day, 0)).verdicts[0].why for day in (25, 35)]
    assert why == ["just ended", "not planted"]


@pytest.mark.parametrize(("said", "hits"), [([700], 1), ([600], 0), ([700, 600], 0), ([], 0)])
def test_a_move_counts_when_the_new_is_found_and_the_old_is_gone(
    truth: Truth, said: list[float], hits: int
) -> None:
    """Both must be so, ten days after."""
    patterns = [pattern(habit(LAMP, minute), slot=slot) for slot, minute in enumerate(said)]
    changes = score(truth, patterns, until=UNTIL).changes
    assert (changes.hits, changes.of) == (hits, 1)
    assert score(truth, patterns, until=moment(25, 0)).changes.of == 0


@pytest.mark.parametrize(
    ("detail", "kind"),
    [(habit(COFFEE, 1), "time_of_day"), (pair(DOOR, PORCH), "co_occurrence"), (chain(*CHAIN), "sequence")],
)
def test_the_second_find_of_a_thing_is_wrong(truth: Truth, detail: Detail, kind: str) -> None:
    """What is said twice counts as right once."""
    scores = score(truth, [pattern(detail, 0.5, slot=1), pattern(detail, 0.9)], until=UNTIL)
    assert (scores.kinds[kind].right, scores.kinds[kind].wrong, scores.kinds[kind].found) == (1, 1, 1)
    assert scores.reasons == {"said twice": 1}


def test_a_part_beside_its_whole_is_said_twice(truth: Truth) -> None:
    """A chain is reported once, not with its parts."""
    scores = score(truth, [pattern(chain(*CHAIN)), pattern(chain(*CHAIN[1:]))], until=UNTIL)
    assert sorted(verdict.why for verdict in scores.verdicts) == ["chain", "said twice"]


def test_what_is_learnable_grows(truth: Truth) -> None:
    """Early nothing has come about often enough, later all that is still done."""
    early, late = (score(truth, [], until=until) for until in (moment(2, 0), UNTIL))
    assert {kind: each.learnable for kind, each in early.kinds.items()} == {
        "time_of_day": 0,
        "co_occurrence": 0,
        "sequence": 0,
        "duration": 0,
        "anomaly": 0,
    }
    assert {kind: each.learnable for kind, each in late.kinds.items()} == {
        "time_of_day": 2,
        "co_occurrence": 1,
        "sequence": 1,
        "duration": 1,
        "anomaly": 1,
    }
    assert sorted(late.missed[:2]) == ["coffee", "lamp"]
    assert late.kinds["time_of_day"].recall == 0
    assert late.kinds["time_of_day"].precision == 1


@pytest.mark.parametrize(("conditions", "named"), [((Dark(),), 1), ((), 0), ((Weekday(days=(1,)),), 0)])
def test_conditions_are_named_or_not(truth: Truth, conditions: tuple[Any, ...], named: int) -> None:
    """Of the conditional pairs found, those that say the planted condition."""
    share = score(truth, [pattern(pair(DOOR, PORCH, conditions=conditions))], until=UNTIL).conditions
    assert (share.hits, share.of) == (named, 1)


@pytest.mark.parametrize(
    ("alarmed", "judgement", "why"),
    [
        (alarm(LAMP.entity_id, AnomalyKind.LEFT_ON, moment(30, 800)), "right", "left_on"),
        (alarm(LAMP.entity_id, AnomalyKind.FLAPPING, moment(30, 800)), "neutral", "another kind"),
        (alarm(LAMP.entity_id, AnomalyKind.LEFT_ON, moment(31, 800)), "wrong", "false left_on"),
        (alarm(DESK.entity_id, AnomalyKind.MISSED_ROUTINE, moment(9, 810)), "neutral", "not done"),
        (alarm(DESK.entity_id, AnomalyKind.MISSED_ROUTINE, moment(12, 810)), "neutral", "not done"),
        (alarm(DESK.entity_id, AnomalyKind.MISSED_ROUTINE, moment(30, 810)), "wrong", "false missed_routine"),
    ],
)
def test_an_alarm_is_judged(truth: Truth, alarmed: Anomaly, judgement: str, why: str) -> None:
    """Against the labels of its entity, and against what people did not do."""
    (verdict,) = score(truth, [], until=UNTIL, anomalies=[alarmed]).verdicts
    assert (verdict.judgement, verdict.why) == (judgement, why)


def test_alarms_are_counted_by_kind_and_week(truth: Truth) -> None:
    """An anomaly is told once, however many alarms there are; false ones are counted per week."""
    right = alarm(LAMP.entity_id, AnomalyKind.LEFT_ON, moment(30, 800))
    again = alarm(LAMP.entity_id, AnomalyKind.LEFT_ON, moment(30, 900))
    wrong = alarm(KETTLE.entity_id, AnomalyKind.NUMERIC, moment(3, 0))
    scores = score(truth, [], until=UNTIL, anomalies=[right, again, wrong])
    assert (scores.oddities[AnomalyKind.LEFT_ON].hits, scores.oddities[AnomalyKind.LEFT_ON].of) == (1, 1)
    assert scores.false_alarms_per_week == pytest.approx(7 / DAYS)
    assert scores.kinds["anomaly"].neutral == 1


def test_scores_of_several_homes_add_up(truth: Truth) -> None:
    """Every figure of the sum is the sum of the figures."""
    finds = [pattern(habit(COFFEE, 1)), pattern(pair(DOOR, PORCH, conditions=(Dark(),)))]
    one = score(truth, finds, until=UNTIL)
    both = total([one, one])
    assert both.kinds["time_of_day"].right == 2
    assert both.kinds["time_of_day"].learnable == 4
    assert both.conditions.of == 2
    assert both.changes.of == 2
    assert both.weeks == 2 * one.weeks
    assert len(both.verdicts) == 4
    assert both.oddities[AnomalyKind.LEFT_ON].of == 2
    assert total([]) == Scores()


def test_truth_survives_its_document(generate_of: Callable[..., Any]) -> None:
    """Scores from a written truth are those from the one at hand."""
    truth = generate_of(seed=2, days=12).household.truth
    read = Truth.of_document(truth.document())
    assert read.document() == truth.document()
    assert score(read, [], until=UNTIL) == score(truth, [], until=UNTIL)
