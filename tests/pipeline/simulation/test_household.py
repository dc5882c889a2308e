"""The generated household: what it plants shows in the stream, and nothing else does."""

import json
import os
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from pipeline.simulation import EntityState, Household

ACTIVE = {"on", "open", "playing"}


def seconds(stamp: str) -> float:
    """Return a timestamp's epoch seconds."""
    return datetime.fromisoformat(stamp).timestamp()


def test_a_seed_gives_its_bytes_and_another_gives_others() -> None:
    """The same seed repeats every byte; another seed has other habits and other messages."""
    first, again, other = (
        [json.dumps(message) for message in Household(seed=seed, days=3).messages()] for seed in (5, 5, 6)
    )
    assert first == again
    assert not set(first) & set(other)
    assert Household(seed=5).truth.habits != Household(seed=6).truth.habits


def test_no_order_depends_on_the_hash_seed() -> None:
    """Two processes that hash strings differently generate the same bytes."""
    program = """
import hashlib
from pipeline.simulation import EntityState, Household
household = Household(seed=5, days=2, restarts_per_week=7)
print(hashlib.sha256(repr(list(household.messages())).encode()).hexdigest())
"""
    digests = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(digests[0]) == 65
    assert digests[0] == digests[1]


def test_one_household_can_be_generated_twice() -> None:
    """A second run of the same object repeats the first, and counts its occurrences anew."""
    household = Household(seed=5, days=3)
    first = list(household.messages())
    occurrences = household.truth.document()
    assert list(household.messages()) == first
    assert household.truth.document() == occurrences


def test_the_demo_is_thirty_days_and_at_most_sixty_thousand_events(generated: Any) -> None:
    """The default household fits into a demo of about a minute."""
    assert 30_000 < len(generated.messages) <= 60_000
    begin, end = generated.household.calendar.moment(0, 0), generated.household.calendar.moment(30, 0)
    arrivals = [arrival for arrival, _ in generated.messages]
    assert begin <= arrivals[0] < begin + 3600
    assert end - 3600 < arrivals[-1] < end + 600


@pytest.mark.parametrize("seed", range(10, 12))
def test_every_seed_keeps_the_bound(seed: int) -> None:
    """No seed's household outgrows the demo."""
    assert sum(1 for _ in Household(seed=seed).messages()) <= 60_000


def test_messages_come_in_order_of_arrival_and_a_few_come_late_or_twice(generated: Any) -> None:
    """Arrivals never go back; about three in a thousand arrive late, about three in a thousand twice."""
    arrivals = [arrival for arrival, _ in generated.messages]
    assert all(before <= after for before, after in pairwise(arrivals))
    stamped = [
        (arrival, payload["event_data"]["new_state"])
        for arrival, payload in generated.messages
        if payload["event_type"] == "state_changed"
    ]
    first: dict[int, float] = {}
    for arrival, state in stamped:
        first.setdefault(id(state), arrival)
    late = sum(first[id(state)] - seconds(state["last_updated"]) > 1 for _, state in stamped)
    assert 0.0015 < late / len(stamped) < 0.006
    assert 0.0015 < 1 - len(first) / len(stamped) < 0.006
    assert min(arrival - seconds(state["last_updated"]) for arrival, state in stamped) > 0


def test_a_state_follows_from_the_one_before(generated: Any) -> None:
    """An entity's old state is the new state of its change before, restarts apart."""
    shown: dict[str, dict[str, Any]] = {}
    for change in sorted(generated.changes, key=lambda change: change["new_state"]["last_updated"]):
        old = change["old_state"]
        assert old is None or old == shown.get(change["entity_id"], old)
        shown[change["entity_id"]] = change["new_state"]
    assert len(shown) > 60


