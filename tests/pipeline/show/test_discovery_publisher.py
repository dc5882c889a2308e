"""What is retained for Home Assistant follows the store, whoever changed it and whatever was left behind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from benchmarks.processes import wait_until
from pipeline.roles import factories
from pipeline.runtime.host import ConsumerHost
from pipeline.settings import Settings
from pipeline.show.discovery_publisher import DiscoveryPublisher, Seen
from schemas.deployments import Deployment, Drift
from schemas.discovered import DiscoveredEntity
from schemas.events import Gap
from schemas.home import Home
from schemas.suggestions import Status, Suggestion
from schemas.topics import Role, Topics
from sinks.home_assistant import HomeAssistantError
from sinks.store import SqlStore
from tests.fixtures.discovery import suggestion

PATIENCE_S = 15.0
TOPICS = Topics()
HUB = "homeassistant/device/haai/hub/config"
ONE_HUB = "homeassistant/sensor/haai/hub_patterns/config"


class Pages:
    """A Home Assistant of some release, and what it was told; None is one that cannot be reached."""

    def __init__(self, release: tuple[int, int] | None) -> None:
        self.release = release
        self.told: list[tuple[str, str]] = []
        self.asked = 0
        self.looked = 0
        self.devices: dict[str, str] = {}

    async def discovered(self, *unique_ids: str) -> list[DiscoveredEntity]:
        """What it has made: each as we announced it, or on a stranger's device."""
        self._answering()
        self.looked += 1
        return [
            DiscoveredEntity(
                f"button.{each}",
                each,
                device_ids=frozenset({self.devices.get(each, "_".join(each.split("_")[:2]))}),
            )
            for each in unique_ids
            if self.devices.get(each, "ours")
        ]

    async def version(self) -> tuple[int, int]:
        """Its release."""
        self.asked += 1
        return self._answering()

    async def notify(self, notification_id: str, _title: str, message: str) -> None:
        """A notification is shown."""
        self._answering()
        self.told.append((notification_id, message.partition(" ")[0]))

    async def dismiss(self, notification_id: str) -> None:
        """A notification is taken away."""
        self._answering()
        self.told.append((notification_id, "dismissed"))

    def _answering(self) -> tuple[int, int]:
        if self.release is None:
            raise HomeAssistantError("expected an answer, got none")
        return self.release


class Witness:
    """What a client of its own knows to be retained, and how often anything was published."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.retained: dict[str, bytes] = {}
        self.heard: list[str] = []

    async def listen(self) -> None:
        """Listen until cancelled."""
        async for message in self.client.messages:
            topic, payload = message.topic.value, bytes(message.payload)
            self.heard.append(topic)
            self.retained[topic] = payload
            if not payload:
                del self.retained[topic]

    async def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish as somebody else does."""
        await self.client.publish(topic, payload, qos=1, retain=retain)

    def hub(self) -> dict[str, Any]:
        """What the hub shows; empty while nothing is retained."""
        return dict(json.loads(self.retained.get(TOPICS.hub, b"{}")))

    def announced(self, part: str) -> list[str]:
        """Topics of discovery that hold this."""
        return sorted(each for each in self.retained if each.startswith("homeassistant/") and part in each)


@asynccontextmanager
async def witnessing(broker: Any) -> AsyncIterator[Witness]:
    """An independent client that sees all that is retained."""
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        witness = Witness(client)
        for topic in ("homeassistant/#", "ha-ai/status/#", TOPICS.dead_letter):
            await client.subscribe(topic, qos=1)
        task = asyncio.create_task(witness.listen())
        yield witness
        task.cancel()


@asynccontextmanager
async def showing(settings: Settings) -> AsyncIterator[None]:
    """A publisher that runs; it is stopped at the end."""
    host = ConsumerHost(settings, Home(), factories({Role.SHOW}))
    task = asyncio.create_task(host.run())
    try:
        yield
    finally:
        host.stop()
        await asyncio.wait_for(task, PATIENCE_S)


