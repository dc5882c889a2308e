"""The figures of the quality benchmark, on numbers that are known."""

from collections import Counter
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks.quality.calibration import Forecast, reliability
from benchmarks.quality.clockwork import Check, clock_changes
from benchmarks.quality.homes import Source
from benchmarks.quality.jobs import Outcome
from benchmarks.quality.learned import Learned
from benchmarks.quality.plots import plot
from benchmarks.quality.recorded import Held, Row, Split, Strip, check, plain_rule, splits, wilson_bound
from benchmarks.quality.table import Row as Line
from benchmarks.quality.table import table
from schemas.events import EventType
from schemas.patterns import TimeOfDayDetail
from tests.benchmarks.conftest import HistoryOf, PatternOf


def test_kept_promises_are_no_error() -> None:
    """Where each confidence is the share of hits, the error is 0."""
    made = [Forecast("time_of_day", tenths / 10, tenths * 7, 70) for tenths in range(1, 10)]
    assert reliability(made).error == pytest.approx(0, abs=1e-9)


def test_the_error_is_the_distance_between_promised_and_kept() -> None:
    """Promises of .9 that are kept in half of the cases err by .4, in bins of equal count."""
    result = reliability([Forecast("time_of_day", 0.9, 20, 40), Forecast("time_of_day", 0.1, 4, 40)])
    assert result.error == pytest.approx(0.2)
    assert result.counts == [8] * 10


def test_nothing_promised_is_no_error() -> None:
    """Without any opportunity there are no bins."""
    assert (reliability([]).error, reliability([]).counts) == (0.0, [])


def test_wilson_bound_is_the_textbooks() -> None:
    """Of 8 in 10 the lower bound is .490; of none 0."""
    assert wilson_bound(8, 10) == pytest.approx(0.4902, abs=1e-4)
    assert wilson_bound(0, 10) == pytest.approx(0)


def test_recordings_are_split_as_long_as_they_are() -> None:
    """Two weeks at least are learned where a week is left to check, else what is there."""
    assert [(each.learned_days, each.checked_days) for each in splits("a", 47)] == [
        (28, 14),
        (21, 14),
        (14, 14),
    ]
    assert [(each.learned_days, each.checked_days) for each in splits("a", 16)] == [(9, 7)]
    assert splits("a", 10) == []


def test_the_plain_rule_finds_what_happens_daily(history_of: HistoryOf) -> None:
    """A daily event is found and holds, one that stops is found and does not; a rare one is not found."""
    told = [(day, 420.0, "light.daily", "on") for day in range(21)]
    told += [(day, 1200.0, "light.daily", "off") for day in range(14)]
    told += [(day, 900.0, "light.rare", "on") for day in range(0, 21, 5)]
    told += [(day, 901.0, "light.rare", "off") for day in range(0, 21, 5)]
    days = history_of(told).days
    expected = {EventType("light.daily", "on"): True, EventType("light.daily", "off"): False}
    assert plain_rule(days[:14], days[14:]) == expected


def test_habits_hold_at_four_hits_in_ten(history_of: HistoryOf, pattern_of: PatternOf) -> None:
    """A habit with 3 hits in 7 days holds, one with 2 does not; automated ones are not asked."""
    told = [(day, 420.0, "light.a", "on") for day in (*range(14), 14, 16, 18)]
    told += [(day, 430.0, "light.a", "off") for day in (*range(14), 14, 16, 18)]
    told += [(day, 1200.0, "light.b", "on") for day in (*range(14), 15, 17)]
    told += [(day, 1210.0, "light.b", "off") for day in (*range(14), 15, 17)]
    told += [(day, 720.0, "light.c", "on" if day % 2 else "off") for day in range(21)]
    history = history_of(told)

    def at(entity_id: str, minute: float, *, automated: bool = False) -> TimeOfDayDetail:
        every = tuple(range(7))
        return TimeOfDayDetail(
            entity_id=entity_id,
            state="on",
            minute=minute,
            spread_minutes=2,
            days=every,
            anchor="clock",
            automated=automated,
        )

    patterns = tuple(
        map(pattern_of, (at("light.a", 420), at("light.b", 1200), at("light.b", 1200, automated=True)))
    )
    row = check(Learned({14: patterns}, (), (), history), Split("home", 14, 7))
    assert row.ours == {"time_of_day": Held(found=2, checked=2, held=1)}


def test_clock_changes_are_found_in_every_zone() -> None:
    """Also those of half an hour, and of the other half of the world."""
    assert clock_changes(ZoneInfo("Australia/Lord_Howe"), 2026) == [date(2026, 4, 5), date(2026, 10, 4)]
    assert clock_changes(ZoneInfo("Asia/Tokyo"), 2026) == []


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (Line("a", [0.97, 0.5], (0.97,)), "yes"),
        (Line("a", [0.98, 0.87], (0.97, 0.88)), "**no**"),
        (Line("a", [1], (0,), at_most=True), "**no**"),
        (Line("a", [0], (0,), at_most=True), "yes"),
        (Line("a", [None], (0.5,)), ""),
        (Line("a", [0.5]), ""),
    ],
)
def test_a_line_says_whether_all_is_as_wanted(line: Line, verdict: str) -> None:
    """Figures that are wanted are compared one by one; without one there is no verdict."""
    assert line.verdict == verdict


def outcomes() -> list[Outcome]:
    """Return one small outcome of each kind."""
    split = Split("casas", 14, 7)
    counts = Counter({"time_of_day right": 9, "time_of_day false": 1, "time_of_day hit": 8})
    counts += Counter({"time_of_day learnable": 10, "never": 2})
    return [
        Outcome(Source("first", "normal"), counts=dict.fromkeys((14, 30, 60), counts)),
        Outcome(Source("first", "normal", rotation="days"), reported=Counter({"time_of_day": 3})),
        Outcome(
            Source("recorded", "casas"),
            forecasts=[Forecast("time_of_day", 0.7, 5, 7)],
            rows=[Row(split, {"time_of_day": Held(4, 4, 3)}, Held(10, 10, 9), 5)],
            strips=[Strip(split, "light.hall=on", 0.7, 420, 20, [(0, 421.0), (1, 418.0)])],
        ),
        Outcome(checks=[Check("07:00, found after days:", "7", 1, 2)]),
    ]


def test_the_table_says_what_was_reached() -> None:
    """Every part has its lines, with what is wanted, reached, and whether that is enough."""
    lines = table(outcomes()).splitlines()
    for expected in (
        "| time of day, precision | at least 0.970 / 0.950 / 0.970 | 0.900 / 0.900 / 0.900 | **no** |",
        "| automations, derived or reversed pairs reported as habits | at most 0 | 6 | **no** |",
        "| days rotated, 1 homes: time of day reported in all | at most 1 | 3 | **no** |",
        "| time of day, share that holds | at least 0.750 | 0.750 | yes |",
        "| casas, 14 + 7 days |  | 4 / 3 / 0 / 0 / 10 / 9 |  |",
        "| 07:00, found after days: 7 | at least 1.000 | 0.500 | **no** |",
    ):
        assert expected in lines


def test_the_table_of_nothing_has_no_verdicts() -> None:
    """Where nothing was measured nothing is said to be as wanted."""
    assert "yes" not in table([])
    assert "no**" not in table([])


def test_pictures_are_files(tmp_path: Path) -> None:
    """A reliability diagram, a recall curve and a strip of each recorded home."""
    files = list(plot(outcomes(), tmp_path / "new"))
    assert [path.name for path in files] == ["reliability.png", "recall.png", "habits_casas.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
