"""The learning core: when days close, what reopens them, what is forgotten."""

import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.core.day_set import DaySet
from schemas.events import Cause, EventType, Gap, ServiceCall, StateChange

HOUR_US = 3_600_000_000
LAMP = EventType("light.hall", "on")


def local(day: int, hour: float, zone: str = "Europe/Berlin") -> int:
    """UTC microseconds of an hour of a day in November 2026, by the local clock."""
    start = datetime(2026, 11, day, tzinfo=ZoneInfo(zone))
    return round((start + timedelta(hours=hour)).timestamp() * 1_000_000)


def switched(at_us: int, entity_id: str = "light.hall", state: str = "on", context: str = "c") -> StateChange:
    """A change at a time."""
    return StateChange(at_us, entity_id, "off", state, context)


@pytest.fixture
def home(learned: Callable[..., Any]) -> Any:
    """A fresh core for a home in Berlin."""
    return learned()


def test_a_day_closes_when_event_time_passes_local_midnight(home: Any) -> None:
    """Not a moment earlier, and by the home's own clock."""
    home.feed([switched(local(3, 8)), switched(local(4, 0) - 1_000)])
    assert home.closed == {}
    home.feed([switched(local(4, 0))])
    assert list(home.closed) == ["2026-11-03"]
    assert home.closed["2026-11-03"].day.minutes.tolist() == pytest.approx([480, 1440 - 1 / 60_000])


def test_what_says_nothing_of_anybody_still_moves_time(home: Any) -> None:
    """The weather closes a day, and is not behaviour."""
    home.feed([switched(local(3, 8)), switched(local(4, 1), "weather.home")])
    assert home.closed["2026-11-03"].day.types == (LAMP,)
    assert home.core.open_days()[date(2026, 11, 4)].records() == []


def test_a_late_event_reopens_its_day_for_48_hours(home: Any) -> None:
    """The day closes again with it, then is sealed, and a later event needs it restored."""
    home.feed([switched(local(3, 8)), switched(local(4, 1))])
    home.feed([switched(local(3, 9)), switched(local(5, 23.9))])
    assert len(home.closed["2026-11-03"].events) == 2
    late = switched(local(3, 10))
    assert home.core.late_days([late]) == []
    home.feed([switched(local(6, 0))])
    [sealed] = home.core.late_days([late])
    assert sealed.date == date(2026, 11, 3)
    with pytest.raises(ValueError, match="2026-11-03 to be restored"):
        home.core.learn_one(late)


def test_a_sealed_day_takes_late_events_once_it_is_restored(home: Any) -> None:
    """From the store's bytes the day goes on as if it had never left."""
    home.feed([switched(local(3, 8)), switched(local(6, 1))])
    packed = home.closed["2026-11-03"].events.pack()
    late = switched(local(3, 10))
    [sealed] = home.core.late_days([late])
    home.core.restore_day(sealed, DaySet.unpack(packed), closed=False)
    home.feed([late])
    assert len(home.closed["2026-11-03"].events) == 2
    assert len(home.core.history().days[0].at_ms) == 2


def test_a_mark_before_midnight_explains_what_follows_after(home: Any) -> None:
    """The run of an automation is known to the next day; a late one needs both days."""
    mark = switched(local(4, 0) - 5_000_000, "automation.night", context="a")._replace(mark=True)
    home.feed([mark, switched(local(4, 0) + 1_000_000, context="a"), switched(local(5, 1))])
    assert home.closed["2026-11-04"].day.causes.tolist() == [Cause.AUTOMATION]
    home.feed([switched(local(8, 1))])
    assert [day.date.day for day in home.core.late_days([mark])] == [3, 4]