async def until(is_so: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    await wait_until(is_so, PATIENCE_S, what)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for Home Assistant waits less."""
    for name, seconds in (("SETTLE_S", 0.3), ("REMOVAL_S", 0.1), ("SOON_S", 0.1), ("SELDOM_S", 0.5)):
        monkeypatch.setattr(f"pipeline.show.discovery_publisher.{name}", seconds)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Home Assistant 2025.4."""
    there = Pages((2025, 4))
    monkeypatch.setattr("pipeline.show.home_pages.reader_of", lambda _: there)
    return there


@pytest.fixture
def settings(broker: Any, tmp_path: Path) -> Settings:
    """Settings for a broker and a store of the test's own."""
    return Settings(_env_file=None, mqtt_url=broker.url, database_path=tmp_path / "ha-ai.db")


@pytest.fixture
def store(settings: Settings) -> Iterator[SqlStore]:
    """The store that the publisher reads."""
    store = SqlStore(settings.store_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What every look at the store saw."""
    seen: list[Seen] = []
    read = DiscoveryPublisher._read

    def note(self: DiscoveryPublisher) -> Seen:
        seen.append(read(self))
        return seen[-1]

    monkeypatch.setattr(DiscoveryPublisher, "_read", note)
    return seen


def idle(looks: list[Seen], more: int) -> Callable[[], bool]:
    """Whether there were so many more looks since this was asked."""
    before = len(looks)
    return lambda: len(looks) >= before + more


def add(store: SqlStore, *suggestions: Suggestion) -> None:
    """Suggest."""
    with store.begin() as transaction:
        for each in suggestions:
            assert transaction.suggestions.add(each)


def change(store: SqlStore, number: int, **changed: Any) -> None:
    """Let something become of a suggestion."""
    change_at_once(store, {number: changed})


def change_at_once(store: SqlStore, changed: Mapping[int, Mapping[str, Any]]) -> None:
    """Let something become of several suggestions, by their numbers."""
    with store.begin() as transaction:
        for number, fields in changed.items():
            kept = transaction.suggestions.get(f"{number:016x}")
            assert kept
            plain = {**dict(kept.suggestion), **fields}
            assert transaction.suggestions.replace(Suggestion.model_validate(plain), changes=kept.changes)


@pytest.mark.usefixtures("pages")
async def test_the_hub_and_what_waits_are_shown(broker: Any, settings: Settings, store: SqlStore) -> None:
    """With the store's counts, what was switched off by hand not among what runs, and what may be set."""
    now_us = time.time_ns() // 1000
    with store.begin() as transaction:
        transaction.note_gaps([Gap(now_us - 9, now_us, "x"), Gap(5, 9, "long ago")])
        transaction.suggestions.set_control("learning", value=False)
    later = datetime.now(UTC) + timedelta(hours=1)
    add(
        store,
        suggestion(1),
        suggestion(2, status=Status.DEPLOYED),
        suggestion(3, status=Status.REJECTED),
        suggestion(4, snoozed_until=later),
        suggestion(5, status=Status.DEPLOYED),
    )
    switched_off = Deployment(f"{5:016x}", f"haai_{5:016x}", 1, 1, "stands", 0, "{}", 1, drift=Drift.OFF)
    with store.begin() as transaction:
        assert transaction.suggestions.deploy(switched_off, instead_of=None)
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: len(witness.announced("haai")) == 4, "the hub and three suggestions")
        assert witness.hub() == {
            "schema_version": 1,
            "patterns": 0,
            "pending": 1,
            "deployed": 1,
            "gaps": 1,
            "learning": "OFF",
            "minimum_confidence": settings.minimum_confidence,
        }
        for number in (1, 2):
            assert TOPICS.suggestion_state(f"{number:016x}") in witness.retained
        for number in (3, 4):
            assert not [topic for topic in witness.retained if f"{number:016x}" in topic]


@pytest.mark.usefixtures("pages")
async def test_what_changes_is_shown_when_it_is_said(
    broker: Any, settings: Settings, store: SqlStore
) -> None:
    """From the first suggestion to the last that is settled; what has not changed is not said again."""
    async with witnessing(broker) as witness, showing(settings):
        await until(witness.hub, "the hub")
        add(store, suggestion(1), suggestion(2))
        await witness.publish(TOPICS.suggestion_generated, "{}")
        await until(lambda: len(witness.announced("00000")) == 2, "two suggestions")
        change(store, 1, status=Status.DEPLOYED)
        change(store, 2, status=Status.REJECTED)
        await witness.publish(TOPICS.suggestion_changed, "{}")
        await until(lambda: len(witness.announced("00000")) == 1, "one suggestion")
        await until(lambda: witness.hub()["deployed"] == 1, "one that is deployed")
        (left,) = witness.announced("00000")
        assert b'"name":"Undo"' in witness.retained[left]
        assert TOPICS.suggestion_state(f"{2:016x}") not in witness.retained
        assert witness.heard.count(HUB) == 1


@pytest.mark.usefixtures("pages")
async def test_what_settled_while_nobody_showed_is_removed(
    broker: Any, settings: Settings, store: SqlStore
) -> None:
    """Through a restart, and whoever it was that announced it."""
    add(store, suggestion(1), suggestion(2))
    async with witnessing(broker) as witness:
        async with showing(settings):
            await until(lambda: len(witness.announced("00000")) == 2, "two suggestions")
        change(store, 1, status=Status.RETIRED)
        await witness.publish("homeassistant/button/haai/stray/config", "{}", retain=True)
        await witness.publish("homeassistant/button/haai_villa/other/config", "{}", retain=True)
        async with showing(settings):
            await until(lambda: not witness.announced("stray"), "that the stray is gone")
            await until(lambda: not [each for each in witness.retained if f"{1:016x}" in each], "none of it")
        assert witness.announced("haai_villa")
        assert len(witness.announced(f"{2:016x}")) == 1


@pytest.mark.usefixtures("pages")
async def test_several_show_the_same(
    broker: Any, settings: Settings, store: SqlStore, looks: list[Seen]
) -> None:
    """Two at once come to rest."""
    add(store, suggestion(1))
    async with witnessing(broker) as witness, showing(settings), showing(settings):
        await until(lambda: len(witness.announced("haai")) == 2, "the hub and a suggestion")
        change(store, 1, status=Status.REJECTED)
        await witness.publish(TOPICS.suggestion_changed, "{}")
        await until(lambda: witness.announced("haai") == [HUB], "the hub alone")
        await until(lambda: witness.hub()["pending"] == 0, "that none waits")
        await until(idle(looks, 4), "that both have looked again")
        said = len(witness.heard)
        await until(idle(looks, 4), "that both have looked again")
        assert len(witness.heard) == said


async def test_an_older_home_assistant_gets_single_components(
    broker: Any, settings: Settings, store: SqlStore, pages: Pages
) -> None:
    """When it was upgraded, it has been restarted: then the other form takes their place."""
    pages.release = (2024, 3)
    add(store, suggestion(1))
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: len(witness.announced("haai")) == 7 + 4, "single components")
        assert not witness.announced("/device/")
        pages.release = (2025, 4)
        await witness.publish(settings.status_topic, "online")
        await until(lambda: len(witness.announced("/device/")) == 2, "devices")
        assert len(witness.announced("haai")) == 2


