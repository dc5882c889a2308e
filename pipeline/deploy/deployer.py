"""Deploys what was approved: the one part that may write into Home Assistant."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial

import structlog

from pipeline.commands.signing import CommandError, verified
from pipeline.deploy.admin_client import AdminClient
from pipeline.deploy.command_inbox import REPLAYED, CommandInbox, RefusedOrder
from pipeline.deploy.deployment_writer import DeploymentWriter
from pipeline.deploy.drift_monitor import DriftMonitor
from pipeline.deploy.step_executor import StepExecutor
from pipeline.deploy.token import TokenFileError
from pipeline.runtime.batching import Together
from pipeline.runtime.key_file import load_key
from pipeline.runtime.nonces import Taken
from pipeline.runtime.ownership import Ownership
from pipeline.runtime.role import AT_ONCE, IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings.sections import DeploySettings
from pipeline.suggestions.deployment_steps import US, Patience, Step, due_us
from pipeline.suggestions.messages import MessageFactory
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import first_ended
from schemas.commands import Verb
from schemas.deployments import Deployment
from schemas.instants import from_us
from schemas.topics import Role
from sinks.home_assistant import HomeAssistantError
from sinks.store import Held, LeaseLostError, SqlStore, StoreUnavailableError

log = structlog.get_logger(__name__)

PARTITION = "deploy"
POLL_S = 2.0
SUM_UP_S = 60.0
TRIGGERED = b"automation_triggered"
LARGEST_EVENT_BYTES = 65_536
VERBS = (Verb.DEPLOY, Verb.ROLLBACK)
# Whoever may publish can say that an automation ran: what comes of that is bounded.
QUIET_S = 10.0
FRESH_S = 10.0


class RunReporter:
    """Reports the runs of each deployed automation, at most one in ten seconds; on the store's thread.

    Which automations are ours is read at most every ten seconds, unless `forget` is called.

    Parameters
    ----------
    store
        Where it is kept which automations stand.
    messages
        What is said of it.
    """

    def __init__(self, store: SqlStore, messages: MessageFactory) -> None:
        self._store = store
        self._messages = messages
        self._fresh_until_s = 0.0
        self._ours: dict[str, tuple[Deployment, str]] = {}
        self._told_us: dict[str, int] = {}

    def forget(self) -> None:
        """Discard the list of deployed automations, because it has changed."""
        self._fresh_until_s = 0.0

    def tell(self, entity_id: str, now_us: int) -> bool:
        """Report a run if the automation is a deployed one; return whether it was reported."""
        if monotonic_s() >= self._fresh_until_s:
            self._read()
        row, title = self._ours.get(entity_id, (None, ""))
        if row is None or abs(now_us - self._told_us.get(entity_id, 0)) < QUIET_S * US:
            return False
        said = self._messages.executed(
            "ran", row, f"{title}: it ran", entity_id=entity_id, at=from_us(now_us)
        )
        with self._store.begin() as transaction:
            transaction.enqueue([said], now_us)
        self._told_us[entity_id] = now_us
        return True

    def _read(self) -> None:
        self._fresh_until_s = monotonic_s() + FRESH_S
        reads = self._store.suggestions
        standing = [(row, reads.get(row.suggestion_id)) for row in reads.deployments() if row.standing]
        self._ours = {
            suggestion.ha_entity_id: (row, suggestion.title)
            for row, suggestion in standing
            if suggestion is not None and suggestion.ha_entity_id is not None
        }
        self._told_us = {each: at_us for each, at_us in self._told_us.items() if each in self._ours}


class Deployer:
    """Brings Home Assistant to where approved suggestions and rollbacks want it, one step at a time.

    Any number may run: each takes orders, and the one that holds the lease carries them out. What it has
    done is kept after every step, and every step looks before it acts, so that a kill anywhere is resumed.

    Parameters
    ----------
    context
        What it works with.
    patience
        How long it waits for what.
    timeout_s
        How long Home Assistant may take for one answer.

    Raises
    ------
    TokenFileError
        There is no administrator's token that may be used, or no address of Home Assistant.
    KeyFileError
        The key that signs orders cannot be used.
    """

    name = Role.DEPLOY

    def __init__(
        self,
        context: RoleContext[DeploySettings],
        *,
        patience: Patience | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        settings = context.settings
        if settings.home_assistant_url is None or settings.deployer_token_file is None:
            raise TokenFileError("expected HA_AI_HOME_ASSISTANT_URL and HA_AI_DEPLOYER_TOKEN_FILE to be set")
        self._context = context
        self._patience = patience or Patience()
        client = AdminClient(
            settings.home_assistant_url,
            settings.deployer_token_file,
            timeout_s=timeout_s,
            refused_s=self._patience.refused_s,
        )
        self._key = load_key(settings.command_key_file, create=True)
        self._writer = DeploymentWriter(context.store, context.home, settings.topics, self._patience)
        self._inbox = CommandInbox(context.store, self._writer.messages)
        self._refuse = Together(context.commit, self._inbox.refuse)
        self._taken = Taken()
        self._taking = asyncio.Lock()
        self._reporter = RunReporter(context.store, self._writer.messages)
        self._ownership = Ownership(
            context.store.leases, PARTITION, ttl_s=settings.lease_s, thread=context.thread
        )
        self._executor = StepExecutor(
            context,
            self._key,
            client,
            self._writer,
            patience=self._patience,
            is_ours=self._is_ours,
        )
        self._monitor = DriftMonitor(context, client, self._executor, self._writer, self._patience)
        self._ordered = asyncio.Event()
        self._born = asyncio.Event()
        self._waits: dict[str, tuple[Deployment, float, float]] = {}

    def subscribers(self) -> Sequence[Subscriber]:
        settings = self._context.settings
        orders = [
            Subscriber(
                settings.topics.automation_command(verb.value),
                partial(self._take_order, verb),
                at_once=AT_ONCE,
            )
            for verb in VERBS
        ]
        return [
            *orders,
            Subscriber(settings.eventstream_topic, self._take_event),
            Subscriber(settings.status_topic, self._take_status, shared=False),
        ]

    def loops(self) -> Sequence[Loop]:
        return [self._work, self._sum_up]

    async def _take_order(self, verb: Verb, received: IncomingMessage) -> None:
        """Take an order if it counts; who may publish may not order."""
        now_us = self._context.now_us()
        if received.retain:
            text = "expected an order of now, got one that the broker had kept"
            await self._refuse(RefusedOrder("retained", text, None, now_us))
            return
        try:
            command = verified(received.payload, verb, self._key, now_us // 1000)
        except CommandError as error:
            await self._refuse(RefusedOrder(error.fault.value, str(error), error.claimed, now_us))
            return
        with self._taken.once(command.nonce) as is_first:
            if not is_first:
                await self._refuse(RefusedOrder("replayed", REPLAYED, command, now_us))
                return
            async with self._taking:
                against = await self._context.commit(partial(self._inbox.take, command, now_us))
        if against:
            log.info("order refused", suggestion=command.suggestion_id, reason=against)
        self._ordered.set()

    async def _take_event(self, received: IncomingMessage) -> None:
        """Tell that an automation of ours ran; all else is passed over by its bytes."""
        payload = received.payload
        if TRIGGERED not in payload or received.retain or len(payload) > LARGEST_EVENT_BYTES:
            return
        entity_id = _triggered(payload)
        if entity_id is not None:
            await self._context.commit(partial(self._reporter.tell, entity_id, received.received_us))

    async def _take_status(self, received: IncomingMessage) -> None:
        """Look after everything when Home Assistant has started."""
        if received.payload == b"online":
            self._born.set()

    async def _work(self) -> None:
        """While the lease is ours, carry out what is ordered and look after what stands."""
        try:
            while True:
                held = await self._ownership.acquire()
                log.info("deploying", epoch=held.epoch)
                await _until_one_ends(self._ownership.keep(), self._carry_out(held), self._look_after(held))
                log.warning("another deployer has taken over, standing by")
        finally:
            with suppress(StoreUnavailableError):
                await self._ownership.release()

    async def _carry_out(self, held: Held) -> None:
        while True:
            self._ordered.clear()
            try:
                pause_s = await self.advance(held)
            except LeaseLostError:
                return
            except StoreUnavailableError as error:
                log.warning("store not reached, trying again", error=str(error))
                pause_s = POLL_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._ordered.wait()

    async def advance(self, held: Held) -> float:
        """Take every step that is due; return how long until the next one, in seconds."""
        rows = await self._context.ask(self._context.store.suggestions.deployments)
        under_way = [row for row in rows if row.step != Step.STANDS]
        self._waits = {
            row.suggestion_id: self._waits[row.suggestion_id]
            for row in under_way
            if row.suggestion_id in self._waits
        }
        pauses = [await self._advance_one(row, held) for row in under_way]
        return min([POLL_S, *pauses])

    async def _advance_one(self, row: Deployment, held: Held) -> float:
        left_s = self._left_s(row)
        if left_s > 0:
            return left_s
        try:
            is_done = await self._executor.take(row, held)
        except (LeaseLostError, StoreUnavailableError):
            raise
        except Exception:
            # One deployment that cannot be worked on must not keep the others waiting.
            log.exception("step failed", suggestion=row.suggestion_id, step=row.step)
            is_done = False
        if is_done:
            self._reporter.forget()
            self._waits.pop(row.suggestion_id, None)
            return 0.0
        return self._wait(row)

    def _left_s(self, row: Deployment) -> float:
        """Return the seconds until a step may be taken; after a failure by the wall clock."""
        now_us = self._context.now_us()
        due = due_us(row, self._patience, now_us) or 0
        waited, until_s, _ = self._waits.get(row.suggestion_id, (row, 0.0, 0.0))
        left_s = until_s - monotonic_s() if waited == row else 0.0
        return max((due - now_us) / US, left_s)

    def _wait(self, row: Deployment) -> float:
        """Return the seconds until the next look, twice as many as before, within bounds."""
        waited, _, last_s = self._waits.get(row.suggestion_id, (row, 0.0, 0.0))
        patience = self._patience
        longest_s = patience.take_back_s if row.step == Step.TAKE_BACK else patience.longest_look_s
        pause_s = min(longest_s, 2 * last_s if waited == row and last_s else patience.shortest_look_s)
        self._waits[row.suggestion_id] = (row, monotonic_s() + pause_s, pause_s)
        return pause_s

    async def _look_after(self, held: Held) -> None:
        while True:
            self._born.clear()
            try:
                await self._monitor.look_once(held)
            except LeaseLostError:
                return
            except (HomeAssistantError, StoreUnavailableError) as error:
                log.debug("not looked after what stands", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.upkeep_s):
                    await self._born.wait()

    async def _sum_up(self) -> None:
        while True:
            await asyncio.sleep(SUM_UP_S)
            with suppress(StoreUnavailableError):
                await self._context.ask(partial(self._inbox.sum_up, self._context.now_us()))

    async def _is_ours(self, held: Held) -> bool:
        return self._ownership.held == held and await self._ownership.valid()


async def _until_one_ends(*coroutines: Coroutine[object, object, None]) -> None:
    """Run them until one returns or raises; the others are cancelled."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        done = await first_ended(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _triggered(payload: bytes) -> str | None:
    """Return the entity of an automation that was triggered; None for any other event."""
    try:
        event = json.loads(payload)
        is_one = event["event_type"] == TRIGGERED.decode()
        entity_id = event["event_data"]["entity_id"] if is_one else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return entity_id if isinstance(entity_id, str) else None