def test_occurrences_are_in_the_stream(generated: Any) -> None:
    """Every occurrence of whatever was planted is a state change at that moment."""
    shown = {
        (
            change["entity_id"],
            change["new_state"]["state"],
            round(seconds(change["new_state"]["last_updated"]), 2),
        )
        for change in generated.behaviour
    }
    truth = generated.household.truth
    promised = [(habit.action, at) for habit in truth.habits for at in habit.occurrences]
    promised += [(pair.action, at) for pair in truth.pairs for _, at in pair.occurrences]
    promised += [(pair.trigger, at) for pair in truth.pairs for at, _ in pair.occurrences]
    promised += [
        each
        for chain in truth.chains
        for run in chain.occurrences
        for each in zip(chain.steps, run, strict=True)
    ]
    promised += [
        (EntityState(duration.entity_id, duration.state), at)
        for duration in truth.durations
        for at, _ in duration.occurrences
    ]
    promised += [(each.action, at) for each in truth.automations for at in each.occurrences]
    missing = [
        (action, at)
        for action, at in promised
        if not {(action.entity_id, action.state, round(at + shift, 2)) for shift in (0, 0.01)} & shown
    ]
    assert len(promised) > 300
    assert missing == []


def test_the_day_on_which_summer_time_ends_has_twenty_five_hours(generated: Any) -> None:
    """Sensors report through the doubled hour, and the timer keeps the wall clock."""
    calendar = generated.household.calendar
    assert calendar.moment(21, 0) - calendar.moment(20, 0) == 25 * 3600
    hour = (
        datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp(),
        datetime(2026, 10, 25, 2, 0, tzinfo=UTC).timestamp(),
    )
    readings = [
        change
        for change in generated.changes
        if change["entity_id"].endswith("_temperature")
        and hour[0] <= seconds(change["new_state"]["last_updated"]) < hour[1]
    ]
    assert len(readings) > 15
    timer = next(a for a in generated.household.truth.automations if a.minute is not None)
    assert {round(calendar.minute(at)) for at in timer.occurrences} == {timer.minute}


def test_nobody_acts_on_days_away(generated: Any) -> None:
    """While nobody is at home no habit and no control shows, but timers run on."""
    calendar, truth = generated.household.calendar, generated.household.truth
    first, last = (day for day, kind in enumerate(truth.day_types.values()) if kind == "away")
    away = calendar.moment(first, 400), calendar.moment(last, 1260)
    begun = Counter(
        change["entity_id"]
        for change in generated.behaviour
        if change["new_state"]["state"] in ACTIVE
        and away[0] <= seconds(change["new_state"]["last_updated"]) < away[1]
    )
    habits = [at for habit in truth.habits for at in habit.occurrences if away[0] <= at < away[1]]
    assert last == first + 1
    assert habits == []
    assert not begun.keys() & set(truth.controls) - {"binary_sensor.doorbell"}
    assert begun["light.garden"] >= 1


def test_controls_have_neither_habit_nor_pair(generated: Any) -> None:
    """What people use at random appears nowhere else in the truth, and is used."""
    truth = generated.household.truth
    planted = {habit.action.entity_id for habit in truth.habits}
    planted |= {side.entity_id for pair in truth.pairs for side in (pair.trigger, pair.action)}
    planted |= {step.entity_id for chain in truth.chains for step in chain.steps}
    planted |= {automation.action.entity_id for automation in truth.automations}
    used = {change["entity_id"] for change in generated.behaviour}
    assert truth.controls
    assert not set(truth.controls) & (planted | set(truth.followers))
    assert set(truth.controls) <= used


def test_random_use_does_not_crowd_into_hours(generated: Any) -> None:
    """The controls' uses spread over the waking day: no two hours hold half of a control's uses."""
    calendar, truth = generated.household.calendar, generated.household.truth
    for entity in truth.controls:
        hours = [
            calendar.minute(seconds(change["new_state"]["last_updated"])) // 120
            for change in generated.behaviour
            if change["entity_id"] == entity
        ]
        assert max(Counter(hours).values()) <= max(4, len(hours) / 2)


def test_the_weather_service_and_the_sensors_agree(generated: Any) -> None:
    """The service's temperature is about that of the sensor outside, and the sky changes with the days."""
    outside = generated.courses["sensor.outdoor_temperature"]
    told = [change for change in generated.changes if change["entity_id"] == "weather.forecast_home"]
    apart = []
    for change in told:
        place = bisect_right(outside, (generated.moment(change), "~"))
        temperature = change["new_state"]["attributes"].get("temperature")
        if temperature is not None and place and outside[place - 1][1] != "unavailable":
            apart.append(abs(temperature - float(outside[place - 1][1])))
    assert len(apart) > 600
    assert mean(apart) < 1.5
    skies = {change["new_state"]["state"] for change in told}
    assert {"sunny", "clear-night", "cloudy", "rainy"} <= skies