async def test_a_home_assistant_that_cannot_be_asked_changes_no_form(
    broker: Any, settings: Settings, store: SqlStore, pages: Pages
) -> None:
    """It gets what is understood everywhere, unless it was known to be newer."""
    pages.release = None
    add(store, suggestion(1))
    async with witnessing(broker) as witness:
        async with showing(settings):
            await until(lambda: witness.announced("hub_patterns"), "single components")
            pages.release = (2026, 11)
            await until(lambda: witness.announced("/device/"), "devices")
            pages.release = None
        change(store, 1, status=Status.REJECTED)
        async with showing(settings):
            await until(lambda: witness.announced("haai") == [HUB], "the hub alone")
        assert ONE_HUB not in witness.retained


async def test_all_is_said_again_to_a_home_assistant_that_started(
    broker: Any, settings: Settings, store: SqlStore, pages: Pages
) -> None:
    """And the notification, which it forgets; a status that the broker had kept is no start."""
    add(store, suggestion(1))
    async with witnessing(broker) as witness:
        await witness.publish(settings.status_topic, "online", retain=True)
        async with showing(settings):
            await until(lambda: pages.told == [("haai_suggestions", "1")], "a notification")
            asked = pages.asked
            await witness.publish(settings.status_topic, "offline")
            await witness.publish(settings.status_topic, "online")
            await until(lambda: len(pages.told) == 2, "a notification")
            assert witness.heard.count(HUB) == 2
            assert pages.asked == asked + 1
            await witness.publish(settings.status_topic, "online", retain=True)
            await until(lambda: len(pages.told) == 3, "a notification")


