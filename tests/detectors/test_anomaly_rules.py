"""Each rule of what is out of order, by itself."""

import pickle
from dataclasses import replace
from datetime import date
from math import exp, log
from zoneinfo import ZoneInfo

import pytest

from detectors.anomaly.alarms import DAY_MS, HOUR_MS, MINUTE_MS, Alarm, said
from detectors.anomaly.budget import Account, Budget
from detectors.anomaly.bursts import FEWEST, Bursts
from detectors.anomaly.deadlines import NEVER, ROUTINE, STAY, Deadlines
from detectors.anomaly.openings import Hours, opened_state
from detectors.anomaly.routines import Routine
from detectors.anomaly.silences import Silence
from detectors.anomaly.stays import LONGEST_MS, SHORTEST_MS, Stays
from detectors.anomaly.track import Track
from schemas.anomalies import AnomalyKind
from schemas.home import Home
from schemas.patterns import TimeOfDayDetail


def alarm(kind: AnomalyKind, at_ms: int, entity_id: str = "light.hall", score: float = 4.0) -> Alarm:
    """Something out of order."""
    return Alarm(entity_id, kind, at_ms, at_ms, score, "is usually fine", "is not", 20, 20)


def test_the_same_of_the_same_entity_is_said_once_in_its_cool_down() -> None:
    """Daily repetition is no news; another entity or another kind is."""
    budget = Budget(5.0)
    assert budget.admits(alarm(AnomalyKind.STUCK_SENSOR, DAY_MS))
    assert not budget.admits(alarm(AnomalyKind.STUCK_SENSOR, 2 * DAY_MS))
    assert budget.admits(alarm(AnomalyKind.FLAPPING, 2 * DAY_MS))
    assert budget.admits(alarm(AnomalyKind.STUCK_SENSOR, 2 * DAY_MS, "light.bed"))
    assert budget.admits(alarm(AnomalyKind.STUCK_SENSOR, 8 * DAY_MS))


def test_what_begins_together_is_one_thing() -> None:
    """A group that was left on is said of the first of its lights."""
    budget = Budget(5.0)
    assert budget.admits(alarm(AnomalyKind.LEFT_ON, DAY_MS))
    assert not budget.admits(alarm(AnomalyKind.LEFT_ON, DAY_MS + 900, "light.bed"))
    assert budget.admits(alarm(AnomalyKind.LEFT_ON, DAY_MS + MINUTE_MS, "light.desk"))


def test_what_began_long_before_another_thing_is_another_thing() -> None:
    """Of two lights the one that was left on first may be said last: its limit is longer."""
    budget = Budget(5.0)
    assert budget.admits(alarm(AnomalyKind.LEFT_ON, 3 * DAY_MS))
    longer = replace(alarm(AnomalyKind.LEFT_ON, 3 * DAY_MS + HOUR_MS, "light.bed"), began_ms=2 * DAY_MS)
    assert budget.admits(longer)


def test_an_alarm_that_comes_late_fills_no_account() -> None:
    """The time from it to those before was counted already."""
    account = Account(capacity=1.0, weekly=1.0)
    assert account.spend(14 * DAY_MS)
    assert [account.spend(day * DAY_MS) for day in (7, 14, 20, 21)] == [False, False, False, True]


def test_a_broken_home_is_not_drowned_in_alarms() -> None:
    """However much is out of order, some alarms a week come through, and the account fills up again."""
    budget = Budget(5.0)
    hourly = [alarm(AnomalyKind.FLAPPING, hour * HOUR_MS, f"light.l{hour}") for hour in range(28 * 24)]
    admitted = [each for each in hourly if budget.admits(each)]
    assert 12 <= len(admitted) <= 5 * 4 + 5
    assert admitted[-1].at_ms > 26 * DAY_MS


def test_a_quiet_year_saves_up_no_flood() -> None:
    """After any time without alarms some come through at once, as many as after a week."""
    budget = Budget(5.0)
    after = [365 * DAY_MS + minute * MINUTE_MS for minute in range(0, 600, 10)]
    admitted = [at for at in after if budget.admits(alarm(AnomalyKind.FLAPPING, at, f"light.l{at}", 99.0))]
    assert 1 <= len(admitted) <= 7


