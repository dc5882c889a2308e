"""The pair table of a day: what it counts, what it leaves out, how days are joined."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from detectors.following.day_table import (
    MAX_TRIGGERS,
    MAX_USES,
    tabulate,
    triggers_of,
)
from detectors.history import Day
from schemas.events import Cause, EventType

Row = tuple[float, str, str]
MakeDay = Callable[..., Day]


@pytest.fixture
def make_day() -> MakeDay:
    """Make a day of (second, entity, state) rows, of which some are automated or derived."""

    def make(rows: list[Row], automated: tuple[int, ...] = (), derived: tuple[int, ...] = ()) -> Day:
        types = tuple(sorted({EventType(entity, state) for _, entity, state in rows}))
        number = np.arange(len(rows))
        return Day(
            date=date(2026, 3, 2),
            start_ms=0,
            end_ms=86_400_000,
            types=types,
            at_ms=np.array([round(second * 1000) for second, _, _ in rows], dtype=np.int64),
            minutes=np.array([second / 60 for second, _, _ in rows], dtype=np.float64),
            type_ids=np.array([types.index(EventType(e, s)) for _, e, s in rows], dtype=np.int32),
            causes=np.where(np.isin(number, automated), Cause.AUTOMATION, Cause.UNCERTAIN).astype(np.uint8),
            derived=np.isin(number, derived),
            sunrise=360.0,
            sunset=1080.0,
        )

    return make


def test_counts_the_nearest_trigger_once(make_day: MakeDay) -> None:
    """Of a trigger that came twice before an action only the last counts, in the bin of its lag."""
    rows = [(10, "binary_sensor.door", "on"), (40, "binary_sensor.door", "on"), (47, "light.hall", "on")]
    assert tabulate(make_day(rows)) == {
        "light.hall=on": {"n": 1, "triggers": {"binary_sensor.door=on": (0, 1, 0, 0, 0, 0)}}
    }


def test_looks_back_two_minutes_and_not_at_the_same_instant(make_day: MakeDay) -> None:
    """A trigger counts from just before the action to 120 seconds before it."""
    rows = [
        (9.999, "binary_sensor.too_early", "on"),
        (10, "binary_sensor.early", "on"),
        (129.999, "binary_sensor.late", "on"),
        (130, "binary_sensor.same", "on"),
        (130, "light.hall", "on"),
    ]
    triggers = triggers_of(tabulate(make_day(rows))["light.hall=on"])
    assert sorted(triggers) == ["binary_sensor.early=on", "binary_sensor.late=on"]


def test_leaves_out_what_is_no_action_or_no_trigger(make_day: MakeDay) -> None:
    """Sensors do not act, automated and derived changes are no actions, and nothing triggers itself."""
    rows = [
        (10, "light.hall", "off"),
        (20, "sun.sun", "below_horizon"),
        (30, "binary_sensor.door", "on"),
        (35, "binary_sensor.door_copy", "on"),
        (40, "light.hall", "on"),
        (41, "light.all", "on"),
        (50, "fan.bath", "on"),
    ]
    table = tabulate(make_day(rows, automated=(0, 6), derived=(3, 5)))
    assert sorted(table) == ["light.hall=on"]
    assert sorted(triggers_of(table["light.hall=on"])) == ["binary_sensor.door=on"]


def test_leaves_out_triggers_that_are_seldom_followed(make_day: MakeDay) -> None:
    """A trigger that precedes an action in one of thirty uses hides no habit; one in ten is kept."""
    frequent = [(300.0 * i, "binary_sensor.motion", "on") for i in range(30)]
    rare = [(300.0 * i + 1, "binary_sensor.door", "on") for i in range(10)]
    rows = sorted([*frequent, *rare, (20.0, "light.hall", "on")])
    assert sorted(triggers_of(tabulate(make_day(rows))["light.hall=on"])) == ["binary_sensor.door=on"]


def test_table_is_bounded(make_day: MakeDay) -> None:
    """An action keeps a bounded number of triggers, and a device that flaps all day is no action."""
    crowd = [(10 + i / 100, f"binary_sensor.s{i:03}", "on") for i in range(60)]
    flapping = [(60.0 + i, "switch.relay", ("on", "off")[i % 2]) for i in range(2 * MAX_USES + 2)]
    table = tabulate(make_day([*crowd, (20, "light.hall", "on"), *flapping]))
    assert sorted(table) == ["light.hall=on"]
    assert len(triggers_of(table["light.hall=on"])) == MAX_TRIGGERS


def test_empty_day_is_an_empty_table(make_day: MakeDay) -> None:
    """A day without events has no table, one without triggers a table of uses alone."""
    assert tabulate(make_day([])) == {}
    assert tabulate(make_day([(10, "light.hall", "on")])) == {"light.hall=on": {"n": 1, "triggers": {}}}
