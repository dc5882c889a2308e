"""The automations that are offered to people, in a real Home Assistant: each fires on what ha-ai says."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.commands import AutomationFailed
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail
from schemas.payload import Schema
from schemas.statuses import AnomalyDetected, PatternDetected
from schemas.suggestions import SuggestionGenerated
from schemas.topics import Topics
from tests.fixtures.discovery import suggestion
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually
from tests.homeassistant.traces import Traces

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

FILE = Path(__file__).parents[2] / "compose" / "automations.yaml"
TOPICS = Topics()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVIDENCE = Evidence(
    opportunities=30, hits=28, misses=2, base_rate=0.1, lift=9.0, interval=(0.8, 0.97), e_value=1e9
)
PATTERN = Pattern.of(
    TimeOfDayDetail(
        entity_id="light.hall", state="on", minute=425.0, spread_minutes=4.0, days=(0, 1), anchor="clock"
    ),
    home="home",
    confidence=0.9,
    occurrences=28,
    evidence=EVIDENCE,
    first_seen=NOW,
    last_seen=NOW,
)
TELLS_OF = {
    "ha_ai_new_suggestion": TOPICS.suggestion_generated,
    "ha_ai_anomaly": TOPICS.anomaly_detected,
    "ha_ai_pattern_detected": TOPICS.pattern_detected,
    "ha_ai_automation_failed": TOPICS.automation_failed,
}


def anomaly(severity: Any) -> AnomalyDetected:
    """Something out of order."""
    detail = AnomalyDetail(
        entity_id="binary_sensor.door", kind=AnomalyKind.NIGHT_OPENING, at=NOW, score=4.0,
        expected="closed", observed="open", severity=severity,
    )  # fmt: skip
    found = Anomaly.of(detail, home=severity, evidence=EVIDENCE)
    return AnomalyDetected(message_id="a", at=NOW, anomaly=found, text=f"The {severity} door opened.")


def pattern(what: Any) -> PatternDetected:
    """A pattern that was found, or something else that became of it."""
    return PatternDetected(message_id="p", at=NOW, what=what, pattern=PATTERN, text=f"A habit was {what}.")


GENERATED = SuggestionGenerated(
    message_id="s", at=NOW, suggestion=suggestion(title="Turn on {{hall}}"), text="{{ 1 + 1 }} would run."
)
FAILED = AutomationFailed(
    message_id="f", at=NOW, suggestion_id="0" * 16, automation_id="haai_1", step="write", retried=True,
    text="Home Assistant did not answer.",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def offering(home_assistant: HomeAssistant, traces: Traces) -> AsyncIterator[HomeAssistant]:
    """A home with these automations beside its own."""
    async with traces.none_left():
        file = home_assistant.config / "automations.yaml"
        own = file.read_text()
        file.write_text(json.dumps(yaml.safe_load(own) + yaml.safe_load(FILE.read_text())))
        home_assistant.broker.forget_subscriptions()
        await home_assistant.reload_automations()
        for topic in set(TELLS_OF.values()) - {TOPICS.pattern_detected}:
            await home_assistant.broker.await_subscription(topic)
        yield home_assistant
        file.write_text(own)
        await home_assistant.reload_automations()
        registered = await home_assistant.ask("config/entity_registry/list")
        for row in registered:
            if row["unique_id"] in TELLS_OF:
                await home_assistant.ask("config/entity_registry/remove", entity_id=row["entity_id"])


@pytest_asyncio.fixture(loop_scope="session")
async def home(offering: HomeAssistant) -> AsyncIterator[HomeAssistant]:
    """That home; nothing that it was told stays."""
    yield offering
    for notification_id in await told(offering):
        await offering.dismiss(notification_id)
    await offering.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")


async def told(home: HomeAssistant) -> dict[str, tuple[str, str]]:
    """Titles and messages of the notifications by their id."""
    found = await home.ask("persistent_notification/get")
    return {each["notification_id"]: (each["title"], each["message"]) for each in found}


async def say(home: HomeAssistant, topic: str, payload: Schema, notification_id: str) -> tuple[str, str]:
    """Say something and return what is told of it."""
    await home.wire.publish(topic, payload.model_dump_json())

    async def is_told() -> tuple[str, str] | None:
        return (await told(home)).get(notification_id)

    return await eventually(is_told, f"the notification {notification_id}")


async def test_the_file_tells_of_every_topic_once() -> None:
    """Each automation listens where ha-ai speaks, under the keys that every release takes."""
    offered = yaml.safe_load(FILE.read_text())
    assert {each["id"]: each["trigger"][0]["topic"] for each in offered} == TELLS_OF
    for each in offered:
        assert each.keys() <= {"id", "alias", "description", "mode", "trigger", "condition", "action"}


async def test_every_automation_is_taken_and_known_as_ours(home: HomeAssistant) -> None:
    """By its entity's id, so that what it does is never taken for a person's."""
    states = (await home.request("GET", "states")).json()
    automations = {each["attributes"].get("id"): each for each in states}
    for automation_id in TELLS_OF:
        assert automations[automation_id]["state"] == "on"
        assert automations[automation_id]["entity_id"].startswith("automation.ha_ai_")


async def test_a_new_suggestion_is_told_in_its_own_words(home: HomeAssistant) -> None:
    """As text: what looks like a template in it is not rendered, and hides no other notification."""
    found = await say(home, TOPICS.suggestion_generated, GENERATED, f"ha_ai_{suggestion().id}")
    assert found == ("Turn on ((hall}}", "(( 1 + 1 }} would run.")


async def test_what_is_out_of_order_is_told_unless_it_matters_little(home: HomeAssistant) -> None:
    """Medium and high; low is left out."""
    low, high = anomaly("low"), anomaly("high")
    await home.wire.publish(TOPICS.anomaly_detected, low.model_dump_json())
    found = await say(home, TOPICS.anomaly_detected, high, f"ha_ai_{high.anomaly.id}")
    assert found[1] == "The high door opened."
    assert f"ha_ai_{low.anomaly.id}" not in await told(home)


async def test_a_habit_is_told_when_it_is_found(home: HomeAssistant) -> None:
    """Not when it changed or ended."""
    found = await say(home, TOPICS.pattern_detected, pattern("detected"), "ha_ai_pattern")
    for what in ("updated", "retired"):
        await home.wire.publish(TOPICS.pattern_detected, pattern(what).model_dump_json())
    await say(home, TOPICS.automation_failed, FAILED, "ha_ai_haai_1")
    assert (await told(home))["ha_ai_pattern"] == found == ("ha-ai: a habit", "A habit was detected.")


async def test_a_failure_is_told_with_what_comes_next(home: HomeAssistant) -> None:
    """Whether it is tried again."""
    found = await say(home, TOPICS.automation_failed, FAILED, "ha_ai_haai_1")
    assert found[1] == "Home Assistant did not answer. It will be tried again."
