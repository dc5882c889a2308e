import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from rich.console import Console

from pipeline.cli.terminal import OUT, gone
from pipeline.cli.watch import show
from pipeline.commands.signing import new_command
from pipeline.runtime.nonces import new_nonce
from pipeline.wording.sentences import claim
from pipeline.wording.suggestions import suggestion_text
from schemas.anomalies import Anomaly
from schemas.commands import (
    Answer,
    AutomationExecuted,
    AutomationFailed,
    Press,
    PressVerb,
    Question,
    SuggestionAnswer,
    Verb,
)
from schemas.patterns import Pattern
from schemas.payload import Schema
from schemas.statuses import (
    AnalysisComplete,
    AnomalyDetected,
    DeadLetter,
    HubState,
    PatternDetected,
    ServiceStatus,
)
from schemas.suggestions import Opinion, Status, SuggestionChanged, SuggestionGenerated, UserFeedback
from schemas.topics import Topics
from tests.fixtures.offers import suggestion

TOPICS = Topics()
NOW = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
Shown = Callable[[str, bytes], str]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """What is printed of a message."""

    def print_one(topic: str, payload: bytes) -> str:
        show(aiomqtt.Message(topic, payload, 1, False, 1, None), TOPICS, as_json=False)
        return capsys.readouterr().out

    return print_one


def test_pattern_is_said_with_its_picture(shown: Shown, make_pattern: Callable[..., Pattern]) -> None:
    """A pattern is shown as a sentence, its evidence and a strip; one that is no more as gone."""
    found = PatternDetected(message_id="1", at=NOW, what="detected", pattern=make_pattern())
    said = shown(TOPICS.pattern_detected, found.model_dump_json().encode())
    assert "detected" in said
    assert claim(found.pattern) in said
    assert "00 ··" in said
    assert found.pattern.id[:7] in said
    gone = found.model_copy(update={"what": "retired"})
    assert f"No longer: {claim(found.pattern)}" in shown(
        TOPICS.pattern_detected, gone.model_dump_json().encode()
    )


def test_what_is_no_more_is_one_line(
    monkeypatch: pytest.MonkeyPatch, make_pattern: Callable[..., Pattern]
) -> None:
    """On a narrow terminal the sentence is cut, and the id by which it can be explained stays."""
    monkeypatch.setattr("pipeline.cli.terminal.OUT", Console(width=50, force_terminal=True))
    found = make_pattern()
    line = gone(found, "30 Oct").plain
    assert line.startswith("30 Oct  No longer: You turn on coffee")
    assert line.endswith(f"… {found.id[:7]}")
    assert len(line) == 50


def test_anomaly_is_said_with_what_was_expected(shown: Shown, anomaly: Anomaly) -> None:
    """What is out of order, what was expected, and the id by which it can be explained."""
    message = AnomalyDetected(message_id="1", at=NOW, anomaly=anomaly)
    said = shown(TOPICS.anomaly_detected, message.model_dump_json().encode())
    assert "anomaly  Oven (switch) has been on for 12 h." in said
    assert f"It is usually on for less than 90 min. {anomaly.id[:7]}" in said


