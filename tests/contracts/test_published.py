"""Every message that a simulated home publishes: few digits, times twice, its offset, room for more."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from pipeline.answer.answerer import fitting
from pipeline.backtest.backtest_worker import work
from pipeline.backtest.runner import Job
from pipeline.core.ledger import PatternChange, What
from pipeline.core.messages import Announcer
from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.discovery_diff import DiscoveryDiff
from pipeline.simulation import Household
from pipeline.suggestions.assembly import assemble
from pipeline.suggestions.messages import MessageFactory
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.circular_day import apart
from schemas.home import Home
from schemas.messages import Row
from schemas.patterns import Evidence, PatternType
from schemas.payload import Schema
from schemas.statuses import HubState
from schemas.suggestions import Experience, Opinion, Suggestion
from schemas.topics import Topics
from sinks.store import SqlStore
from tests.fixtures.details import DETAILS, of

DAYS = 5
TOPICS = Topics()
DEMO = (Path(sys.executable).with_name("ha-ai"), "demo", "--days", str(DAYS), "--keep")
# Names of fields that hold clock times, and of those that hold the same in minutes or hours.
CLOCKS = {
    "time": ("minute", 1), "time_before": ("minute_before", 1), "time_after": ("minute_after", 1),
    "after_time": ("after", 60), "before_time": ("before", 60),
}  # fmt: skip
LONG = re.compile(r"\d\.\d{4,}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")
# What machines alone read is in UTC; a dead letter says when it came, a status since when it is so.
FOR_MACHINES = {"since", "received_at"}


OPEN_DOOR = Anomaly.of(
    AnomalyDetail(
        entity_id="binary_sensor.front_door", kind=AnomalyKind.NIGHT_OPENING, severity="high",
        at=datetime(2026, 10, 5, 1, 2, 3, 456789, UTC), score=10 / 3,
        expected="is closed at night", observed="was opened at 03:02",
    ),
    home="home",
    evidence=Evidence(
        opportunities=7, hits=7, misses=0, base_rate=1 / 3, lift=4 / 3, interval=(2 / 3, 1), e_value=1e9 / 7
    ),
)  # fmt: skip


class Published(NamedTuple):
    """A message: the row of the table, and its payload."""

    row: Row[Any]
    payload: bytes

    @property
    def plain(self) -> Any:
        """The payload as a consumer without our models reads it."""
        return json.loads(self.payload)


def home_of(household: Household) -> Home:
    """The home as the demonstration tells it."""
    return Home(tz=household.tz, lat=household.lat, lon=household.lon)


def suggested(url: str, household: Household) -> list[Suggestion]:
    """What would be suggested of what the home has learned, at its end."""
    home = home_of(household)
    found = work(Job(store_url=url, home=home, retain_days=90, timeout_s=600, minimum_confidence=0.3))
    now = datetime.fromtimestamp(household.calendar.moment(household.days, 0), home.zone)
    return [assemble(offer, experience=Experience(), now=now) for offer in found.offers]


def about(suggestions: list[Suggestion], zone: ZoneInfo) -> Iterator[tuple[str, bytes]]:
    """Yield what is said of suggestions and what they show, of an anomaly, and of each kind of pattern."""
    messages = MessageFactory("home", TOPICS, zone)
    announcer = Announcer("home", TOPICS, zone)
    yield announcer.anomaly(OPEN_DOOR)[1:3]
    for detail in DETAILS:
        yield announcer.pattern(PatternChange(What.DETECTED, of(detail)), date(2026, 10, 5))[1:3]
    for each in suggestions:
        yield messages.generated(each)[1:3]
        yield messages.changed(each, text="Tried again.")[1:3]
        _, said = messages.feedback(
            each, Opinion.REJECTED, person="Ada", text="", occasion="1", at=each.updated_at
        )
        yield said[1:3]
        yield messages.failed(each.id, "write", "away", is_retried=True, at=each.updated_at)[1:3]
    yield TOPICS.query_answer("me"), fitting(suggestions, zone).published()
    hub = HubState(patterns=1, pending=3, deployed=0, gaps=0, learning="ON", minimum_confidence=2 / 3)
    shown = DiscoveryDiff(Discovery("homeassistant", ""), TOPICS)
    yield from shown.wanted(hub, suggestions, Form.DEVICE, suggestions[0].updated_at).items()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
    """All messages of a home that was played through the pipeline, and those that it had no occasion for."""
    place = tmp_path_factory.mktemp("demo")
    subprocess.run([*DEMO, place], cwd=place, capture_output=True, timeout=300, check=True)
    household, url = Household(seed=1, days=DAYS), f"sqlite:///{place / 'ha-ai.db'}"
    with closing(SqlStore(url)) as store, store._database.reading() as connection:
        said = [tuple(row) for row in connection.exec_driver_sql("SELECT topic, payload FROM outbox")]
    suggestions = suggested(url, household)
    assert suggestions
    said += list(about(suggestions, home_of(household).zone))
    rows = [(TOPICS.row_of(topic), payload) for topic, payload in said]
    found = [Published(row, payload) for row, payload in rows if row is not None]
    assert len(found) == len(said)
    return found


def objects(plain: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a payload, the outermost first."""
    if isinstance(plain, dict):
        yield plain
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    for each in parts:
        yield from objects(each)