async def test_the_notification_changes_only_with_what_waits(
    broker: Any, settings: Settings, store: SqlStore, pages: Pages
) -> None:
    """A restart says nothing anew; what could not be said is said later; none waiting takes it away."""
    async with witnessing(broker) as witness:
        async with showing(settings):
            await until(witness.hub, "the hub")
            pages.release = None
            add(store, suggestion(1), suggestion(2))
            await until(lambda: witness.hub()["pending"] == 2, "that two wait")
            pages.release = (2025, 4)
            await until(lambda: pages.told == [("haai_suggestions", "2")], "a notification")
        async with showing(settings):
            later = datetime.now(UTC) + timedelta(hours=1)
            change_at_once(store, {1: {"status": Status.DEPLOYED}, 2: {"snoozed_until": later}})
            await until(lambda: len(pages.told) == 2, "no notification")
    assert pages.told[1:] == [("haai_suggestions", "dismissed")]


@pytest.mark.usefixtures("pages")
async def test_not_now_lasts_until_its_time(broker: Any, settings: Settings, store: SqlStore) -> None:
    """Then the suggestion is there again, though nobody said anything."""
    add(store, suggestion(1, snoozed_until=datetime.now(UTC) + timedelta(seconds=2)))
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: witness.announced("haai") == [HUB], "the hub alone")
        await until(lambda: len(witness.announced("haai")) == 2, "the suggestion")


@pytest.mark.usefixtures("pages")
async def test_the_minimum_confidence_is_kept_and_shown(
    broker: Any, settings: Settings, store: SqlStore
) -> None:
    """From 0 to 1; anything else becomes a dead letter and changes nothing."""
    async with witnessing(broker) as witness, showing(settings):
        await until(witness.hub, "the hub")
        for payload in (b"0.9", b"nan", b"1.01", b"-0.1", b"much", b"", b"0." + b"1" * 99, b"\xff"):
            await witness.publish(TOPICS.minimum_confidence_set, payload)
        await until(lambda: witness.hub()["minimum_confidence"] == 0.9, "the number")
        await until(lambda: len(store.dead_letters(20)) == 7, "the dead letters")
        assert store.suggestions.control("minimum_confidence") == 0.9
        assert {letter.topic for letter in store.dead_letters(20)} == {TOPICS.minimum_confidence_set}
        assert {message.topic for message in store.pending(20)} == {TOPICS.dead_letter}
        await witness.publish(TOPICS.minimum_confidence_set, b"1")
        await until(lambda: witness.hub()["minimum_confidence"] == 1, "the other number")