def test_picture_fits_a_narrow_terminal(
    shown: Shown, make_pattern: Callable[..., Pattern], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strip is one line on a terminal of 80 columns, behind the time too."""
    monkeypatch.setattr(OUT, "width", 80)
    found = PatternDetected(message_id="1", at=NOW, what="detected", pattern=make_pattern())
    said = shown(TOPICS.pattern_detected, found.model_dump_json().encode()).splitlines()
    assert [line for line in said if line.strip().startswith("00 ·") and line.rstrip().endswith("· 24")]


def test_statuses_are_said_in_words(shown: Shown) -> None:
    """Judged days, the service's state and dead letters are one line each."""
    judged = AnalysisComplete(
        message_id="1",
        home="home",
        day=date(2026, 11, 2),
        events=6012,
        patterns_active=31,
        patterns_changed=2,
        duration_ms=1400,
    )
    assert "2026-11-02 judged in 1.4 s: 6,012 events, 31 patterns, 2 changed" in shown(
        TOPICS.analysis_complete, judged.model_dump_json().encode()
    )
    status = ServiceStatus(state="degraded", version="0.1.0")
    assert "ha-ai 0.1.0 is degraded" in shown(TOPICS.service, status.model_dump_json().encode())
    letter = DeadLetter(
        message_id="1",
        reason="not_json",
        detail="expected JSON",
        topic="homeassistant_events",
        received_at=NOW,
        size_bytes=1,
        payload_base64="eA==",
    )
    assert "not taken, not_json: expected JSON (from homeassistant_events)" in shown(
        TOPICS.dead_letter, letter.model_dump_json().encode()
    )


def test_what_happens_to_suggestions_is_said_in_words(shown: Shown) -> None:
    """Each message about a suggestion is a line: which one, what, who, and why."""
    known = suggestion()
    short = f"suggestion {known.id[:7]}"
    named: dict[str, Any] = {"message_id": "1", "at": NOW, "suggestion_id": known.id}
    automation: dict[str, Any] = {**named, "automation_id": known.automation_id}
    command = new_command(new_nonce(), Verb.MODIFY, known, "Ada", bytes(32), 0)
    kind: dict[str, Any] = {"pattern_type": known.pattern_type, "device_class": "light"}
    told: list[tuple[str, Schema, str]] = [
        (
            TOPICS.suggestion_generated,
            SuggestionGenerated(message_id="1", at=NOW, suggestion=known, text=suggestion_text(known)),
            f"suggested ({known.id[:7]}): {known.title}. At 07:00 every day",
        ),
        (
            TOPICS.suggestion_changed,
            SuggestionChanged(**named, status=Status.RETIRED, version=2, text="the habit is gone"),
            f"{short} is retired: the habit is gone",
        ),
        (
            TOPICS.suggestion_answered,
            SuggestionAnswer(**named, verb="approve", accepted=False, text="an old signature"),
            f"{short} approve refused: an old signature",
        ),
        (
            TOPICS.feedback_given,
            UserFeedback(**named, **kind, opinion=Opinion.NOT_NOW, person="Ada", text="too\x1bearly"),
            f"{short} not now by Ada: too early",
        ),
        (
            TOPICS.automation_executed,
            AutomationExecuted(**automation, what="rolled_back", version=2, text="as it was"),
            f"haai_{known.id} rolled back: as it was",
        ),
        (
            TOPICS.automation_failed,
            AutomationFailed(**automation, step="write", retried=True, text="no answer"),
            f"haai_{known.id} failed at write: no answer (it is tried again)",
        ),
        (TOPICS.suggestion_command("modify"), command, f"{short} modify commanded by Ada"),
        (TOPICS.automation_command("deploy"), command, f"{short} modify commanded by Ada"),
        (
            TOPICS.press,
            Press(suggestion_id=known.id, verb=PressVerb.UNDO, content_hash="0" * 64),
            f"{short} undo pressed",
        ),
        (TOPICS.query_ask, Question(ask="backtest"), "asked for backtest"),
        (TOPICS.query_answer("x"), Answer(ok=True, suggestions=({}, {})), "answer: 2 suggestions"),
        (TOPICS.query_answer("x"), Answer(ok=False, text="busy"), "no answer: busy"),
        (
            TOPICS.hub,
            HubState(patterns=31, pending=1, deployed=2, gaps=0, learning="OFF", minimum_confidence=0.75),
            "31 patterns, 1 suggestion pending, 2 deployed, 0 gaps; learning off, minimum confidence 75%",
        ),
    ]
    for topic, message, line in told:
        assert line in shown(topic, message.model_dump_json().encode()), topic
    state = TOPICS.suggestion_state(known.id)
    assert f"{short} is shown in Home Assistant" in shown(state, b"{}")
    assert f"{short} is no longer shown in Home Assistant" in shown(state, b"")
    assert "ha-ai/events/suggestion/generated: {}" in shown(TOPICS.suggestion_generated, b"{}")


def test_what_no_schema_knows_is_shown_as_it_is(shown: Shown) -> None:
    """A payload of another version, or of another topic, is printed and ends nothing."""
    assert '{"schema_version": 9}' in shown(TOPICS.pattern_detected, b'{"schema_version": 9}')
    assert "ha-ai/events/other: hello" in shown("ha-ai/events/other", b"hello")


def test_own_probes_are_not_shown(shown: Shown) -> None:
    """The watchdog's heartbeat and the doctor's probes are nobody's news."""
    assert shown(TOPICS.heartbeat, b"") == shown(TOPICS.probe, b"x") == ""


async def test_follows_the_topics_as_json_until_interrupted(broker: Any, tmp_path: Path) -> None:
    """Retained and live messages come as JSON lines with topic and payload; Ctrl-C ends it with 130."""
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.publish(TOPICS.service, b'{"state": "online"}', 1, retain=True)
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("ha-ai"),
            *("watch", "--json"),
            cwd=tmp_path,
            env={**os.environ, "HA_AI_MQTT_URL": broker.url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline())
        await client.publish(TOPICS.dead_letter, b"\xff", 1)
        second = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGINT)
        code = await process.wait()
    assert (first["topic"], first["retain"], first["payload"]) == (TOPICS.service, True, {"state": "online"})
    assert (second["topic"], second["retain"], second["payload"]) == (TOPICS.dead_letter, False, "\ufffd")
    assert code == 130