def leaves(plain: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value in a payload with the name of its field."""
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from leaves(value, key)
    elif isinstance(plain, list):
        for each in plain:
            yield from leaves(each, name)
    else:
        yield name, plain


def test_all_kinds_of_messages_are_looked_at(published: list[Published]) -> None:
    """Patterns of each kind, anomalies, analyses, suggestions, answers, and what is shown of them."""
    names = {each.row.name for each in published}
    assert names >= {
        "pattern_detected", "anomaly_detected", "analysis_complete", "suggestion_generated", "feedback_given",
        "suggestion_changed", "automation_failed", "query_answer", "hub", "suggestion_state", "discovery",
    }  # fmt: skip
    kinds = {
        each.plain["pattern"]["pattern_type"] for each in published if each.row is Topics.pattern_detected
    }
    assert kinds == set(PatternType)


def test_no_figure_has_more_digits_than_it_means(published: list[Published]) -> None:
    """Three decimals or three significant digits at most, one for minutes; in words, too."""
    for each in published:
        for name, value in leaves(each.plain):
            if isinstance(value, float):
                fine = value == round(value, 3) or value == float(f"{value:.3g}")
                assert fine, (each.row.name, name, value)
            if isinstance(value, float) and ("minute" in name or name in ("p10", "p50", "p90")):
                assert value == round(value, 1), (each.row.name, name, value)
            if isinstance(value, str) and not INSTANT.fullmatch(value):
                assert not LONG.search(value), (each.row.name, name, value)


def test_clock_times_are_the_minutes_beside_them(published: list[Published]) -> None:
    """Every "07:05" stands beside the minutes or hours that it means, to half a minute."""
    seen = set()
    for each in published:
        for found in objects(each.plain):
            for name in CLOCKS.keys() & found.keys():
                of, minutes = CLOCKS[name]
                at = time.fromisoformat(found[name])
                assert apart(at.hour * 60 + at.minute, found[of] * minutes) <= 0.5, found
                seen.add(name)
    assert "time" in seen


def test_instants_have_the_offset_of_the_home(published: list[Published]) -> None:
    """What people read is in the home's time, which is not UTC."""
    zone = home_of(Household(seed=1, days=DAYS)).zone
    count = 0
    for each in published:
        for name, value in leaves(each.plain):
            if isinstance(value, str) and INSTANT.fullmatch(value) and name not in FOR_MACHINES:
                at = datetime.fromisoformat(value)
                assert at.utcoffset() == at.astimezone(zone).utcoffset() != timedelta(0), name
                count += 1
    assert count > len(published)


def test_a_later_version_may_add_to_each_part_of_each_message(published: list[Published]) -> None:
    """Our own readers read a message with unknown fields as the message without them."""
    for each in published:
        if not issubclass(each.row.payload, Schema):
            continue
        plain, model = each.plain, each.row.payload
        said = model.model_validate(plain)
        for place in list(objects(plain)):
            # What an action sets has names of its own; all else is a part of a payload.
            if not place.keys() <= {"brightness", "temperature", "position", "hvac_mode", "option"}:
                place["added_later"] = [1]
        if each.row.name not in ("query_answer", "suggestion_state"):
            assert model.model_validate_json(json.dumps(plain)) == said
        assert model.model_validate_json(said.published()) == said
