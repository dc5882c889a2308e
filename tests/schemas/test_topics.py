"""The table of messages, row by row."""

import re
from collections import Counter
from typing import Any

import pytest

from schemas.messages import Direction, Message, Row
from schemas.payload import Schema
from schemas.topics import TABLE, Outside, Role, Topics, read_by, said_by

HOMES = ("", "villa")
ADDRESSES = [address for row in TABLE for address in row.addresses(Topics())]
rows = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
LEVELS = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


@rows
@pytest.mark.parametrize("home", HOMES)
def test_a_topic_builds_and_leads_back_to_its_row(row: Row[Any], home: str) -> None:
    """Every row makes its topics for any home, and the topics are of that row and no other."""
    topics = Topics(home)
    for topic_filter in row.filters(topics):
        topic = topic_filter.replace("+", "x7").replace("#", "light/hall/state")
        assert LEVELS.fullmatch(topic)
        assert topics.row_of(topic) is row
        assert [each.name for each in TABLE if each.matches(topics, topic)] == [row.name]
        assert topic.startswith(f"{home}/ha-ai/" if home else "ha-ai/") == row.is_own
    assert topics.row_of("ha-ai/nobody/says/this") is None


@rows
def test_a_row_says_what_it_is(row: Row[Any]) -> None:
    """One sentence, and somebody who says it and somebody who reads it."""
    assert re.fullmatch(r"[A-Z][^.]+\.", row.says)
    assert row.writers
    assert row.readers
    assert set(row.writers) | set(row.readers) <= {*Role, *Outside}
    assert Counter(row.writers).most_common(1)[0][1] == Counter(row.readers).most_common(1)[0][1] == 1
    assert row.expiry_s is None or row.expiry_s > 0


@rows
def test_a_message_is_made_as_the_row_says(row: Row[Any]) -> None:
    """Retain flag and expiry are the row's, by the row and by the topic."""
    topics = Topics("villa")
    values = row.values[:1] or tuple("x" for _ in row.parameters(topics))
    made = row.outgoing(topics, "id", b"payload", *values)
    assert (made.id, made.payload, made.retain, made.expiry_s) == ("id", b"payload", row.retain, row.expiry_s)
    assert made.topic == row.filled(topics, *values)
    if "#" not in made.topic:
        assert topics.outgoing(made.topic, "id", b"payload") == made


def test_topics_are_where_they_were() -> None:
    """The names that people's automations rely on."""
    known = [
        "ha-ai/events/pattern/detected",
        "ha-ai/events/anomaly/detected",
        "ha-ai/events/suggestion/generated",
        "ha-ai/events/suggestion/changed",
        "ha-ai/events/feedback/given",
        "ha-ai/commands/suggestion/approve",
        "ha-ai/commands/suggestion/reject",
        "ha-ai/commands/suggestion/not_now",
        "ha-ai/commands/suggestion/modify",
        "ha-ai/commands/automation/deploy",
        "ha-ai/commands/automation/rollback",
        "ha-ai/commands/suggestion/press",
        "ha-ai/commands/learning/set",
        "ha-ai/commands/minimum_confidence/set",
        "ha-ai/commands/analysis/run",
        "ha-ai/responses/suggestion/answered",
        "ha-ai/responses/automation/executed",
        "ha-ai/responses/automation/failed",
        "ha-ai/query/ask",
        "ha-ai/query/answer/{asker}",
        "ha-ai/status/hub",
        "ha-ai/status/suggestion/{suggestion_id}",
        "ha-ai/status/analysis_complete",
        "ha-ai/status/service",
        "ha-ai/dead-letter",
        "ha-ai/internal/heartbeat",
        "ha-ai/internal/session",
        "ha-ai/internal/probe",
        "homeassistant_events",
        "homeassistant_state/#",
        "homeassistant/status",
        "homeassistant/{platform}/haai/{name}/config",
    ]
    assert [each for each in known if each not in ADDRESSES] == []
    assert len(set(ADDRESSES)) == len(ADDRESSES)


