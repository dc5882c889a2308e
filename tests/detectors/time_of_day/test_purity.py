"""What is said is a function of the history, and evidence is a sound summary of it."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from detectors.history import Aggregate, Day, History
from detectors.time_of_day import TimeOfDay
from detectors.time_of_day.scan import _stands_out
from detectors.time_of_day.season import Season, seasons
from detectors.time_of_day.uses import Span, pack
from schemas.home import Home

LIGHT = "light.kitchen"


@pytest.fixture
def busy(household: Any) -> Any:
    """A household with habits and noise, 30 days."""
    household.live(range(30))
    household.habit(LIGHT, 430, range(30), spread=8)
    household.habit(LIGHT, 1150, [day for day in range(30) if day % 5], spread=10)
    household.habit("switch.fan", 800, [day for day in range(30) if day % 7 < 5], spread=10)
    return household


def detected(
    detector: TimeOfDay, home: Home, days: Sequence[Day], aggregates: Sequence[Mapping[str, Aggregate]]
) -> list[str]:
    """Patterns as JSON."""
    history = History(home=home, days=tuple(days), aggregates={"time_of_day": tuple(aggregates)})
    return [pattern.exact() for pattern in detector.detect(history) if pattern is not None]


def test_order_of_arrival_changes_nothing(busy: Any) -> None:
    """Aggregates keyed in another order: the same bytes."""
    days = busy.days(30)
    straight, shuffled = TimeOfDay(), TimeOfDay()
    aggregates = [straight.close_day(day) for day in days]
    mixed = []
    for aggregate in aggregates:
        items = list(aggregate.items())
        random.Random(6).shuffle(items)
        mixed.append(dict(items))
    expected = detected(straight, busy.home, days, aggregates)
    assert len(expected) == 3
    assert detected(shuffled, busy.home, days, mixed) == expected


def test_aggregates_survive_json(busy: Any) -> None:
    """Aggregates are plain JSON: what is read back is judged alike."""
    detector, days = TimeOfDay(), busy.days(30)
    aggregates = [detector.close_day(day) for day in days]
    read = [json.loads(json.dumps(aggregate)) for aggregate in aggregates]
    assert read == aggregates
    assert detected(detector, busy.home, days, read) == detected(detector, busy.home, days, aggregates)


def test_days_that_left_the_history_nominate_nothing(busy: Any) -> None:
    """Types that occur only on days that are judged no more are not judged either."""
    detector, days = TimeOfDay(), busy.days(40)
    aggregates = [detector.close_day(day) for day in days]
    assert detected(detector, busy.home, days[:30], aggregates[:30])
    assert detected(detector, busy.home, days[37:], aggregates[37:]) == []


def test_evidence_adds_up(busy: Any, judge: Any) -> None:
    """Hits and misses make the opportunities, the interval holds their share, the forecast is shrunk."""
    for pattern in judge(busy, 30):
        evidence = pattern.evidence
        share = evidence.hits / evidence.opportunities
        assert evidence.hits + evidence.misses == evidence.opportunities
        assert evidence.interval[0] <= share <= evidence.interval[1]
        assert evidence.lift == pytest.approx(share / evidence.base_rate, rel=0.01)
        assert len(evidence.recent_hits) <= 10
        assert sorted(evidence.recent_hits) == list(evidence.recent_hits)
        assert not set(evidence.recent_hits) & set(evidence.recent_misses)
        assert pattern.first_seen <= pattern.last_seen
        assert pattern.confidence < max(share, 0.9)
        assert evidence.e_value > 1


def test_a_weekday_stands_out_where_the_others_show_it_less_than_half_as_often() -> None:
    """Of 24 other days ten may show what four Mondays do, and eleven may not: then it is no Monday's."""
    mondays = np.arange(28) % 7 == 0
    season = Season(28, (0,), 1.0, mondays, ~mondays)
    some = np.cumsum(~mondays)
    used = np.array([[pack(mondays | (some <= others) & ~mondays)] for others in (10, 11)], dtype=np.uint64)
    assert _stands_out(used, season).tolist() == [True, False]


@pytest.mark.parametrize(("days", "single"), [(20, 0), (21, 7), (40, 7)])
def test_single_weekdays_are_sought_in_weeks_enough(days: int, single: int) -> None:
    """Each in the longest look-back, and none where that is shorter than is asked; all priors make one."""
    seen = np.ones((days, 1), dtype=np.bool_)
    found = seasons(Span(date(2026, 8, 31), {}, seen[:, 0], seen), (14, 30), 21)
    of_one_day = [season for season in found if len(season.weekdays) == 1]
    assert [season.look_back for season in of_one_day] == [min(days, 30)] * single
    assert sum(season.prior for season in found) == pytest.approx(1)


def test_nothing_learned_nothing_said(household: Any, judge: Any) -> None:
    """An empty history yields no pattern."""
    assert judge(household, 0) == []
    assert judge(household, 10) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 0},
        {"alpha": 1},
        {"half_life_days": 0},
        {"look_backs_days": ()},
        {"look_backs_days": (14, 90)},
        {"widths_min": (12,)},
        {"widths_min": (240,)},
        {"min_days": 0},
        {"weekly_from_days": 0},
    ],
)
def test_settings_are_checked_once(settings: dict[str, Any]) -> None:
    """Settings that make no sense are refused when the detector is made."""
    with pytest.raises(ValueError, match="expected"):
        TimeOfDay(**settings)
