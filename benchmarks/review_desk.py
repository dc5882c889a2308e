"""A reviewer without a broker: what it receives is handed to it, what it says stays in the outbox."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from pipeline.automations.render import as_yaml, render
from pipeline.commands.signing import new_command
from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.suggestion import BUTTONS, content_of, suggestion_device, suggestion_state
from pipeline.mqtt.client import SteadyBroker
from pipeline.review.reviewer import Reviewer
from pipeline.runtime.key_file import load_key
from pipeline.runtime.nonces import new_nonce
from pipeline.runtime.role import IncomingMessage, RoleContext
from pipeline.settings import Settings
from schemas.automations import Action, Automation, TimeTrigger
from schemas.commands import PressVerb, SignedCommand, Verb
from schemas.home import Home
from schemas.patterns import PatternType
from schemas.suggestions import Category, Priority, Suggestion, Trial, suggestion_id
from schemas.topics import Topics
from sinks.store import SqlStore, StoreThread
from sinks.store.audit import AuditEntry
from tests.sinks.fake_home_assistant import FakeHomeAssistant

MADE = datetime(2026, 11, 1, 6, tzinfo=UTC)
EVERYTHING = 1_000_000
READ_S = 60.0


class Said(NamedTuple):
    """A message in the outbox."""

    topic: str
    payload: dict[str, Any]


@dataclass(slots=True)
class MovedDesk(RoleContext):
    """A desk whose clock can be moved."""

    ahead_us: int = 0

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self.ahead_us


class ReviewDesk:
    """A reviewer over a store of its own or another's; to be closed."""

    def __init__(self, settings: Settings) -> None:
        home = Home()
        self.topics = settings.topics
        self.store = SqlStore(settings.store_url, home=home.id)
        self.store.migrate()
        self._thread = StoreThread()
        broker = SteadyBroker(settings.broker_url)
        self.desk = MovedDesk(settings, home, self.store, self._thread, broker)
        self.reviewer = Reviewer(self.desk)
        self.key = load_key(settings.command_key_file, create=False)
        self._handlers = {
            subscriber.topic_filter: subscriber.handle for subscriber in self.reviewer.subscribers()
        }

    def close(self) -> None:
        """Close the store."""
        self._thread.stop()
        self.store.close()

    def add(self, *suggestions: Suggestion) -> None:
        """Let there be suggestions."""
        with self.store.begin() as transaction:
            for suggestion in suggestions:
                transaction.suggestions.add(suggestion)

    async def receive(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand the reviewer a message."""
        await self._handlers[topic](IncomingMessage(topic, payload, retain, "", b"", self.desk.now_us()))

    async def send(self, command: SignedCommand, *, topic: str = "", retain: bool = False) -> None:
        """Hand the reviewer a command, on its own topic unless another is named."""
        own = self.topics.suggestion_command(command.verb.value)
        await self.receive(topic or own, command.exact().encode(), retain=retain)

    def command(self, verb: Verb, suggestion: Suggestion, **fields: Any) -> SignedCommand:
        """A command of somebody who holds the key, valid now."""
        return new_command(
            new_nonce(), verb, suggestion, "Anna", self.key, self.desk.now_us() // 1000, **fields
        )

    def said(self, topic: str = "") -> list[Said]:
        """What is in the outbox, oldest first, or what goes to one topic."""
        pending = self.store.pending(EVERYTHING)
        return [Said(each.topic, json.loads(each.payload)) for each in pending if topic in ("", each.topic)]

    def audit(self, what: str = "") -> list[AuditEntry]:
        """The audit log, or its entries of one kind."""
        return [entry for entry in self.store.suggestions.audit() if what in ("", entry.what)]

    def refused(self) -> int:
        """How many messages the audit log says were refused, one by one or by count."""
        summed = (entry.detail.split()[0] for entry in self.audit("refused, by count"))
        return len(self.audit("refused")) + sum(int(words.removeprefix("count=")) for words in summed)


def show(home: FakeHomeAssistant, suggestion: Suggestion) -> None:
    """Let Home Assistant have shown a suggestion for a minute, with all the buttons that it ever has."""
    discovery = Discovery("homeassistant")
    for status in BUTTONS:
        device = suggestion_device(suggestion.model_copy(update={"status": status}), discovery, Topics())
        for payload in discovery.announce(device, Form.DEVICE).values():
            home.discover(payload)
    said = json.loads(suggestion_state(suggestion))
    words = f"sensor.ha_ai_{content_of(suggestion)}"
    home.change(words, said["title"], **said["attributes"])
    home.age(words, READ_S)


def button(verb: PressVerb, suggestion: Suggestion) -> str:
    """The entity that Home Assistant makes of a button."""
    return f"button.ha_ai_{content_of(suggestion)}_{verb.value}"


def a_suggestion(number: int = 0, automation: Automation | None = None) -> Suggestion:
    """One of as many suggestions as there are numbers."""
    lamp = Action(service="light.turn_on", entity_id=f"light.lamp_{number}")
    made = automation or Automation(trigger=TimeTrigger(minute=number % 1440), actions=(lamp,))
    words = {"title": f"Lamp {number}", "description": "It is switched on."}
    rates = {"wanted_per_day": 0.8, "unwanted_per_day": 0.1, "regret": -0.5}
    counts = {"days": 30, "fired": 27, "wanted": 25, "unwanted": 2, "missed": 3}
    return Suggestion(
        id=suggestion_id("home", str(number)),
        home="home",
        pattern_id=f"pattern{number}",
        pattern_type=PatternType.TIME_OF_DAY,
        automation=made,
        automation_yaml=as_yaml(render(made, **words)),
        category=Category.COMFORT,
        priority=Priority.MEDIUM,
        confidence=0.9,
        trial=Trial(first_day=date(2026, 10, 2), last_day=date(2026, 10, 31), **counts, **rates),
        created_at=MADE,
        updated_at=MADE,
        **words,
    )