def test_how_messages_are_published_is_as_it_was() -> None:
    """Expiry in seconds and what is retained, of all that we say."""
    said = {row.name: row for row in TABLE if row.is_said}
    for name in ("hub", "suggestion_state", "service", "session", "discovery"):
        assert (said[name].retain, said[name].expiry_s) == (True, None), name
    expiries_s = {
        "pattern_detected": 300,
        "anomaly_detected": 300,
        "suggestion_generated": 300,
        "suggestion_changed": 300,
        "feedback_given": 300,
        "automation_command": 120,
        "suggestion_answered": 300,
        "automation_executed": 300,
        "automation_failed": 300,
        "query_answer": 60,
        "analysis_complete": 86_400,
        "dead_letter": 86_400,
        "heartbeat": 60,
    }
    for name, expiry_s in expiries_s.items():
        assert (said[name].retain, said[name].expiry_s) == (False, expiry_s), name


def test_a_topic_takes_the_values_of_its_parameters_and_no_others() -> None:
    """Too few or too many are an error that names them."""
    with pytest.raises(ValueError, match=r"expected automation_command with .*verb.*, got \(\)"):
        Topics().automation_command()
    with pytest.raises(ValueError, match=r"expected hub with no parameters, got .*'more'"):
        Topics.hub.filled(Topics(), "more")
    with pytest.raises(ValueError, match="expected a topic of the table, got 'elsewhere'"):
        Topics().outgoing("elsewhere", "id", b"")


def test_home_assistants_topics_are_where_it_was_told() -> None:
    """Streams, status and discovery lie where the settings say, and nothing of ours moves with them."""
    topics = Topics("villa", eventstream="a", statestream="b/c", status="d/e", discovery_prefix="f")
    assert (topics.home_assistant_event, topics.home_assistant_field) == ("a", "b/c/#")
    assert (topics.home_assistant_status, topics.discovery("+", "+")) == ("d/e", "f/+/haai_villa/+/config")
    assert topics.hub == Topics("villa").hub


def test_directions_follow_from_who_says_and_reads() -> None:
    """What others may say is obeyed, what they read is said, and the rest is internal."""
    found = {direction: {row.name for row in TABLE if row.direction is direction} for direction in Direction}
    assert {"press", "automation_command", "home_assistant_event"} <= found[Direction.SUBSCRIBE]
    assert {"pattern_detected", "discovery", "query_answer"} <= found[Direction.PUBLISH]
    assert {"heartbeat", "session", "probe"} <= found[Direction.INTERNAL]
    assert all(isinstance(writer, Role) for row in TABLE if row.name == "hub" for writer in row.writers)


def test_a_party_finds_what_it_reads_and_says() -> None:
    """Both ways of reading the table agree."""
    for party in (*Role, *Outside):
        assert [row.name for row in read_by(party)] == [row.name for row in TABLE if party in row.readers]
        assert [row.name for row in said_by(party)] == [row.name for row in TABLE if party in row.writers]
    assert [row.name for row in read_by(Role.SUGGEST)] == ["analysis_run", "analysis_complete"]


def test_what_is_said_has_a_payload_of_ours() -> None:
    """A message for other readers is a schema that names its fields, but for two."""
    plain = {row.name for row in TABLE if row.is_said and not issubclass(row.payload, Schema)}
    assert plain == {"heartbeat", "discovery"}


def test_a_new_row_is_all_that_a_new_topic_needs() -> None:
    """On a home's topics an attribute is the topic, on the table it is the row."""

    class More(Topics):
        habit_weakened = Message(
            path="{own}/events/habit/weakened",
            payload=Topics.pattern_detected.payload,
            says="A habit has weakened.",
            writers=(Role.LEARN,),
            readers=(Outside.ASKER,),
        )

    assert More("villa").habit_weakened == "villa/ha-ai/events/habit/weakened"
    assert More.habit_weakened.name == "habit_weakened"
    assert More.habit_weakened.document == "pattern_detected.v1.json"