def test_a_late_mark_before_midnight_changes_the_day_after_it(home: Any) -> None:
    """The day after it was closed already: it closes again, with the cause that the mark tells."""
    mark = switched(local(4, 0) - 5_000_000, "automation.night", context="a")._replace(mark=True)
    home.feed([switched(local(4, 0) + 1_000_000, context="a"), switched(local(5, 1))])
    assert home.closed.pop("2026-11-04").day.causes.tolist() == [Cause.PHYSICAL]
    home.feed([mark])
    assert home.closed["2026-11-04"].day.causes.tolist() == [Cause.AUTOMATION]


def test_a_late_call_changes_the_causes_of_a_closed_day(home: Any) -> None:
    """Evidence about causes reopens a day as an event does."""
    command, report = switched(local(3, 8)), switched(local(3, 8) + 2_000_000, state="off")
    home.feed([command, report, ServiceCall(local(3, 7), ("light.bed",), "x"), switched(local(4, 1))])
    assert home.closed["2026-11-03"].day.causes.tolist() == [Cause.PHYSICAL, Cause.PHYSICAL]
    before = home.closed.pop("2026-11-03")
    home.feed([ServiceCall(command.at_us + 1_000_000, ("light.hall",), "light.turn_off")])
    assert home.closed["2026-11-03"].events is before.events


