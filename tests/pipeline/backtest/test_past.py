"""What happened, laid out as frames."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from schemas.events import Cause

LAMP = "light.hall"


def seen(past: Any, *spans: tuple[int, int]) -> list[tuple[int, int]]:
    """Those of the spans that the past could see whole."""
    frame = pl.DataFrame(spans, schema={"from_ms": pl.Int64, "to_ms": pl.Int64}, orient="row")
    found: list[tuple[int, int]] = past.seen(frame).rows()
    return found


def test_uses_are_what_people_may_have_done(diary: Any) -> None:
    """What an automation did, or came with another entity, is no use."""
    diary.note(0, 60, LAMP, "on", Cause.USER)
    diary.note(0, 70, LAMP, "off")
    for number, cause in enumerate((Cause.PHYSICAL, Cause.UNCERTAIN, Cause.AUTOMATION)):
        diary.note(1 + number, 60, LAMP, "on", cause)
        diary.note(1 + number, 70, LAMP, "off", Cause.AUTOMATION)
    diary.note(5, 60, LAMP, "on", derived=True)
    past = diary.past()
    assert past.uses(LAMP, "on")["use_ms"].to_list() == [diary.ms(day, 60) for day in range(3)]
    assert past.uses(LAMP, "off")["use_ms"].to_list() == [diary.ms(0, 70)]
    assert past.uses("light.unknown", "on").is_empty()


def test_a_change_lasts_until_the_next_one(diary: Any) -> None:
    """Each change tells when the state ended, over midnight too."""
    diary.note(0, 1430, LAMP, "on")
    diary.note(1, 10, LAMP, "off")
    changes = diary.past().changes_of(LAMP)
    assert changes["until_ms"].to_list()[0] == changes["at_ms"].to_list()[1] == diary.ms(1, 10)


def test_the_state_is_that_just_before(diary: Any) -> None:
    """At the moment of a change the state is still the one before; before the first nobody knows."""
    diary.note(0, 60, LAMP, "on")
    diary.note(0, 70, LAMP, "off")
    times = pl.DataFrame({"at_ms": [diary.ms(0, minute) for minute in (60, 65, 70, 80)]})
    known = diary.past().with_state(times, LAMP, at="at_ms", name="known")
    assert known["known"].to_list() == [None, "on", "on", "off"]


def test_gaps_and_what_lies_outside_the_days_are_not_seen(diary: Any) -> None:
    """A span is seen if no gap, no missing day and no end of the past touches it."""
    diary.blind(2, 600, 660)
    past = diary.past()
    spans = [(diary.ms(day, a), diary.ms(day, b)) for day, a, b in ((2, 590, 599), (2, 660, 661))]
    hidden = [
        (diary.ms(day, a), diary.ms(day, b)) for day, a, b in ((0, -5, 5), (2, 590, 610), (9, 1430, 1450))
    ]
    assert seen(past, *spans, *hidden) == spans


def test_a_reading_grows_stale(diary: Any) -> None:
    """A sensor's reading counts for two hours."""
    diary.read("sensor.outdoor_temperature", float)
    known = diary.past().with_reading(
        pl.DataFrame({"at_ms": [diary.ms(3, 601), diary.ms(10, 60), diary.ms(10, 180)]}),
        "sensor.outdoor_temperature",
    )
    assert known["reading"].to_list() == [3.0, 9.0, None]


def test_who_first_leaves_was_at_home(diary: Any) -> None:
    """Presence is counted from what each person did first."""
    diary.note(0, 480, "person.ann", "not_home")
    diary.note(0, 500, "person.ben", "home")
    diary.note(0, 540, "person.ben", "not_home")
    times = pl.DataFrame({"at_ms": [diary.ms(0, minute) for minute in (10, 490, 510, 550)]})
    assert diary.past().with_presence(times)["inside"].to_list() == [1, 0, 1, 0]


def test_until_knows_nothing_of_what_came_later(diary: Any) -> None:
    """The past until a day is that of a home that had only lived so long."""
    diary.use(range(10), 600, LAMP)
    diary.note(0, 480, "person.ann", "not_home")
    diary.note(5, 480, "person.ann", "home")
    diary.read("sensor.outdoor_temperature", float)
    cut = diary.past().until(diary.first + timedelta(days=4))
    diary.days = 4
    shorter = diary.past()
    assert cut.days.equals(shorter.days)
    assert cut.blind.equals(shorter.blind)
    assert cut.changes_of(LAMP).equals(shorter.changes_of(LAMP))
    assert cut.last_day == date(2026, 3, 5)
    readings = cut.steps["sensor.outdoor_temperature"]["at_ms"]
    assert max(readings.to_list()) < diary.ms(4, 0)


def test_since_counts_fewer_days_and_knows_how_things_stood(diary: Any) -> None:
    """Days before do not count, but their changes tell the states."""
    diary.note(0, 600, LAMP, "on")
    past = diary.past().since(diary.first + timedelta(days=5))
    assert past.first_day == date(2026, 3, 7)
    times = pl.DataFrame({"at_ms": [diary.ms(5, 60)]})
    assert past.with_state(times, LAMP, at="at_ms", name="known")["known"].to_list() == ["on"]
    assert seen(past, (diary.ms(4, 60), diary.ms(4, 70))) == []


@pytest.mark.parametrize(("minute", "wanted"), [(150.0, None), (90.0, "01:30"), (200.0, "03:20")])
def test_a_minute_that_the_clock_skips_does_not_come(diary: Any, minute: float, wanted: str | None) -> None:
    """When summer time begins, 02:30 does not come."""
    diary.first = date(2026, 3, 29)
    diary.days = 1
    past = diary.past()
    (at_ms,) = past.days.select(at=past.wall_ms(pl.lit(minute)))["at"].to_list()
    wall = None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, diary.home.zone)
    assert (None if wall is None else f"{wall:%H:%M}") == wanted


def test_no_days_are_no_past(diary: Any) -> None:
    """A home of which nothing is known has a past in which nothing happened."""
    diary.days = 0
    past = diary.past()
    assert past.first_day is None
    assert past.sun_now() == {}
    assert seen(past, (0, 1)) == []