def test_who_wants_fewer_alarms_gets_fewer() -> None:
    """One a week is one a week, and the first comes at once."""
    budget = Budget(1.0)
    hourly = [alarm(AnomalyKind.FLAPPING, hour * HOUR_MS, f"light.l{hour}") for hour in range(70 * 24)]
    admitted = [each for each in hourly if budget.admits(each)]
    assert 8 <= len(admitted) <= 10
    assert admitted[0].at_ms == 0


def test_the_most_unusual_passes_when_little_is_left() -> None:
    """After many mild alarms in a day there is room for a severe one, and for no further mild one."""
    budget = Budget(5.0)
    mild = [alarm(AnomalyKind.FLAPPING, hour * HOUR_MS, f"light.l{hour}", score=2.0) for hour in range(20)]
    assert sum(map(budget.admits, mild)) == 4
    assert not budget.admits(alarm(AnomalyKind.FLAPPING, 20 * HOUR_MS, "light.mild", score=2.0))
    assert budget.admits(alarm(AnomalyKind.FLAPPING, 20 * HOUR_MS, "light.severe", score=7.0))


def test_what_another_budget_admitted_is_paid_for_once() -> None:
    """What was said live counts in the budget that goes on, and what both said costs no second token."""
    live, judged, both = Budget(1.0), Budget(1.0), Budget(5.0)
    said_live = alarm(AnomalyKind.FLAPPING, DAY_MS)
    assert live.admits(said_live)
    judged.adopt(live)
    assert not judged.admits(alarm(AnomalyKind.FLAPPING, DAY_MS + HOUR_MS, "light.bed", score=99.0))
    assert both.admits(said_live)
    both.adopt(live)
    others = [alarm(AnomalyKind.FLAPPING, DAY_MS + n * HOUR_MS, f"light.l{n}", 99.0) for n in range(1, 9)]
    assert sum(map(both.admits, others)) == 5


def test_routines_have_an_account_of_their_own() -> None:
    """Missed routines neither take the tokens of faults, nor those theirs; a fault explains a routine."""
    budget = Budget(5.0)
    routines = [alarm(AnomalyKind.MISSED_ROUTINE, hour * HOUR_MS, f"light.l{hour}") for hour in range(48)]
    assert [budget.admits(each) for each in routines] == [True] + [False] * 47
    assert budget.admits(alarm(AnomalyKind.LEFT_ON, 2 * DAY_MS, "light.l1"))
    late = alarm(AnomalyKind.LEFT_ON, 30 * DAY_MS, "light.bed")
    assert budget.admits(late)
    assert not budget.admits(alarm(AnomalyKind.MISSED_ROUTINE, 30 * DAY_MS + HOUR_MS, "light.bed"))


def test_what_changes_all_the_time_fills_no_memory() -> None:
    """Of the stays of an entity the latest is awaited, at its own instant, and everything else stays due."""
    deadlines = Deadlines()
    deadlines.add(10 * HOUR_MS, ROUTINE, "0", 0)
    for second in range(30_000):
        deadlines.add(second * 1_000 + 70 * HOUR_MS, STAY, f"light.l{second % 3}", second * 1_000)
    assert len(pickle.dumps(deadlines)) < 300_000
    due = []
    while deadlines.next_ms < NEVER:
        due.append(deadlines.pop())
    assert due == sorted(due)
    assert due[0] == (10 * HOUR_MS, ROUTINE, "0", 0)
    assert [each[3] for each in due[-3:]] == [29_997_000, 29_998_000, 29_999_000]