def test_a_gap_is_clipped_to_its_days(home: Any) -> None:
    """A gap over three days is on each of them no longer than the day, and reopens what was closed."""
    home.feed([switched(local(day, 8)) for day in (3, 4, 5)])
    home.core.note_gap(Gap(local(3, 20), local(5, 6), "broker"))
    home.core.note_gap(Gap(local(4, 10), local(4, 12), "not_running"))
    home.feed([switched(local(6, 1))])
    gaps = {closed.day.date.day: closed.day.gaps_ms for closed in home.closed.values()}
    assert gaps == {
        3: ((local(3, 20) // 1000, local(4, 0) // 1000),),
        4: ((local(4, 0) // 1000, local(5, 0) // 1000),),
        5: ((local(5, 0) // 1000, local(5, 6) // 1000),),
    }


def test_gaps_do_not_depend_on_when_they_are_told(learned: Callable[..., Any], stream: Any) -> None:
    """Before, amid or after their days, in any order, they give the same closed days."""
    gaps = [
        Gap(stream[0].at_us + hour * HOUR_US, stream[0].at_us + (hour + 5) * HOUR_US, "") for hour in (3, 20)
    ]
    first, last = learned(), learned()
    for gap in gaps:
        first.core.note_gap(gap)
    first.feed(stream).end()
    last.feed(stream[:700])
    for gap in reversed(gaps):
        last.core.note_gap(gap)
    last.feed(stream[700:]).end()
    assert first.canonical() == last.canonical()
    assert first.core.history().days[0].gaps_ms


def test_the_least_recently_seen_leave_when_there_are_too_many(learned: Callable[..., Any]) -> None:
    """The cap holds at any moment; what was seen last stays known."""
    home = learned(entity_cap=100)
    for number in range(2_000):
        home.core.learn_one(switched(local(3, 8) + number * 1_000, f"light.l{number}"))
        home.core.learn_one(switched(local(3, 8) + number * 1_000 + 1, "light.often"))
        assert len(home.core.entities) <= 100
    assert "light.often" in home.core.entities
    assert "light.l1999" in home.core.entities
    assert "light.l0" not in home.core.entities
    [events] = home.core.open_days().values()
    assert len(events.changes) <= 100


def test_retired_days_are_forgotten(learned: Callable[..., Any]) -> None:
    """No more than the retained days are judged; their gaps and nominations go with the others."""
    home = learned(retain_days=5)
    home.core.note_gap(Gap(local(1, 8), local(1, 9), "broker"))
    home.feed([switched(local(day, 8)) for day in range(1, 29)], close_every=1)
    days = [day.date.day for day in home.core.history().days]
    assert days == [23, 24, 25, 26, 27]
    assert home.core.gaps == []
    assert len(home.core.open_days()) <= 4
    assert [*home.core.history().seen_on(5)] == [EventType("light.hall", "on")]
    assert [*home.core.history().seen_on(6)] == []


def test_history_tells_in_which_five_minutes_a_number_came(home: Any) -> None:
    """Of a numeric entity that is no context that alone is kept, from the day's own start."""
    home.feed([switched(local(3, hour), "sensor.plug_power", "7") for hour in (0, 0.05, 1.5, 23.99)])
    home.feed([switched(local(4, 1))])
    [heard] = home.core.history().heard
    spoke = np.unpackbits(np.frombuffer(heard["sensor.plug_power"], dtype=np.uint8))
    assert np.nonzero(spoke)[0].tolist() == [0, 18, 287]


def test_nan_and_infinity_are_no_readings(home: Any) -> None:
    """A sensor's steps stay what its finite readings make them; text of a sensor is a state."""
    states = ("20", "nan", "inf", "-inf", "1e999", "1e308", "22", "fault")
    home.feed([switched(local(3, 8) + k * 1_000, "sensor.hall", state) for k, state in enumerate(states)])
    assert home.core.entities.measured() == ["sensor.hall"]
    [events] = home.core.open_days().values()
    [(_, step)] = events.numbers["sensor.hall"].items()
    assert (step.samples, step.mean, step.minimum, step.maximum) == (2, 21, 20, 22)
    assert [record.state for record in events.records()] == ["fault"]


def test_presses_and_activations_are_one_state(home: Any) -> None:
    """What carries the time of its last use as state counts as activated."""
    home.feed([switched(local(3, hour), "scene.film", f"2026-11-03T0{hour}:00") for hour in (7, 8)])
    [events] = home.core.open_days().values()
    assert {record.state for record in events.records()} == {"activated"}


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 1.0])
def test_restored_days_equal_the_live_state(learned: Callable[..., Any], stream: Any, share: float) -> None:
    """A core that takes up the days from their bytes, amid the stream, ends like one that never stopped."""
    expected = learned().feed(stream).end().canonical()
    cut = round(len(stream) * share)
    before, after = learned().feed(stream[:cut]), learned()
    after.core.watermark_ms = before.core.watermark_ms
    packed = {day: closed.events.pack() for day, closed in before.closed.items()}
    open_days = {day.isoformat(): events.pack() for day, events in before.core.open_days().items()}
    for day in sorted(packed | open_days):
        after.core.restore_day(
            after.core.days.on(date.fromisoformat(day)),
            DaySet.unpack((packed | open_days)[day]),
            closed=day in packed,
        )
    after.closed |= before.closed
    got = after.feed(stream[cut:]).end().canonical()
    assert {name: got[name] == text for name, text in expected.items()} == dict.fromkeys(expected, True)


def test_bytes_of_a_day_set_come_back(learned: Callable[..., Any], stream: Any) -> None:
    """What was packed is unpacked to the same bytes; another version is refused."""
    for closed in learned().feed(stream).end().closed.values():
        packed = closed.events.pack()
        assert DaySet.unpack(packed).pack() == packed
    with pytest.raises(ValueError, match="version 1, got 99"):
        DaySet.unpack(zlib.compress(b'{"version": 99}'))


@pytest.mark.parametrize(("zone", "day", "hours"), [("Europe/Berlin", 25, 25), ("Australia/Sydney", 4, 23)])
def test_a_day_of_23_or_25_hours_is_one_day(
    learned: Callable[..., Any], zone: str, day: int, hours: int
) -> None:
    """Every hour of it counts once, at the minute that the clock on the wall shows."""
    home = learned(tz=zone)
    start = datetime(2026, 10, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    changes = [
        switched(round((start + timedelta(hours=hour)).timestamp()) * 1_000_000) for hour in range(hours + 1)
    ]
    home.feed(changes)
    closed = home.closed[f"2026-10-{day:02}"].day
    assert closed.end_ms - closed.start_ms == hours * 3_600_000
    shown = [int(minute) // 60 for minute in closed.minutes]
    assert shown == sorted(shown)
    assert len(shown) == hours
    assert set(range(24)) - set(shown) == ({2} if hours == 23 else set())


@pytest.mark.parametrize(("states", "kept"), [(2, {"lock.door"}), (40, {"lock.door"}), (41, set())])
def test_entities_that_speak_free_text_are_left_out_of_a_closed_day(
    home: Any, states: int, kept: set[str]
) -> None:
    """More than forty different states a day are no behaviour; the same few, however often, are."""
    texts = [switched(local(3, 8) + k * 1_000, "lock.door", f"text {k % states}") for k in range(41)]
    home.feed([*texts, switched(local(3, 9)), switched(local(4, 1))])
    entities = {event_type.entity_id for event_type in home.closed["2026-11-03"].day.types}
    assert entities == {"light.hall"} | kept


def test_gaps_that_touch_are_one(home: Any) -> None:
    """One that ends where the next starts, and one that ends where the day starts, leave no seam."""
    for start, end in ((10, 11), (11, 12), (-2, 0), (24, 25), (10.5, 10.6)):
        home.core.note_gap(Gap(local(3, 0) + round(start * HOUR_US), local(3, 0) + round(end * HOUR_US), ""))
    home.feed([switched(local(3, 8)), switched(local(4, 2))])
    assert home.closed["2026-11-03"].day.gaps_ms == ((local(3, 10) // 1000, local(3, 12) // 1000),)


def test_an_entity_that_leaves_takes_its_numbers_along(learned: Callable[..., Any]) -> None:
    """Nothing of it stays in the days at hand, nor in what is known to measure."""
    home = learned(entity_cap=2)
    for number, entity_id in enumerate(("sensor.first", "sensor.second", "sensor.third")):
        home.core.learn_one(switched(local(3, 8) + number * 1_000, entity_id, "20"))
    [events] = home.core.open_days().values()
    assert [*events.numbers] == home.core.entities.measured() == ["sensor.second", "sensor.third"]


@pytest.mark.parametrize(("state", "expected"), [("1e12", 1), ("-1e12", 1), ("1.000001e12", 0), ("1e13", 0)])
def test_a_number_beyond_a_trillion_is_no_reading(home: Any, state: str, expected: int) -> None:
    """It is neither a sample nor a state."""
    home.feed([switched(local(3, 8), "sensor.hall", state)])
    [events] = home.core.open_days().values()
    assert (len(events.numbers), len(events)) == (expected, 0)


def test_a_cap_of_no_entity_is_refused(learned: Callable[..., Any]) -> None:
    """One is the least."""
    assert learned(entity_cap=1).feed([switched(local(3, 8)), switched(local(3, 9), "light.bed")])
    with pytest.raises(ValueError, match="at least 1 entity"):
        learned(entity_cap=0)


def test_days_that_the_store_sealed_are_asked_for_while_events_may_be_late(
    learned: Callable[..., Any],
) -> None:
    """A late event on one needs it restored first, judged or not; who took it for new would write over it."""
    home = learned(retain_days=5)
    sealed, late = date(2026, 11, 3), switched(local(3, 8))
    home.core.know_sealed(sealed)
    assert home.core.is_closed(sealed)
    assert not home.core.at_hand(sealed)
    assert [day.date for day in home.core.late_days([late])] == [sealed]
    home.feed([switched(local(day, 8)) for day in range(7, 15)], close_every=1)
    at_hand = [day for day in range(3, 16) if home.core.at_hand(date(2026, 11, day))]
    assert at_hand == [9, 10, 11, 12, 13, 14]
    retired = switched(local(7, 8))
    assert [day.date.day for day in home.core.late_days([late, retired])] == [3, 7]
    home.feed([switched(local(7, 8) + day * 24 * HOUR_US) for day in range(70, 77)], close_every=1)
    assert home.core.late_days([late, retired]) == []
