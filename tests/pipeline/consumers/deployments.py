"""A deployer between a store and a Home Assistant: what a reviewer would order, and what came of it."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.automations.render import as_yaml, render
from pipeline.commands.signing import new_command
from pipeline.deploy.deployer import Deployer
from pipeline.mqtt.client import SteadyBroker
from pipeline.runtime.key_file import load_key
from pipeline.runtime.nonces import new_nonce
from pipeline.runtime.role import IncomingMessage, RoleContext
from pipeline.settings import Settings
from pipeline.suggestions.deployment_steps import Patience, Step
from pipeline.suggestions.drift import is_same
from schemas.automations import Action, Automation, TimeTrigger
from schemas.commands import SignedCommand, Verb
from schemas.deployments import Deployment
from schemas.home import Home
from schemas.patterns import PatternType
from schemas.suggestions import Category, Opinion, Priority, Status, Suggestion, Trial
from sinks.store import Held, SqlStore
from tests.sinks.fake_home_assistant import FakeHomeAssistant

LAMP = "light.hall"
ID = "0123456789abcdef"
# Long enough for every attempt of a round, short enough for a test.
QUICK = Patience(
    pauses_s=(0.01, 0.01),
    rests_s=(0.02,),
    entity_s=0.3,
    shortest_look_s=0.005,
    longest_look_s=0.02,
    take_back_s=0.02,
    upkeep_s=0.02,
    again_s=0.01,
    off_s=0.05,
    refused_s=0.02,
)
TIMEOUT_S = 0.25
LONGEST_S = 20.0


def proposal(minute: int = 390, *, identity: str = ID, version: int = 1, entity_id: str = LAMP) -> Suggestion:
    """Return a suggestion that switches something on at a time of day."""
    domain = entity_id.partition(".")[0]
    action = Action(service=f"{domain}.turn_on", entity_id=entity_id)
    automation = Automation(trigger=TimeTrigger(minute=minute), actions=(action,))
    title, description = f"Something at {minute} {identity}", "As you do."
    today = datetime.now(UTC)
    return Suggestion(
        id=identity,
        home="home",
        pattern_id="p" * 16,
        pattern_type=PatternType.TIME_OF_DAY,
        version=version,
        title=title,
        description=description,
        automation=automation,
        automation_yaml=as_yaml(render(automation, title=title, description=description)),
        category=Category.COMFORT,
        priority=Priority.LOW,
        confidence=0.9,
        trial=Trial(
            first_day=today.date(),
            last_day=today.date(),
            days=1,
            fired=1,
            wanted=1,
            unwanted=0,
            missed=0,
            wanted_per_day=1,
            unwanted_per_day=0,
            regret=-1,
        ),
        created_at=today,
        updated_at=today,
    )


@dataclass
class Bench:
    """A store, and deployers between it and a Home Assistant."""

    folder: Path
    url: str
    token: str
    patience: Patience = QUICK
    timeout_s: float = TIMEOUT_S
    store: SqlStore = field(init=False)
    settings: Settings = field(init=False)
    key: bytes = field(init=False)
    executor: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        token = self.folder / "token"
        token.touch(0o600)
        token.write_text(self.token)
        self.settings = Settings(
            _env_file=None,
            database_path=self.folder / "ha-ai.db",
            command_key_file=self.folder / "key",
            deployer_token_file=token,
            home_assistant_url=self.url,
            lease_s=1,
        )
        self.key = load_key(self.settings.command_key_file, create=True)
        self.executor = ThreadPoolExecutor(1)
        self.settings.database_path.write_bytes(_empty_store())
        self.store = SqlStore(self.settings.store_url)

    def close(self) -> None:
        """Let go of the store."""
        self.executor.shutdown()
        self.store.close()

    def deployer(self) -> Deployer:
        """Return a deployer as a process that has just started has it."""
        desk = RoleContext(self.settings, Home(), self.store, self.executor, SteadyBroker())
        return Deployer(desk, patience=self.patience, timeout_s=self.timeout_s)

    def approve(self, suggestion: Suggestion, *, person: str = "Anna") -> SignedCommand:
        """Do what the reviewer does when a suggestion is approved; return its order."""
        approved = suggestion.model_copy(update={"status": Status.APPROVED})
        order = new_command(
            new_nonce(), Verb.DEPLOY, approved, person, self.key, now_ms(), version=suggestion.version
        )
        with self.store.begin() as transaction:
            writes = transaction.suggestions
            if not writes.add(approved):
                kept = writes.get(approved.id)
                assert kept
                assert writes.replace(approved, changes=kept.changes)
            before = writes.deployment(approved.id)
            assert writes.deploy(self._wanted(order, suggestion.version), instead_of=before)
        return order

    def undo(self, *, identity: str = ID, text: str = "") -> SignedCommand:
        """Do what the reviewer does when Undo is pressed; return its order."""
        order = self.rollback(0, identity=identity, text=text)
        with self.store.begin() as transaction:
            writes = transaction.suggestions
            assert writes.deploy(self._wanted(order, 0), instead_of=writes.deployment(identity))
        return order

    def rollback(self, version: int, *, identity: str = ID, text: str = "") -> SignedCommand:
        """Return what somebody at the command line orders."""
        suggestion = self.suggestion(identity)
        return new_command(
            new_nonce(), Verb.ROLLBACK, suggestion, "Anna", self.key, now_ms(), version=version, text=text
        )

    def _wanted(self, order: SignedCommand, version: int) -> Deployment:
        before = self.store.suggestions.deployment(order.suggestion_id)
        return Deployment(
            suggestion_id=order.suggestion_id,
            automation_id=f"haai_{order.suggestion_id}",
            wanted=version,
            standing=before.standing if before else 0,
            step="wanted",
            attempts=0,
            approval=order.model_dump_json(),
            detail="",
            updated_us=time.time_ns() // 1000,
        )

    async def take(self, deployer: Deployer, order: SignedCommand | bytes, **fields: Any) -> None:
        """Let a deployer receive an order, from whomever."""
        payload = order if isinstance(order, bytes) else order.model_dump_json().encode()
        verb = order.verb.value if isinstance(order, SignedCommand) else fields.pop("verb")
        topic = self.settings.topics.automation_command(verb)
        inlet = next(each for each in deployer.inlets() if each.topic_filter == topic)
        await inlet.handle(received(topic, payload, **fields))

    async def stream(self, deployer: Deployer, payload: bytes) -> None:
        """Let a deployer receive an event of Home Assistant's stream."""
        topic = self.settings.eventstream_topic
        inlet = next(each for each in deployer.inlets() if each.topic_filter == topic)
        await inlet.handle(received(topic, payload))

    async def settle(self, deployer: Deployer | None = None, *, longest_s: float = LONGEST_S) -> None:
        """Carry out what is ordered until nothing is under way."""
        deployer = deployer or self.deployer()
        held = await self.held(deployer)
        async with asyncio.timeout(longest_s):
            while self.under_way():
                pause_s = await deployer.advance(held)
                await asyncio.sleep(pause_s)

    async def held(self, deployer: Deployer) -> Held:
        """Return the lease, as this deployer has it."""
        return deployer._ownership.held or await deployer._ownership.acquire()

    def under_way(self) -> list[Deployment]:
        """Return what is not finished."""
        return [row for row in self.store.suggestions.deployments() if row.step != Step.STANDS]

    def suggestion(self, identity: str = ID) -> Suggestion:
        """Return a suggestion as it is."""
        found = self.store.suggestions.get(identity)
        assert found
        return found

    def row(self, identity: str = ID) -> Deployment:
        """Return what is to stand, and does."""
        found = self.store.suggestions.deployment(identity)
        assert found
        return found

    def said(self, what: str) -> list[dict[str, Any]]:
        """Return what waits in the outbox on topics that end so."""
        waiting = self.store.pending(10_000)
        return [json.loads(message.payload) for message in waiting if message.topic.endswith(what)]

    def opinions(self) -> list[Opinion]:
        """Return what is known of what people did."""
        return [each.opinion for each in self.store.suggestions.feedback()]

    def audited(self) -> list[str]:
        """Return what the audit log tells of."""
        return [entry.what for entry in self.store.suggestions.audit()]