def test_every_part_of_a_day_is_shown_by_home_assistant_too(generated: Any) -> None:
    """The workday sensor knows weekends, the calendar journeys and guests."""
    calendar, truth = generated.household.calendar, generated.household.truth
    days = {calendar.day(at): state for at, state in generated.courses["binary_sensor.workday_sensor"]}
    assert {calendar.date(day).weekday() for day, state in days.items() if state == "off"} <= {5, 6}
    shown = {
        calendar.date(calendar.day(seconds(change["new_state"]["last_updated"]))).isoformat(): change
        for change in generated.behaviour
        if change["entity_id"] == "calendar.family" and change["new_state"]["state"] == "on"
    }
    said = {on: change["new_state"]["attributes"]["message"] for on, change in shown.items()}
    away = [on for on, kind in truth.day_types.items() if kind == "away"]
    assert said.pop(away[0]) == "Journey"
    guests = {on for on, kind in truth.day_types.items() if kind == "guests"}
    assert guests <= said.keys()
    assert set(said.values()) == {"Guests"}


def test_a_restart_shows_every_entity_anew(generated: Any) -> None:
    """After a restart each entity comes from nothing, devices unavailable first and then as they are."""
    household = generated.household
    restarts = len(household.truth.restarts)
    assert restarts > 1
    fresh = [change for change in generated.changes if change["old_state"] is None]
    entities = len({change["entity_id"] for change in generated.changes})
    assert len(fresh) == restarts * entities
    lost = [change for change in fresh if change["new_state"]["state"] == "unavailable"]
    found = [
        change
        for change in generated.changes
        if change["old_state"] is not None and change["old_state"]["state"] == "unavailable"
    ]
    assert len(lost) == len(found) > entities
    stops = [
        arrival for arrival, payload in generated.messages if payload["event_type"] == "homeassistant_stop"
    ]
    assert all(any(0 < stop - at < 700 for stop in stops) for at in household.truth.restarts)


def test_noise_is_a_parameter(generated: Any) -> None:
    """Without random use the controls rest."""
    household = Household(days=5, noise=0)
    moved = {
        payload["event_data"]["entity_id"]
        for _, payload in household.messages()
        if payload["event_type"] == "state_changed" and payload["event_data"]["old_state"] is not None
    }
    assert not moved & set(generated.household.truth.controls)
    regular = [habit for habit in household.truth.habits if len(habit.days) == 7 and habit.probability > 0.8]
    assert {habit.action.entity_id for habit in regular} <= moved


def test_a_longer_run_begins_with_the_shorter(generated: Any) -> None:
    """More days add messages and take none away, but for what is still under way at the end."""
    longer = Household(days=33)
    begun = [message for message, _ in zip(longer.messages(), range(len(generated.messages)), strict=False)]
    until = generated.household.calendar.moment(30, 0) - 700
    before = [message for message in generated.messages if message[0] < until]
    assert len(before) > 50_000
    assert begun[: len(before)] == before


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"days": 0}, "at least one day, got 0"),
        (
            {"days": 3, "start": date(2099, 12, 29)},
            "days from 1970-01-01 to 2099-12-30, got 3 from 2099-12-29",
        ),
        ({"start": date(1969, 12, 31)}, "days from 1970-01-01 to 2099-12-30, got 30 from 1969-12-31"),
        ({"days": 10**12}, "days from 1970-01-01 to 2099-12-30"),
        ({"occupants": 5}, "1 to 4 occupants, got 5"),
        ({"difficulty": "brutal"}, "a difficulty of easy, normal, hard, got brutal"),
        ({"noise": -1.0}, "noise of 0 or more, got -1.0"),
        ({"restarts_per_week": 8.0}, "up to 7 restarts per week, got 8.0"),
        ({"late_share": 1.5}, "shares between 0 and 1, got 1.5"),
        ({"lat": 91.0}, "a latitude between -90 and 90, got 91.0"),
        ({"tz": "Europe/Nowhere"}, "an IANA time zone"),
        ({"anomalies": ["burglary"]}, "burglary"),
    ],
)
def test_a_wrong_parameter_is_said(wrong: dict[str, Any], expected: str) -> None:
    """What is out of bounds is a mistake, and the message says what was expected."""
    with pytest.raises(ValueError, match=expected):
        Household(**wrong)
