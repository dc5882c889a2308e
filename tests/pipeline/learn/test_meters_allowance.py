"""A home with many meters is an ordinary home: what people do is taken, and numbers of every hour."""

from collections import Counter
from zoneinfo import ZoneInfo

from pipeline.core.day_set import STEP_MS, DaySet
from pipeline.core.local_days import LocalDays
from pipeline.ingest.messages import Reason
from pipeline.learn.allowance import (
    ALL_SAMPLES_A_DAY,
    NEWCOMERS_AT_ONCE,
    STEPS_A_DAY,
    STEPS_AT_ONCE,
    Allowance,
)
from schemas.events import StateChange
from tests.fixtures.runs import START_US

CAP = 5_000
S = 1_000_000
HOUR_MS = 3_600_000
HOUR_US = 1_000 * HOUR_MS
STEP_S = STEP_MS // 1000
DAYS = LocalDays(ZoneInfo("UTC"))
TODAY = DAYS.at(START_US // 1000).ordinal
METERS = [f"sensor.meter{place}" for place in range(30)]
LAMPS = [f"light.l{place}" for place in range(20)]
# Above it a bound on all samples of the day would be reached.
EVENING_US = START_US + 20 * HOUR_US


def known() -> Allowance:
    """A home whose entities were seen on some days before."""
    made = Allowance(DAYS, CAP)
    for day in range(1, 4):
        made.recall((*METERS, *LAMPS), TODAY - day)
    return made


def measured(made: Allowance, from_us: int, steps: int) -> list[Counter[str]]:
    """How many samples of each meter are taken in steps of a time in which each reports every second."""
    found = []
    for step in range(steps):
        taken: Counter[str] = Counter()
        for second in range(STEP_S):
            at_us = from_us + (step * STEP_S + second) * S
            for meter in METERS:
                reason = made.refuses(StateChange(at_us, meter, "1.0", f"{second}.5"))
                taken[meter] += reason is None
                assert reason in {None, Reason.THINNED}
        found.append(taken)
    return found


def twenty_hours() -> DaySet:
    """What was kept of twenty hours of meters."""
    events = DaySet()
    for meter in METERS:
        for step in range(20 * HOUR_MS // STEP_MS):
            at_ms = START_US // 1000 + step * STEP_MS
            events.add_number(at_ms, meter, 1.0)
            events.numbers[meter][at_ms // STEP_MS].samples = STEP_S
    return events


def evening() -> Allowance:
    """The same home after these hours, as a process finds it that was started again."""
    made = known()
    made.restore(twenty_hours(), TODAY)
    return made


def test_each_meter_is_measured_in_each_five_minutes_up_to_the_evening() -> None:
    """Alike, whatever was measured before; and all of them no more than there may be in a day."""
    begun = known()
    measured(begun, START_US, 2 * STEPS_AT_ONCE)
    for made, from_us in ((begun, START_US + 2 * HOUR_US), (evening(), EVENING_US)):
        for taken in measured(made, from_us, 2):
            assert min(taken[meter] for meter in METERS) >= 100
            assert taken.total() <= ALL_SAMPLES_A_DAY / STEPS_A_DAY + 1


def test_an_hours_part_may_come_at_once() -> None:
    """Five hundred messages a second for a minute and a half, as after an outage, are no flood."""
    made = known()
    at_once = [StateChange(START_US + k * 2_000, METERS[k % 30], "1", f"{k}") for k in range(40_000)]
    assert {made.refuses(each) for each in at_once} == {None}
    assert dict(made.flooded()) == {}


def test_what_people_do_is_taken_beside_them() -> None:
    """Also at the end of a day of meters; and a sensor that reports each half a minute."""
    made = evening()
    measured(made, EVENING_US, 1)
    acts = [StateChange(EVENING_US + k * S, LAMPS[k % 20], "off", "on") for k in range(300)]
    assert {made.refuses(act) for act in acts} == {None}
    seldom = [StateChange(EVENING_US + k * 30 * S, "sensor.hall", "1", f"{k}") for k in range(10)]
    assert {made.refuses(each) for each in seldom} == {None}
    assert list(made.flooded()) == ["flood: numbers"]


def test_who_starts_again_within_a_step_begins_it_not_anew() -> None:
    """What was taken of it is known."""
    made, events = known(), twenty_hours()
    for meter in METERS:
        for second in range(200):
            events.add_number(EVENING_US // 1000 + second * 1_000, meter, 1.0)
    made.restore(events, TODAY)
    assert made.refuses(StateChange(EVENING_US + 250 * S, METERS[0], "1.0", "2.0")) is Reason.THINNED


def test_a_dozen_meters_are_taken_whole() -> None:
    """Nothing of them is thinned but the last seconds of a step."""
    made = known()
    samples = [
        StateChange(START_US + second * S, meter, "1", "2") for second in range(280) for meter in METERS[:12]
    ]
    assert {made.refuses(each) for each in samples} == {None}


def newcomers(made: Allowance, day: int, number: int) -> int:
    """How many of so many entities are taken that were never seen, on a day of a home."""
    at_us = START_US + day * 24 * HOUR_US
    came = (StateChange(at_us, f"light.day{day}_{k}", "off", "on") for k in range(number))
    return sum(made.refuses(each) is None for each in came)


def test_a_home_that_is_started_again_on_its_second_day_is_still_new() -> None:
    """As where it was not: what has not spoken yet finds a place; on later days neither gives as much."""
    first = [f"light.first{place}" for place in range(1_500)]
    going_on, again = Allowance(DAYS, CAP), Allowance(DAYS, CAP)
    for each in first:
        assert going_on.refuses(StateChange(START_US, each, "off", "on")) is None
    for day in (0, 1):
        again.recall(first, TODAY + day)
    assert newcomers(going_on, 1, 2_000) == newcomers(again, 1, 2_000) == 2_000
    assert newcomers(going_on, 2, 2_000) == newcomers(again, 2, 2_000) == NEWCOMERS_AT_ONCE
