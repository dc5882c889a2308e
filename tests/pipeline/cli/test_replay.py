import csv
import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.statestream import StatestreamDecoder
from schemas.events import StateChange

Command = Any
Running = Any
OpenSession = Callable[[Running, str], Any]
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def log(household: Path) -> Path:
    """The first 1,500 events of a generated household."""
    lines = gzip.decompress((household / "events.jsonl.gz").read_bytes()).splitlines(keepends=True)
    Path("log.jsonl").write_bytes(b"".join(lines[:1500]))
    return Path("log.jsonl")


def payloads(log: Path) -> list[dict[str, Any]]:
    """What the lines of a log hold."""
    return [json.loads(line)["payload"] for line in log.read_bytes().splitlines()]


def changes_of(messages: list[bytes]) -> list[StateChange]:
    """The state changes of eventstream payloads."""
    decoder = EventstreamDecoder()
    return [item for item in map(decoder.decode, messages) if isinstance(item, StateChange)]


def test_publishes_every_event_in_order(
    ha_ai: Command, at_broker: Running, session: OpenSession, log: Path
) -> None:
    """A reader gets every payload once, at QoS 1, not retained, in the log's order."""
    reader = session(at_broker, "homeassistant_events")
    outcome = ha_ai("replay", log)
    messages = reader.collect()
    assert outcome.code == 0
    assert "published 1,500 messages" in outcome.out
    assert [json.loads(message.payload) for message in messages] == payloads(log)
    assert {(message.qos, message.retain) for message in messages} == {(1, False)}


def test_statestream_tells_the_same_changes(
    ha_ai: Command, at_broker: Running, session: OpenSession, log: Path
) -> None:
    """As statestream the same entities reach the same states at the same times."""
    reader = session(at_broker, "homeassistant_state/#")
    ha_ai("replay", log, "--as", "statestream")
    decoder = StatestreamDecoder()
    decoded = [
        decoder.decode(message.topic.value, message.payload, number)
        for number, message in enumerate(reader.collect())
    ]
    wanted = changes_of([json.dumps(payload).encode() for payload in payloads(log)])
    assert {(each.entity_id, each.new, each.at_us) for each in decoded if each} == {
        (each.entity_id, each.new, each.at_us) for each in wanted
    }


def test_rows_of_csv_become_events(ha_ai: Command, at_broker: Running, session: OpenSession) -> None:
    """A CSV row is published as the state change that it tells, with its context and the state before it."""
    rows = [
        ["2026-10-05T06:00:00.25+00:00", "light.hall", "off", "01A", "", "u1"],
        ["2026-10-05T06:00:05+00:00", "light.hall", "on", "01B", "01A", ""],
    ]
    with Path("log.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["ts", "entity_id", "state", "context_id", "parent_id", "user_id"], *rows]
        )
    reader = session(at_broker, "homeassistant_events")
    ha_ai("replay", "log.csv")
    first, second = changes_of([message.payload for message in reader.collect()])
    assert first == StateChange(1_791_180_000_250_000, "light.hall", None, "off", "01A", None, "u1")
    assert second == StateChange(1_791_180_005_000_000, "light.hall", "off", "on", "01B", "01A", None)


def test_shifted_log_ends_today_and_not_later_than_now(
    ha_ai: Command, at_broker: Running, session: OpenSession, household: Path
) -> None:
    """The last day becomes today in the home's zone; what would lie ahead of the clock is left out."""
    reader = session(at_broker, "homeassistant_events")
    before = datetime.now(BERLIN)
    events, home = household / "events.jsonl.gz", household / "home.json"
    outcome = ha_ai("replay", events, "--home", home, "--shift-to-now")
    found = changes_of([message.payload for message in reader.collect()])
    moments = [datetime.fromtimestamp(change.at_us / 1e6, UTC) for change in found]
    assert (before.date() - min(moments).astimezone(BERLIN).date()).days == 1
    assert (max(moments) - datetime.now(UTC)).total_seconds() < 300
    assert "older than 30 days" not in outcome.out


def test_shift_tells_of_the_days_of_the_week(ha_ai: Command, at_broker: Running) -> None:
    """Who moves a log hears how far, and on which day Mondays are now, unless they stay Mondays."""
    del at_broker
    for days, said in ((9, "what was on Mondays is on Wednesdays"), (14, "all times moved by 14 days")):
        at = datetime.now(UTC).replace(hour=0, minute=0) - timedelta(days=days)
        Path("log.csv").write_text(f"ts,entity_id,state\n{at.isoformat()},light.hall,on\n")
        outcome = ha_ai("replay", "log.csv", "--shift-to-now")
        assert said in outcome.out
        assert ("Mondays" in outcome.out) == (days == 9)


def test_speed_is_that_of_the_log(ha_ai: Command, at_broker: Running, session: OpenSession) -> None:
    """At speed 4 two events two seconds apart go out half a second apart."""
    lines = [f"2026-10-05T06:00:0{second}Z,light.hall,{second}" for second in (0, 2)]
    Path("log.csv").write_text("\n".join(["ts,entity_id,state", *lines]))
    reader = session(at_broker, "homeassistant_events")
    started_s = time.monotonic()
    ha_ai("replay", "log.csv", "--speed", "4")
    assert time.monotonic() - started_s >= 0.5
    assert len(reader.collect()) == 2


def test_lines_that_are_none_are_counted(ha_ai: Command, at_broker: Running, session: OpenSession) -> None:
    """A line that cannot be read is counted and does not stop the others."""
    Path("log.csv").write_text(
        "ts,entity_id,state\n2026-10-05T06:00:00Z,light.hall,on\nnever,light.hall,off\n"
    )
    reader = session(at_broker, "homeassistant_events")
    outcome = ha_ai("replay", "log.csv")
    assert "1 lines could not be read" in outcome.out
    assert len(reader.collect()) == 1


def test_old_events_are_pointed_out(ha_ai: Command, at_broker: Running) -> None:
    """Who replays old events unmoved is told that `run` would put them aside."""
    del at_broker
    Path("log.csv").write_text("ts,entity_id,state\n2020-10-05T06:00:00Z,light.hall,on\n")
    assert "1 events are older than 30 days" in ha_ai("replay", "log.csv").out


def test_absent_broker_is_said(
    ha_ai: Command, free_port: int, monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    """Without a broker the command ends at once and says which one it expected."""
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    outcome = ha_ai("replay", log)
    assert outcome.code == 2
    assert f"expected an MQTT broker at mqtt://127.0.0.1:{free_port}" in outcome.err


@pytest.mark.mosquitto
def test_refused_publication_is_said(
    ha_ai: Command,
    mosquitto: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    log: Path,
) -> None:
    """A broker that denies the topic ends the replay, instead of taking everything for published."""
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite ha-ai/#\n")
    acl.chmod(0o600)
    monkeypatch.setenv("HA_AI_MQTT_URL", mosquitto(acl_file=acl).url)
    outcome = ha_ai("replay", log)
    assert outcome.code == 2
    assert "Not authorized" in outcome.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.csv",), "expected a readable log"),
        (("log.txt",), "expected a .csv, .jsonl"),
        (("log.jsonl", "--speed", "0"), "expected a speed above 0"),
        (("log.jsonl", "--shift-to-now", "--tz", "Mars"), "expected an IANA time zone"),
    ],
)
def test_wrong_argument_is_said(ha_ai: Command, log: Path, words: tuple[str, ...], message: str) -> None:
    """What cannot be replayed is answered with what was expected."""
    del log
    outcome = ha_ai("replay", *words)
    assert outcome.code == 2
    assert message in outcome.err