@pytest.mark.usefixtures("pages")
async def test_the_learning_switch_is_shown_soon_after_it_was_set(
    broker: Any,
    settings: Settings,
    store: SqlStore,
    looks: list[Seen],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The learner keeps it, a moment after both have heard of it."""
    monkeypatch.setattr("pipeline.show.discovery_publisher.SELDOM_S", 60.0)
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: witness.hub().get("learning") == "ON", "the hub")
        await witness.publish(TOPICS.learning_set, "OFF")
        await until(idle(looks, 2), "that it has looked in vain")
        with store.begin() as transaction:
            transaction.suggestions.set_control("learning", value=False)
        await until(lambda: witness.hub()["learning"] == "OFF", "that it is off")


async def test_a_broker_that_forgot_is_told_again(
    broker: Any, settings: Settings, store: SqlStore, pages: Pages
) -> None:
    """After its restart everything is retained again, and nothing of what was settled meanwhile."""
    add(store, suggestion(1), suggestion(2))
    async with showing(settings):
        async with witnessing(broker) as witness:
            await until(lambda: len(witness.announced("haai")) == 3, "all of it")
        broker.stop()
        change(store, 1, status=Status.REJECTED)
        broker.start()
        async with witnessing(broker) as witness:
            await until(lambda: len(witness.announced("haai")) == 2, "what is left")
            await until(lambda: not witness.announced(f"{1:016x}"), "nothing else")
    assert pages.told[-1] == ("haai_suggestions", "1")


FORGED = {
    TOPICS.suggestion_state(f"{1:016x}"): b'{"title":"harmless","attributes":{"yaml":"harmless"}}',
    TOPICS.hub: b'{"patterns":99}',
    "homeassistant/button/haai/decoy/config": b'{"unique_id":"decoy"}',
    HUB: b"",
}


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("topic", FORGED)
async def test_what_others_publish_in_our_place_is_put_right_at_once(
    broker: Any, settings: Settings, store: SqlStore, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    """Other words, counts that nobody counted, a stranger's button, and what is taken away."""
    monkeypatch.setattr("pipeline.show.discovery_publisher.SELDOM_S", 60.0)
    add(store, suggestion(1))
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: len(witness.announced("haai")) == 2, "the hub and a suggestion")
        await until(witness.hub, "the hub's state")
        right = dict(witness.retained)
        said = len(witness.heard)
        await witness.publish(topic, FORGED[topic], retain=True)
        await until(lambda: witness.heard[said:].count(topic) >= 2, "the forgery and what puts it right")
        await until(lambda: witness.retained == right, "what was there before")


@pytest.mark.usefixtures("pages")
async def test_a_device_that_others_announced_is_taken_away_and_announced_anew(
    broker: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that Home Assistant keeps nothing of theirs on it."""
    monkeypatch.setattr("pipeline.show.discovery_publisher.SELDOM_S", 60.0)
    async with witnessing(broker) as witness, showing(settings):
        await until(witness.hub, "the hub")
        await until(lambda: HUB in witness.retained, "its device")
        right = witness.retained[HUB]
        said = len(witness.heard)
        await witness.publish(HUB, '{"components":{"x":{"platform":"button"}}}', retain=True)
        await until(lambda: witness.heard[said:].count(HUB) == 3, "theirs, nothing, and ours")
        assert witness.retained[HUB] == right


@pytest.mark.parametrize("device", ["a stranger's", ""])
async def test_what_home_assistant_did_not_make_is_announced_again(
    broker: Any,
    settings: Settings,
    store: SqlStore,
    pages: Pages,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
) -> None:
    """While a stranger's entity has our unique id, it makes none for us; once it has, all is quiet."""
    monkeypatch.setattr("pipeline.show.discovery_publisher.RECOVER_S", 0.0)
    shown = suggestion(1)
    add(store, shown)
    pages.devices = {f"haai_{shown.id}_{shown.content_hash[:8]}_approve": device}
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: witness.heard.count(HUB) >= 3, "the hub again and again")
        pages.devices = {}
        looked = pages.looked
        await until(lambda: pages.looked >= looked + 2, "that it has looked")
        said, looked = len(witness.heard), pages.looked
        await until(lambda: pages.looked >= looked + 2, "that it has looked again")
        assert len(witness.heard) == said


async def test_a_home_assistant_that_cannot_be_asked_lacks_nothing(
    broker: Any,
    settings: Settings,
    store: SqlStore,
    pages: Pages,
    looks: list[Seen],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is not known is not put right."""
    monkeypatch.setattr("pipeline.show.discovery_publisher.RECOVER_S", 0.0)
    add(store, suggestion(1))
    pages.release = None
    async with witnessing(broker) as witness, showing(settings):
        await until(lambda: len(witness.announced("haai")) == 7 + 4, "single components")
        await until(idle(looks, 3), "that it has looked again")
        assert witness.heard.count(ONE_HUB) == 1