class FakeBench(Bench):
    """One beside a Home Assistant that is not there."""

    def __init__(self, folder: Path, fake: FakeHomeAssistant, *, timeout_s: float = TIMEOUT_S) -> None:
        self.fake = fake
        super().__init__(folder, fake.url, fake.admin_token, timeout_s=timeout_s)

    def stands(self, suggestion: Suggestion) -> bool:
        """Whether this suggestion stands in Home Assistant, written down and loaded."""
        config = render(suggestion.automation, title=suggestion.title, description=suggestion.description)
        found = self.fake.automations.get(suggestion.automation_id)
        return found is not None and is_same(found, config) and self.is_loaded(suggestion)

    def is_loaded(self, suggestion: Suggestion) -> bool:
        """Whether its automation has an entity."""
        return self.fake.state_of(suggestion.automation_id) is not None

    def writes(self) -> int:
        """Return how often an automation was written."""
        return sum(request.method == "POST" for request in self.fake.requests)


@cache
def _empty_store() -> bytes:
    """Return the file of a store in which nothing is; making it takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ha-ai.db"
        store = SqlStore(f"sqlite:///{path}")
        store.migrate()
        store.close()
        return path.read_bytes()


def rendered(suggestion: Suggestion) -> Suggestion:
    """Return a suggestion whose YAML is that of its automation."""
    config = render(suggestion.automation, title=suggestion.title, description=suggestion.description)
    return suggestion.model_copy(update={"automation_yaml": as_yaml(config)})


async def until(is_so: Callable[[], bool]) -> None:
    """Return when it is so."""
    give_up_s = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < give_up_s
        await asyncio.sleep(0.005)


def received(topic: str, payload: bytes, *, retain: bool = False) -> IncomingMessage:
    """Return a message as it comes."""
    return IncomingMessage(topic, payload, retain, "", b"", time.time_ns() // 1000)


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000