def test_a_routine_of_the_sun_has_one_occasion_a_day_about_midnight_too() -> None:
    """An hour after a late sunset it may be past midnight: it stays the evening's."""
    detail = TimeOfDayDetail(
        entity_id="light.hall", state="on", minute=1.0, spread_minutes=5.0, days=tuple(range(7)),
        anchor="sunset", offset_minutes=60.0,
    )  # fmt: skip
    routine, zone = Routine(detail), ZoneInfo("Europe/Helsinki")
    evenings = [(date(2026, 6, 19 + day), (240.0, 22 * 60 + 56.0 + 3 * day)) for day in range(4)]
    expected = [each for day, sun in evenings if (each := routine.expect(day, zone, sun))]
    assert len({each.from_ms for each in expected}) == 4
    assert [each.window for each in expected][1:] == ["between 23:30 and 00:30"] * 3


def test_a_stay_is_too_long_well_beyond_the_longest() -> None:
    """The limit lies beyond all stays before; with few stays, further out; never within the first hour."""
    few, many, short = Stays(SHORTEST_MS), Stays(SHORTEST_MS), Stays(SHORTEST_MS)
    lengths = [exp(log(40) + step / 20) * MINUTE_MS for step in range(-10, 11)]
    for number in range(80):
        many.learn(round(lengths[number * 8 % 21]))
        short.learn(round(lengths[number * 8 % 21] / 60))
    for number in range(6):
        few.learn(round(lengths[number * 8 % 21]))
    limit, limit_few = many.limit(0.3, 0), few.limit(0.3, 0)
    assert limit
    assert limit_few
    assert 1.8 * lengths[-1] - MINUTE_MS <= limit[0] < limit_few[0] < 12 * HOUR_MS
    assert limit[1] > limit_few[1] > 2
    limit_short = short.limit(0.3, 0)
    assert limit_short
    assert limit_short[0] == SHORTEST_MS


