"""Shows in Home Assistant what is known and proposed: keeps what is retained there as the store says."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from pipeline.commands.controls import HomeControls, probability
from pipeline.core.messages import Announcer
from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.discovery_diff import DiscoveryDiff
from pipeline.discovery.retained_cache import RetainedCache, repair_bucket
from pipeline.discovery.suggestion import SHOWN, is_waiting
from pipeline.ingest.letters import Letters
from pipeline.ingest.messages import Message, PoisonError
from pipeline.mqtt.connections import connection_id
from pipeline.mqtt.names import MQTTError
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings.sections import ShowSettings
from pipeline.show.home_pages import HomePages
from pipeline.timing.clock import monotonic_s
from schemas.deployments import Drift
from schemas.instants import from_us
from schemas.statuses import HubState
from schemas.suggestions import Status, Suggestion
from schemas.topics import Role
from sinks.store import StoreUnavailableError
from sinks.store.suggestions import SuggestionWrites

log = structlog.get_logger(__name__)

# Retained messages follow the subscription; Home Assistant needs a moment after its birth message.
SETTLE_S = 1.0
# How long Home Assistant takes to remove entities that come back in another form.
REMOVAL_S = 2.0
PAUSE_S = 0.2
SOON_S = 0.5
SOON_FOR_S = 5.0
SELDOM_S = 30.0
RECOVER_S = 300.0
GAPS_US = 7 * 86_400_000_000
NOTIFIED = "notified_suggestions"


class Seen(NamedTuple):
    """Part of the store that is shown."""

    hub: HubState
    suggestions: list[Suggestion]
    waiting: list[str]
    notified: list[str]


class DiscoveryPublisher:
    """Keeps the devices and the notification in Home Assistant as the store says.

    What is retained at the broker is read back, so that whatever another instance or an earlier one left
    behind is put right; several instances say the same.
    """

    name = Role.SHOW

    def __init__(self, context: RoleContext[ShowSettings]) -> None:
        self._context = context
        settings = context.settings
        self._discovery = Discovery(settings.discovery_prefix, settings.home)
        self._showing = DiscoveryDiff(self._discovery, settings.topics)
        self._pages = HomePages(settings)
        self._announcer = Announcer(context.home.id, settings.topics, context.home.zone)
        self._letters = Letters()
        self._known = RetainedCache()
        self._repairs = repair_bucket()
        self._connection: int | None = None
        self._greeted: int | None = None
        self._version: tuple[int, int] | None = None
        self._born = False
        self._woken = asyncio.Event()
        self._soon_until_s = 0.0
        self._recover_at_s = monotonic_s() + RECOVER_S

    def subscribers(self) -> Sequence[Subscriber]:
        settings = self._context.settings
        topics = settings.topics
        kept = (self._discovery.topic_filter, topics.suggestion_state("+"), topics.hub)
        heard = (
            topics.suggestion_generated,
            topics.suggestion_changed,
            topics.analysis_complete,
            topics.learning_set,
        )
        return [
            *(Subscriber(each, self._note, shared=False) for each in kept),
            *(Subscriber(each, self._hear, shared=False) for each in heard),
            Subscriber(settings.status_topic, self._greet, shared=False),
            Subscriber(topics.minimum_confidence_set, self._set_minimum),
        ]

    def loops(self) -> Sequence[Loop]:
        return [self._show]

    async def _note(self, received: IncomingMessage) -> None:
        """Remember what is retained; what is not as it should be is put right, whoever published it."""
        current = connection_id(self._context.broker)
        is_right = self._known.note(received.topic, received.payload, current)
        if current != self._connection or (not is_right and self._repairs.take(monotonic_s())):
            self._woken.set()

    async def _hear(self, received: IncomingMessage) -> None:
        """Look now and for some seconds: who else hears of it may write to the store a moment later."""
        log.debug("looking again", topic=received.topic)
        self._soon_until_s = monotonic_s() + SOON_FOR_S
        self._woken.set()

    async def _greet(self, received: IncomingMessage) -> None:
        """Home Assistant has started: it may be another release, and it has forgotten its notifications.

        What the broker had kept of its status, and hands on when we connect, tells of no start.
        """
        current = connection_id(self._context.broker)
        was_kept = received.retain and current != self._greeted
        self._greeted = current
        if received.payload == b"online" and not was_kept:
            self._born = True
            self._woken.set()

    async def _set_minimum(self, received: IncomingMessage) -> None:
        """Keep the minimum confidence that a person has set; what is no such number becomes a dead letter."""
        message = Message(received.topic, received.payload, received.received_us, retain=received.retain)
        try:
            minimum = probability(message)
        except PoisonError as error:
            await self._bury(message, error)
        else:
            await self._write(lambda writes: HomeControls.set_minimum_confidence(writes, minimum))
            await self._hear(received)

    async def _bury(self, message: Message, error: PoisonError) -> None:
        made = [self._letters.take(message, error), *self._letters.due(message.received_us)]
        letters = [letter for letter in made if letter is not None]

        def write() -> None:
            with self._context.store.begin() as transaction:
                transaction.bury(letters)
                said = [self._announcer.dead_letter(letter) for letter in letters]
                transaction.enqueue(said, self._context.now_us())

        if letters:
            await self._context.commit(write)

    async def _write(self, change: Callable[[SuggestionWrites], None]) -> None:
        def write() -> None:
            with self._context.store.begin() as transaction:
                change(transaction.suggestions)

        await self._context.ask(write)

    async def _show(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._look()
            except (MQTTError, OSError, StoreUnavailableError) as error:
                log.debug("not shown, trying again", error=str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE_S)
            is_soon = monotonic_s() < self._soon_until_s
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON_S if is_soon else SELDOM_S):
                    await self._woken.wait()

    async def _look(self) -> None:
        """Compare the store with what is retained, and publish the difference."""
        current = connection_id(self._context.broker)
        if current is None:
            return
        born, is_new = self._born, current != self._connection
        if born or is_new:
            await asyncio.sleep(SETTLE_S)
            self._version = None
        form = await self._form()
        seen = await self._context.ask(self._read)
        await self._publish(seen, form, again=born)
        self._connection = current
        await self._recover(seen, form)
        await self._point(seen, again=born)
        self._born = self._born and not born

    async def _form(self) -> Form:
        """As Home Assistant's release understands it; while that is not known, as it was."""
        if self._version is None:
            self._version = await self._pages.version()
        if self._version is not None:
            return Form.of(self._version)
        if not self._pages.reachable:
            return Form.COMPONENTS
        return self._showing.form_of(self._known.retained(connection_id(self._context.broker)))

    def _read(self) -> Seen:
        store, now_us = self._context.store, self._context.now_us()
        suggestions = store.suggestions.all(*SHOWN)
        controls, otherwise = HomeControls.of(store.suggestions), self._context.settings.minimum_confidence
        waiting = [each.id for each in suggestions if is_waiting(each, from_us(now_us))]
        deployed = {each.id for each in suggestions if each.status is Status.DEPLOYED}
        switched_off = {
            each.suggestion_id for each in store.suggestions.deployments() if each.drift is Drift.OFF
        }
        hub = HubState(
            patterns=len(store.patterns(status="active")),
            pending=len(waiting),
            deployed=len(deployed - switched_off),
            gaps=len(store.gaps(since_us=now_us - GAPS_US)),
            learning="ON" if controls.is_learning else "OFF",
            minimum_confidence=controls.minimum_confidence(otherwise=otherwise),
        )
        return Seen(hub, suggestions, sorted(waiting), store.suggestions.control(NOTIFIED) or [])

    async def _publish(self, seen: Seen, form: Form, *, again: bool) -> None:
        current = connection_id(self._context.broker)
        wanted = self._showing.wanted(seen.hub, seen.suggestions, form, from_us(self._context.now_us()))
        self._known.want(wanted)
        retained, foreign = self._known.retained(current), self._known.foreign
        steps = self._showing.steps(retained, wanted, form, foreign=foreign, again=again)
        for topic, payload in steps.begin:
            await self._retain(topic, payload)
        if steps.begin:
            await asyncio.sleep(REMOVAL_S)
        for topic, payload in steps.follow:
            await self._retain(topic, payload)
        if steps.begin or steps.follow:
            log.debug("shown in Home Assistant", messages=len(steps.begin) + len(steps.follow), form=form)

    async def _recover(self, seen: Seen, form: Form) -> None:
        """Announce all again where Home Assistant lacks some of it.

        It refuses an entity while a stranger's has its unique id, and does not try again by itself.
        """
        if monotonic_s() < self._recover_at_s:
            return
        self._recover_at_s = monotonic_s() + RECOVER_S
        entities = self._showing.entities(seen.suggestions, from_us(self._context.now_us()))
        if await self._pages.lacks(entities):
            log.warning("Home Assistant lacks entities of ours, announcing them again")
            await self._publish(seen, form, again=True)

    async def _retain(self, topic: str, payload: bytes) -> None:
        # What is refused is tried again with every look.
        message = self._context.settings.topics.outgoing(topic, secrets.token_hex(16), payload)
        if await self._context.publish(message):
            self._known.published(topic, payload, connection_id(self._context.broker))

    async def _point(self, seen: Seen, *, again: bool) -> None:
        """Let a notification point to what waits; only when that has changed, or Home Assistant forgot it."""
        changed = seen.waiting != seen.notified or (again and seen.waiting)
        if changed and await self._pages.point(len(seen.waiting)):
            await self._write(lambda writes: writes.set_control(NOTIFIED, seen.waiting))
