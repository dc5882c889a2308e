"""Which topic filter matches which topic, against an oracle that tries every way."""

from itertools import product
from typing import Any, cast

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mqtt.broker.session import Session
from pipeline.mqtt.broker.subscriptions import Subscription, SubscriptionTable
from pipeline.mqtt.broker.topics import is_valid_filter, is_valid_topic, matches

LEVELS = st.sampled_from(["", "a", "b", "lamp", "$SYS", "$a"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
PLAIN_FILTERS = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(st.one_of(LEVELS, st.just("+")), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(bool) | st.just("#")


def matches_by_definition(levels: list[str], topic: list[str], *, is_first: bool = True) -> bool:
    """Apply MQTT 5, section 4.7, one level at a time."""
    if not levels or not topic:
        return levels in ([], ["#"]) and not topic
    first = levels[0]
    if is_first and topic[0][:1] == "$" and first in ("+", "#"):
        return False
    if first == "#":
        return True
    return (first in ("+", topic[0])) and matches_by_definition(levels[1:], topic[1:], is_first=False)


@given(PLAIN_FILTERS, TOPICS)
def test_matching_follows_the_definition(topic_filter: str, topic: str) -> None:
    """A filter matches a topic exactly when the definition, read level by level, says so."""
    expected = matches_by_definition(topic_filter.split("/"), topic.split("/"))
    assert matches(topic_filter, topic) == expected


def test_matching_follows_the_definition_on_every_short_pair() -> None:
    """Every filter of up to three levels agrees with the definition on every such topic."""
    topics = ["/".join(levels) for n in (1, 2, 3) for levels in product(["", "a", "$a"], repeat=n)]
    filters = ["/".join(levels) for n in (1, 2, 3) for levels in product(["", "a", "$a", "+", "#"], repeat=n)]
    pairs = [(each, topic) for each in filters if is_valid_filter(each) for topic in topics if topic]
    expected = [matches_by_definition(each.split("/"), topic.split("/")) for each, topic in pairs]
    assert [matches(*pair) for pair in pairs] == expected
    assert 0 < sum(expected) < len(expected)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a/#/b",
        "a#",
        "#/a",
        "a+",
        "+a/b",
        "a\0",
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//a",
        "$share/+/a",
    ],
)
def test_invalid_filters_are_refused(pattern: str) -> None:
    """Wildcards stand alone in their level, # stands last, and a share has a name and a filter."""
    assert not is_valid_filter(pattern)


@pytest.mark.parametrize("pattern", ["#", "+", "/", "a/+/b/#", "$SYS/#", "$share/g/#", "$share/g//", "+/+"])
def test_valid_filters_are_accepted(pattern: str) -> None:
    """Empty levels, wildcards of a whole level and named shares are allowed."""
    assert is_valid_filter(pattern)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b"])
def test_invalid_topics_are_refused(topic: str) -> None:
    """A topic is not empty and holds neither wildcards nor null characters."""
    assert not is_valid_topic(topic)


class Client:
    """What the subscription table sees of a session."""

    def __init__(self, client_id: str, *, is_online: bool) -> None:
        self.client_id = client_id
        self.link = object() if is_online else None


CLIENTS = [Client("a", is_online=True), Client("b", is_online=True), Client("c", is_online=False)]
TOPIC_FILTERS = ["#", "+", "a", "a/#", "a/+", "+/b"]
PATTERNS = [
    *TOPIC_FILTERS,
    *map("$share/g/{}".format, TOPIC_FILTERS),
    *map("$share/h/{}".format, TOPIC_FILTERS),
]
STEPS = st.tuples(
    st.sampled_from(["add", "remove", "remove all", "publish", "publish"]),
    st.sampled_from(CLIENTS),
    st.sampled_from(PATTERNS),
    st.sampled_from(["a", "a/b", "$a"]),
)


def subscription_of(client: Client, pattern: str) -> Subscription:
    """Return a client's subscription."""
    return Subscription(cast("Session", client), mqtt5.TopicFilter(pattern), None)


@given(st.lists(STEPS, max_size=30))
def test_recipients_follow_the_definition(steps: list[tuple[str, Client, str, str]]) -> None:
    """Whatever came and went before, each matching subscription and one member of each share are chosen."""
    table, expected = SubscriptionTable(), dict[tuple[str, str], Client]()
    for step, client, pattern, topic in steps:
        key = (pattern, client.client_id)
        if step == "add":
            assert table.add(subscription_of(client, pattern)) == (key not in expected)
            expected[key] = client
        elif step == "remove":
            assert table.remove(client.client_id, pattern) == (expected.pop(key, None) is not None)
        elif step == "remove all":
            table.remove_all(client.client_id)
            expected = {key: owner for key, owner in expected.items() if owner is not client}
        else:
            check_recipients(table.recipients(topic, "publisher"), expected, topic)


def check_recipients(chosen: list[Subscription], table: dict[tuple[str, str], Client], topic: str) -> None:
    """Compare the recipients of a topic with those that a plain list of subscriptions gives."""
    matching = [
        key
        for key in table
        if matches_by_definition(
            key[0].removeprefix("$share/g/").removeprefix("$share/h/").split("/"), topic.split("/")
        )
    ]
    plain = [key for key in matching if not key[0].startswith("$share/")]
    shares = {key[0] for key in matching} - {key[0] for key in plain}
    found = [(each.options.pattern, each.session.client_id) for each in chosen]
    assert sorted(key for key in found if key[0] not in shares) == sorted(plain)
    assert sorted(pattern for pattern, _ in found if pattern in shares) == sorted(shares)
    for pattern, client_id in found:
        online = {key[1] for key, client in table.items() if key[0] == pattern and client.link}
        assert client_id in online or pattern not in shares or not online


def test_a_share_takes_turns() -> None:
    """Online members of a share get one message each before anybody gets a second."""
    table = SubscriptionTable()
    for client in CLIENTS:
        table.add(subscription_of(client, "$share/g/a"))
    turns = [table.recipients("a", "publisher")[0].session.client_id for _ in range(4)]
    assert turns == ["a", "b", "a", "b"]


def test_own_messages_can_be_declined() -> None:
    """A subscription without own messages gets those of others only."""
    table = SubscriptionTable()
    options: Any = mqtt5.TopicFilter("a", no_local=True)
    table.add(Subscription(cast("Session", CLIENTS[0]), options, None))
    assert table.recipients("a", "a") == []
    assert len(table.recipients("a", "b")) == 1