def test_nothing_is_said_of_stays_that_are_few_or_last_for_days() -> None:
    """Five stays tell nothing; what is on for days is not forgotten."""
    few, long = Stays(SHORTEST_MS), Stays(SHORTEST_MS)
    for number in range(5):
        few.learn((number + 10) * MINUTE_MS)
    for number in range(30):
        long.learn(LONGEST_MS // 2 + number * HOUR_MS)
    assert few.limit(0.3, 0) is None
    assert long.limit(0.3, 0) is None


def test_who_forgets_often_is_told_later() -> None:
    """Each stay that was too long moves the limit up by half; too many of them are how it is used."""
    stays = Stays(SHORTEST_MS)
    for number in range(40):
        stays.learn((50 + number) * MINUTE_MS)
    once, twice = stays.limit(0.3, 0), stays.limit(0.3, 1)
    assert once
    assert twice
    assert twice[0] == pytest.approx(1.5 * once[0], rel=0.01)
    assert stays.limit(0.3, 2) is None


def test_a_stay_that_nobody_saw_end_is_not_learned() -> None:
    """What was on before a gap may have been off in it; what was switched on after it is seen whole."""
    track = Track("light.hall", 0)
    track.change("on", 1_000)
    track.lose_sight(5_000)
    track.change("off", 9_000)
    track.change("on", 10_000)
    track.lose_sight(9_500)
    track.change("off", 20_000)
    assert track.today == [("on", 10_000)]


def test_what_is_left_on_a_third_time_is_how_it_is_used() -> None:
    """Two stays that were too long are mishaps, of which nothing is learned; what goes on and on is none."""
    track = Track("light.hall", 0)
    track.limits = {"on": (HOUR_MS, 5.0)}
    for number in range(1, 5):
        track.change("on", number * DAY_MS)
        track.change("off", number * DAY_MS + number * HOUR_MS)
    assert track.today == [("on", 3 * HOUR_MS), ("on", 4 * HOUR_MS)]


def test_a_burst_is_too_long_once_however_long_it_goes_on() -> None:
    """The change that makes it too long says so; those after it do not; a pause ends it."""
    bursts = Bursts()
    told = [bursts.see(1_000_000 + 2_000 * number) for number in range(60)]
    assert told.count(True) == 1
    assert told.index(True) == FEWEST - 1
    said_of = bursts.alarm("switch.fan", 30, 4)
    assert (said_of.at_ms, said_of.occasions) == (1_000_000, 30)
    again = [bursts.see(9_000_000 + 2_000 * number) for number in range(60)]
    assert again.count(True) == 1


def test_a_burst_that_is_usual_is_none() -> None:
    """What a device does on every day is learned; so is, in the end, what was said three times."""
    bursts, restless = Bursts(), Bursts()
    for day in range(5):
        for number in range(12):
            bursts.see(day * DAY_MS + 2_000 * number + 1)
        bursts.close_day()
        bursts.set_limit(1)
    assert bursts.limit > 30
    said_on = []
    for day in range(6):
        said_on.append(sum(restless.see(day * DAY_MS + 2_000 * number + 1) for number in range(40)) > 0)
        restless.close_day()
        restless.set_limit(1)
    assert said_on == [True, True, True, False, False, False]


def test_a_silence_is_too_long_at_three_times_the_longest() -> None:
    """There is no limit before enough is known, unseen time does not count, what recurs is usual."""
    silence = Silence(0)
    now = 0
    for _ in range(12):
        for step in (3, 5, 10, 4, 6, 2, 9, 7, 1, 8):
            now += step
            silence.see(now)
        assert silence.limit == 0 or silence.days >= 10
        silence.close_day(100, 12)
    assert (silence.longest, silence.limit) == (10, 30)
    assert silence.due == now + 30
    silence.skip(now + 25)
    assert silence.due == now + 55
    limits = []
    for time in range(1, 4):
        silence.see(now + 60 * time)
        silence.close_day(100, 12)
        limits.append(silence.limit)
    assert limits == [30, 30, 180]


@pytest.mark.parametrize(
    ("entity_id", "state"),
    [
        ("binary_sensor.terrace_door", "on"),
        ("lock.front", "unlocked"),
        ("cover.garage", "open"),
        ("binary_sensor.haustür", "on"),
        ("binary_sensor.bathroom_door", None),
        ("binary_sensor.front_door_battery", None),
        ("binary_sensor.hall_motion", None),
        ("cover.bedroom_blind", None),
        ("light.window", None),
    ],
)
def test_ways_into_the_home_are_known_by_name(entity_id: str, state: str | None) -> None:
    """What leads outside counts, what people open at night does not."""
    assert opened_state(entity_id) == state


def test_an_opening_is_odd_where_it_never_happens_while_the_home_sleeps() -> None:
    """At three it is odd, at noon it is not, nor for who comes home at three each third night."""
    day, door = dict.fromkeys(range(14, 46), 20), "binary_sensor.front_door"
    quiet, late = Hours(), Hours()
    for number in range(21):
        uses = {"light.hall": day, door: {16: 2, 35: 4}}
        quiet.learn(uses, {})
        late.learn({**uses, door: {**uses[door], 6: 2}} if number % 3 == 0 else uses, {})
    odd = quiet.alarm(door, 0, 6, quiet=True)
    assert odd
    assert odd.score > 1.5
    assert odd.usual == odd.occasions == 21
    assert quiet.alarm(door, 0, 24, quiet=True) is None
    assert late.alarm(door, 0, 6, quiet=True) is None
    assert Hours().alarm(door, 0, 6, quiet=True) is None


def test_an_alarm_carries_its_evidence() -> None:
    """The score is minus the logarithm of the base rate; the e-value follows; being alone is worse."""
    plain = said(alarm(AnomalyKind.LEFT_ON, 1_780_000_000_123, score=4.0), Home())
    assert plain.evidence.base_rate == pytest.approx(1e-4)
    assert plain.evidence.e_value == pytest.approx(50.0)
    assert (plain.evidence.opportunities, plain.evidence.hits, plain.evidence.misses) == (20, 20, 0)
    assert round(plain.detail.at.timestamp() * 1000) == 1_780_000_000_123
    assert plain.detail.severity == "medium"
    alone = Alarm("light.hall", AnomalyKind.LEFT_ON, 1, 1, 4.0, "", "", 0, 0, alone=True)
    assert said(alone, Home()).detail.severity == "high"
    assert said(alone, Home()).evidence.opportunities == 0
