"""Labelled anomalies: each shows in the stream where its label says."""

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from pipeline.simulation import Household, Oddity
from schemas.anomalies import AnomalyKind

Check = Callable[[Any, Oddity], None]


@pytest.fixture(scope="module")
def odd(generate_of: Callable[..., Any]) -> Any:
    """Sixty days, so that everything goes wrong several times, and arrives in time."""
    return generate_of(seed=3, days=60, restarts_per_week=0.0, late_share=0.0, duplicate_share=0.0)


def states_between(odd: Any, entity_id: str, begin: float, end: float) -> list[tuple[float, str]]:
    """Return what an entity came to in an interval."""
    return [(at, state) for at, state in odd.courses.get(entity_id, []) if begin <= at <= end]


def held(odd: Any, entity_id: str, at: float) -> str:
    """Return the state that was shown last before a moment."""
    course: list[tuple[float, str]] = odd.courses[entity_id]
    return course[bisect_right(course, (at, "\uffff")) - 1][1]


def is_missed(odd: Any, label: Oddity) -> None:
    """A habit of the entity was due at the time and has no occurrence that day."""
    calendar = odd.household.calendar
    habits = [
        habit
        for habit in odd.household.truth.habits
        if habit.action.entity_id == label.entity_id and abs(_due(calendar, habit, label.at) - label.at) < 1
    ]
    assert len(habits) == 1
    days = {calendar.day(at - 60 * max(0.0, habits[0].minute - 1380)) for at in habits[0].occurrences}
    due = calendar.day(label.at - 60 * max(0.0, habits[0].minute - 1380))
    assert due not in days or habits[0].action.entity_id == "switch.cat_feeder"


def _due(calendar: Any, habit: Any, at: float) -> float:
    """Return when the habit is due on the day of a moment, or the night after."""
    days = [calendar.day(at) - 1, calendar.day(at)]
    moments: list[float] = []
    for day in days:
        if habit.anchor == "clock":
            moved = habit.moved_on is not None and calendar.date(day).isoformat() >= habit.moved_on
            moments.append(calendar.moment(day, habit.moved_minute if moved else habit.minute))
        else:
            moments.append(calendar.sun(day)[habit.anchor == "sunset"] + 60 * habit.minute)
    return min(moments, key=lambda moment: abs(moment - at))


def is_left_on(odd: Any, label: Oddity) -> None:
    """It is switched on and off when the label says, much later than usual."""
    shown = states_between(odd, label.entity_id, label.at - 0.1, label.until + 0.5)
    assert [at for at, _ in (shown[0], shown[-1])] == pytest.approx([label.at, label.until], abs=0.5)
    duration = next(d for d in odd.household.truth.durations if d.entity_id == label.entity_id)
    usual = [length for _, length in duration.occurrences]
    assert label.until - label.at > 3 * max(usual)
    assert [state for _, state in shown].count(shown[-1][1]) == 1


def is_night_opening(odd: Any, label: Oddity) -> None:
    """The door opens and shuts at night while nothing else is operated."""
    shown = states_between(odd, label.entity_id, label.at - 0.1, label.until + 0.1)
    assert [state for _, state in shown] == ["on", "off"]
    assert 105 < odd.household.calendar.minute(label.at) < 275


def is_stuck(odd: Any, label: Oddity) -> None:
    """The sensor says nothing for many times as long as ever else."""
    inside = states_between(odd, label.entity_id, label.at + 1, label.until - 1)
    assert inside == []
    others = [
        later - earlier
        for (earlier, _), (later, _) in pairwise(odd.courses[label.entity_id])
        if not (earlier <= label.at + 1 <= later)
    ]
    assert label.until - label.at > 10 * median(others)


def is_flapping(odd: Any, label: Oddity) -> None:
    """It changes some dozen times within minutes."""
    shown = states_between(odd, label.entity_id, label.at - 0.1, label.until + 0.1)
    assert len(shown) >= 20
    assert label.until - label.at < 300


def is_strange(odd: Any, label: Oddity) -> None:
    """Its readings inside are far from those at the same hour of other days."""
    inside = [float(state) for _, state in states_between(odd, label.entity_id, label.at, label.until)]
    middle = (label.at + label.until) / 2
    usual = [float(held(odd, label.entity_id, middle + 86_400 * day)) for day in range(-8, 0)]
    assert inside
    away = median(inside) - median(usual)
    spread = median(abs(each - median(usual)) for each in usual)
    assert abs(away) > 3 * spread


CHECKS: dict[AnomalyKind, Check] = {
    AnomalyKind.MISSED_ROUTINE: is_missed,
    AnomalyKind.LEFT_ON: is_left_on,
    AnomalyKind.NIGHT_OPENING: is_night_opening,
    AnomalyKind.STUCK_SENSOR: is_stuck,
    AnomalyKind.FLAPPING: is_flapping,
    AnomalyKind.NUMERIC: is_strange,
}


@pytest.mark.parametrize("kind", AnomalyKind)
def test_a_label_shows_in_the_stream(odd: Any, kind: AnomalyKind) -> None:
    """Of each kind there are some in sixty days, and all of them show where they are labelled."""
    end = odd.household.calendar.moment(60, 0)
    labels = [label for label in odd.household.truth.anomalies if label.kind is kind and label.until < end]
    assert len(labels) >= 2
    for label in labels:
        CHECKS[kind](odd, label)


def test_nothing_is_out_of_order_at_first(odd: Any) -> None:
    """For ten days what is usual can be learned."""
    begin = odd.household.calendar.moment(10, 0)
    assert all(label.at >= begin for label in odd.household.truth.anomalies)


def test_one_kind_changes_nothing_of_another() -> None:
    """Without one kind the others are where they were, unless they depend on what people then do."""
    kinds = [kind for kind in AnomalyKind if kind is not AnomalyKind.FLAPPING]
    labels = []
    for chosen in (list(AnomalyKind), kinds):
        household = Household(seed=4, days=30, anomalies=chosen)
        for _ in household.messages():
            pass
        labels.append(
            [label for label in household.truth.anomalies if label.kind is AnomalyKind.STUCK_SENSOR]
        )
    assert labels[0] == labels[1] != []


def test_nobody_opens_doors_at_night_otherwise(odd: Any) -> None:
    """Between two and four no door opens but where it is labelled, unless somebody is still up."""
    labelled = [
        label.at for label in odd.household.truth.anomalies if label.kind is AnomalyKind.NIGHT_OPENING
    ]
    doors = [entity for entity in odd.courses if entity.endswith("_door")]
    strange = [
        f"{door} {at:.0f}"
        for door in doors
        for at, state in odd.courses[door]
        if state == "on"
        and 120 < odd.household.calendar.minute(at) < 240
        and all(abs(at - label) > 1 for label in labelled)
        and not _flaps(odd, door, at)
    ]
    assert len(doors) >= 6
    assert strange == []


def _flaps(odd: Any, entity_id: str, at: float) -> bool:
    return any(
        label.entity_id == entity_id and label.at <= at <= label.until
        for label in odd.household.truth.anomalies
    )
