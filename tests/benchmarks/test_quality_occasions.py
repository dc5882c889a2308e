"""What patterns say is counted anew on the days that follow."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.quality.occasions import Aftermath
from schemas.events import Gap
from schemas.home import Home
from schemas.instants import to_us
from schemas.patterns import (
    CoOccurrenceDetail,
    Dark,
    Detail,
    DurationDetail,
    Quantiles,
    SequenceDetail,
    Step,
    Target,
    TimeOfDayDetail,
)
from tests.benchmarks.conftest import MONDAY, HistoryOf, PatternOf, Told

DAYS = 8
Hits = Callable[..., list[bool]]
LAMP, FAN, KETTLE = "light.lamp", "fan.bath", "switch.kettle"


@pytest.fixture
def hits_of(history_of: HistoryOf, pattern_of: PatternOf) -> Hits:
    """Return what counts a pattern's occasions on what is told, on days that all have some other event."""

    def hits(
        detail: Detail,
        told: Sequence[Told],
        home: Home | None = None,
        gaps: Sequence[Gap] = (),
        first: int = 0,
    ) -> list[bool]:
        stirring = [
            (day, minute, "binary_sensor.hall", str(minute)) for day in range(DAYS) for minute in (60, 1380)
        ]
        history = history_of([*told, *stirring], home, gaps)
        aftermath = Aftermath(history, first, len(history.days))
        return [outcome.hit for outcome in aftermath.outcomes(pattern_of(detail))]

    return hits


def at(minute: float, days: Sequence[int] = range(7)) -> TimeOfDayDetail:
    """Return the lamp's habit of a minute."""
    return TimeOfDayDetail(
        entity_id=LAMP, state="on", minute=minute, spread_minutes=5, days=tuple(days), anchor="clock"
    )


def lag(seconds: float) -> Quantiles:
    """Return lags about so many seconds."""
    return Quantiles(p10=seconds / 2, p50=seconds, p90=2 * seconds)


def after_fan(**fields: object) -> CoOccurrenceDetail:
    """Return the pair of fan and lamp."""
    return CoOccurrenceDetail.model_validate(
        {
            "trigger": Target(entity_id=FAN, state="on"),
            "action": Target(entity_id=LAMP, state="on"),
            "lag_seconds": lag(30),
            "probability": 0.8,
            **fields,
        }
    )


def use(day: int, minute: float, entity_id: str) -> list[Told]:
    """Return that it is switched on at that minute, and off an hour later."""
    return [(day, minute, entity_id, "on"), (day, minute + 60, entity_id, "off")]


def test_a_clock_habit_has_one_occasion_on_each_of_its_days(hits_of: Hits) -> None:
    """Of Monday to Wednesday and the next Monday, the two days with a use near the minute are hits."""
    told = use(0, 425, LAMP) + use(1, 460, LAMP) + use(2, 410, LAMP) + use(3, 420, LAMP)
    assert hits_of(at(420, (0, 1, 2)), told, first=0) == [True, False, True, False]


def test_days_that_were_learned_do_not_count(hits_of: Hits) -> None:
    """Occasions before the first day of the check are none."""
    assert hits_of(at(420), use(0, 420, LAMP) + use(6, 420, LAMP), first=6) == [True, False]


def test_a_habit_at_midnight_may_show_on_either_side(hits_of: Hits) -> None:
    """Five minutes early is the evening before; the first midnight was not seen whole."""
    told = use(0, 1435, LAMP) + use(2, 4, LAMP) + use(4, 20, LAMP)
    found = hits_of(at(0), told)
    assert found[1:4] == [True, True, False]


def test_a_clock_habit_keeps_to_the_wall(hits_of: Hits) -> None:
    """On both sides of a clock change the same minute of the wall clock is a hit."""
    home = Home(tz="Europe/Berlin")
    change = (datetime(2026, 3, 29, tzinfo=UTC) - MONDAY).days
    told = [each for day in range(change - 2, change + 2) for each in use(day, 420, LAMP)]
    assert sum(hits_of(at(420), told, home)) == 4


def test_what_could_not_be_seen_is_no_occasion(hits_of: Hits) -> None:
    """A gap over the window takes the Tuesday away; both Mondays and the Wednesday stay."""
    from_us = to_us(MONDAY + timedelta(days=1, minutes=430))
    gaps = [Gap(from_us, from_us + 3_600_000_000, "away")]
    told = use(0, 420, LAMP) + use(2, 420, LAMP)
    assert hits_of(at(420, (0, 1, 2)), told, None, gaps) == [True, True, False]


def test_a_habit_of_the_sun_follows_the_sun(hits_of: Hits) -> None:
    """What is due an hour after sunset is no hit at the clock minute of a day months later."""
    habit = TimeOfDayDetail(
        entity_id=LAMP,
        state="on",
        minute=960,
        spread_minutes=2,
        days=tuple(range(7)),
        anchor="sunset",
        offset_minutes=60,
    )
    assert not any(hits_of(habit, use(3, 960, LAMP)))


def test_a_pair_has_an_occasion_where_its_action_is_possible(hits_of: Hits) -> None:
    """A trigger while the lamp is on already, or within the trial before it, is none."""
    told = [
        *[(0, 600, FAN, "on"), (0, 600.5, LAMP, "on"), (0, 610, FAN, "off"), (0, 620, FAN, "on")],
        *[(0, 700, LAMP, "off"), (0, 701, FAN, "off"), (0, 710, FAN, "on"), (0, 710.2, FAN, "off")],
        *[(0, 710.4, FAN, "on"), (0, 720, LAMP, "on")],
    ]
    assert hits_of(after_fan(), told) == [True, False]


def test_a_pair_has_an_occasion_where_its_condition_holds(hits_of: Hits) -> None:
    """By day a pair of the dark is not to be expected."""
    told = use(0, 720, FAN) + use(0, 1320, FAN) + [(0, 1320.5, LAMP, "on")]
    assert hits_of(after_fan(conditions=(Dark(),)), told) == [True]


def test_a_chain_is_a_hit_when_all_steps_follow_in_order(hits_of: Hits) -> None:
    """A step that is left out or comes too soon breaks it."""
    steps = (
        Step(entity_id=FAN, state="on"),
        Step(entity_id=LAMP, state="on", lag_seconds=lag(30)),
        Step(entity_id=KETTLE, state="on", lag_seconds=lag(30)),
    )
    told = [each for day in range(3) for each in use(day, 600, FAN) + use(day, 600.5, LAMP)]
    told += use(0, 601, KETTLE) + use(1, 600.2, KETTLE)
    assert hits_of(SequenceDetail(steps=steps, support=3, within_seconds=90), told) == [True, False, False]


def test_a_stay_is_a_hit_when_it_lasts_as_long_as_said(hits_of: Hits) -> None:
    """Of three stays the one that is much too long is none."""
    told = [(0, 600, LAMP, "on"), (0, 660, LAMP, "off"), (1, 600, LAMP, "on"), (1, 670, LAMP, "off")]
    told += [(2, 600, LAMP, "on"), (2, 900, LAMP, "off")]
    seconds = Quantiles(p10=3000, p50=3600, p90=4500)
    detail = DurationDetail(entity_id=LAMP, state="on", seconds=seconds, typical_hours=(10,))
    assert hits_of(detail, told) == [True, True, False]
