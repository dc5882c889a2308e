"""Watches that are made anew in the middle of a day miss nothing of it, and see nothing twice."""

from datetime import UTC, datetime

import pytest

from pipeline.core import anomaly_watchers as watching
from pipeline.core.anomaly_watchers import AnomalyWatchers
from pipeline.core.day_set import STEP_MS, DaySet
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.events import EventType, Gap
from schemas.patterns import Evidence

NOTHING = Evidence(
    opportunities=1, hits=1, misses=0, base_rate=0.1, lift=1.0, interval=(0.0, 1.0), e_value=1.0
)


class Diary:
    """Notes what it is told, and holds the oven's start for an alarm."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def see(self, event_type: EventType, at_ms: int) -> list[Anomaly]:
        self.told.append((at_ms, *event_type))
        return [alarm(at_ms)] if event_type == ("switch.oven", "on") else []

    def measure(self, entity_id: str, value: float, at_ms: int) -> list[Anomaly]:
        self.told.append((at_ms, entity_id, value))
        return []

    def note_gap(self, from_ms: int, to_ms: int) -> None:
        self.told.append((from_ms, to_ms))


def alarm(at_ms: int) -> Anomaly:
    """The oven, out of order."""
    detail = AnomalyDetail(
        entity_id="switch.oven", kind=AnomalyKind.LEFT_ON, at=datetime.fromtimestamp(at_ms / 1000, UTC),
        score=1.0, severity="low", expected="is off", observed="was on",
    )  # fmt: skip
    return Anomaly.of(detail, home="home", evidence=NOTHING)


@pytest.fixture
def day() -> DaySet:
    """What happened before the judgement: not in order of the names, and at one time twice."""
    events = DaySet()
    events.add(70, "switch.oven", "on", ("c", "", ""))
    events.add(30, "light.hall", "on", ("c", "", ""))
    events.add(50, "light.hall", "off", ("c", "", ""))
    events.add_number(STEP_MS, "sensor.cellar", 7.0)
    events.add_number(STEP_MS + 9, "sensor.cellar", 9.0)
    events.add(STEP_MS, "sensor.cellar", "fault", ("c", "", ""))
    return events


OF_THE_DAY = [
    (30, "light.hall", "on"),
    (50, "light.hall", "off"),
    (70, "switch.oven", "on"),
    (STEP_MS, "sensor.cellar", 8.0),
    (STEP_MS, "sensor.cellar", "fault"),
]


def test_what_comes_in_a_pause_is_seen_after_the_day(day: DaySet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gaps first, then the day in its order, then what came meanwhile; the watches before see none of it."""
    monkeypatch.setattr(watching, "ENTRIES_A_SLICE", 2)
    known, before, after = AnomalyWatchers(), Diary(), Diary()
    list(known.renew([before], [], []))
    renewing = known.renew([after], [Gap(1_000, 5_000, "away")], [day])
    next(renewing)
    known.see(EventType("light.hall", "on"), STEP_MS + 20)
    next(renewing)
    known.measure("sensor.cellar", 8.5, STEP_MS + 30)
    known.note_gap(Gap(400_000_000, 500_000_000, "away"))
    assert list(renewing) == [None]
    assert before.told == []
    assert after.told == [
        (1, 5),
        *OF_THE_DAY,
        (400_000, 500_000),
        (STEP_MS + 20, "light.hall", "on"),
        (STEP_MS + 30, "sensor.cellar", 8.5),
    ]
    known.see(EventType("light.hall", "off"), STEP_MS + 40)
    assert after.told[-1] == (STEP_MS + 40, "light.hall", "off")


def test_a_renewal_that_is_given_up_loses_nothing(day: DaySet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one begins with the day, to which belongs what came meanwhile; each alarm is said once."""
    monkeypatch.setattr(watching, "ENTRIES_A_SLICE", 2)
    known, after = AnomalyWatchers(), Diary()
    next(known.renew([Diary()], [], [day]))
    known.see(EventType("light.hall", "on"), STEP_MS + 20)
    day.add(STEP_MS + 20, "light.hall", "on", ("c", "", ""))
    for _ in range(2):
        list(known.renew([after], [], [day]))
    assert after.told == 2 * [*OF_THE_DAY, (STEP_MS + 20, "light.hall", "on")]
    assert [each.id for each in known.take()] == [alarm(70).id]
    assert known.take() == []


def test_without_watches_nothing_is_kept(day: DaySet) -> None:
    """A home without a detector that watches neither sorts its days nor gathers what comes."""
    known = AnomalyWatchers()
    assert list(known.renew([], [], [day])) == []
    known.see(EventType("switch.oven", "on"), 1)
    assert known.take() == []


def test_an_alarm_is_handed_out_once_whoever_says_it_again() -> None:
    """In the order of time; what was said before a start, or is found again at night, is no news."""
    watch = AnomalyWatchers()
    watch.said = {alarm(20).id}
    watch.alarms += [alarm(50), alarm(20), alarm(30), alarm(50)]
    assert watch.take() == [alarm(30), alarm(50)]
    watch.alarms.append(alarm(30))
    assert watch.take() == []
