"""Reviews suggestions: takes signed commands and confirmed presses, and decides what comes of them."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from pipeline.backtest.modifier import Modifier
from pipeline.commands.decisions import ModificationRefusedError, Order, Outcome, decide
from pipeline.commands.presses import PressError, read_press
from pipeline.commands.refusal_book import UNKNOWN
from pipeline.commands.signing import CommandError, Fault, verified
from pipeline.review.confirmation import Confirmation
from pipeline.review.decision_writer import DecisionWriter, Preconditions, Refusal, replay
from pipeline.runtime.batching import Together
from pipeline.runtime.home import catalogue_of, reader_of
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.runtime.nonces import Taken
from pipeline.runtime.role import AT_ONCE, IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings.groups import KeySettings
from pipeline.settings.sections import ReviewSettings
from schemas.commands import Modification, Press, Verb
from schemas.suggestions import Suggestion
from schemas.topics import Role
from sinks.store import StoreUnavailableError

log = structlog.get_logger(__name__)

COMMANDS = (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY)
SUM_UP_S = 15.0
# Which process refuses: drawn once, since the system's randomness for each message of a flood takes time.
REFUSER = secrets.token_hex(8)
_refused = itertools.count()


class Reviewer:
    """Lets people decide on suggestions, each decision once, and writes down who decided what.

    A command counts if it is signed with the key, a press if Home Assistant confirms that a person pressed
    that button just now; nothing that was retained counts. Status, deployment, feedback, audit entry and all
    messages are one transaction, so that a kill or a second reviewer changes nothing.
    """

    name = Role.REVIEW

    def __init__(self, context: RoleContext[ReviewSettings]) -> None:
        self._context = context
        self._key, self._keyless = _key_of(context.settings)
        self._writer = DecisionWriter(context.store, context.settings, context.home.zone, self._key)
        self._reader = reader_of(context.settings)
        self._confirmation = Confirmation(self._reader, context.now_us)
        self._modifier = Modifier(context, self._reader)
        self._enter = Together(context.commit, self._writer.refuse)
        self._find = Together(context.ask, self._found)
        self._taken = Taken()
        self._turns = {verb: asyncio.Lock() for verb in COMMANDS}

    def subscribers(self) -> Sequence[Subscriber]:
        topics = self._context.settings.topics
        commands = [
            Subscriber(
                topics.suggestion_command(verb.value), partial(self._take_command, verb), at_once=AT_ONCE
            )
            for verb in COMMANDS
        ]
        return [*commands, Subscriber(topics.press, self._take_press, at_once=AT_ONCE)]

    def loops(self) -> Sequence[Loop]:
        return [self._sum_up]

    async def _take_command(self, verb: Verb, received: IncomingMessage) -> None:
        if received.retain:
            await self._refuse(_retained(received))
            return
        if self._keyless:
            await self._refuse(_not_a_command(CommandError(Fault.NO_KEY, self._keyless), received))
            return
        try:
            command = verified(received.payload, verb, self._key, self._context.now_us() // 1000)
        except CommandError as error:
            await self._refuse(_not_a_command(error, received))
            return
        order = Order.of_command(command)
        with self._taken.once(command.nonce) as is_first:
            if not is_first:
                await self._refuse(replay(order, received.topic))
                return
            # What is signed is carried out in its order; nothing that is forged or replayed waits here.
            async with self._turns[verb]:
                await self._settle(order, received)

    async def _take_press(self, received: IncomingMessage) -> None:
        if received.retain:
            await self._refuse(_retained(received))
            return
        if self._keyless:
            await self._refuse(_not_a_press(PressError(Fault.NO_KEY.value, self._keyless), None, received))
            return
        press: Press | None = None
        try:
            press = read_press(received.payload)
            order = await self._confirmed(press)
        except PressError as error:
            await self._refuse(_not_a_press(error, press, received))
            return
        await self._settle(order, received)

    async def _confirmed(self, press: Press) -> Order:
        """Return what a press wants, if a person pressed; Home Assistant is asked only where it matters."""
        self._confirmation.refuse_repeated(press)
        suggestion = await self._find(press.suggestion_id)
        bare = Order.of_press(press, "", "")
        decision = decide(suggestion, bare, is_undone=False)
        if suggestion is None or decision.code in ("unknown", "changed"):
            raise PressError(decision.code, decision.text)
        return Order.of_press(press, *await self._confirmation.of(press, suggestion))

    async def _settle(self, order: Order, received: IncomingMessage) -> None:
        preconditions = await self._preconditions(order)
        now_us = self._context.now_us()
        decision = await self._context.commit(
            lambda: self._writer.settle(order, received.topic, preconditions, now_us)
        )
        log.log(
            logging.INFO if decision.outcome is Outcome.DONE else logging.DEBUG,
            "reviewed",
            suggestion=order.suggestion_id,
            verb=order.said,
            person=order.person,
            came=decision.outcome.value,
            why=decision.code,
        )

    async def _preconditions(self, order: Order) -> Preconditions:
        """Return what has to be known before an order can be carried out; empty where it will not be."""
        store = self._context.store.suggestions
        suggestion = await self._context.ask(lambda: store.get(order.suggestion_id))
        if suggestion is None or decide(suggestion, order, is_undone=False).outcome is not Outcome.DONE:
            return Preconditions()
        if order.verb is Verb.APPROVE:
            return Preconditions(for_content=order.content_hash, catalogue=await catalogue_of(self._reader))
        if order.verb is not Verb.MODIFY:
            return Preconditions(for_content=order.content_hash)
        # Trying it out takes seconds: whoever sends a command again must not get them again.
        if await self._context.ask(lambda: store.is_used(order.nonce)):
            return Preconditions()
        try:
            altered = await self._modifier.of(suggestion, order.change or Modification())
        except ModificationRefusedError as error:
            return Preconditions(for_content=order.content_hash, refusal=error)
        return Preconditions(for_content=order.content_hash, altered=altered)

    async def _refuse(self, refusal: Refusal) -> None:
        """Enter what does not count, together with all else that came by then."""
        await self._enter((refusal, self._context.now_us()))
        log.debug("refused", topic=refusal.topic, why=refusal.code)

    def _found(self, suggestion_ids: Sequence[str]) -> list[Suggestion | None]:
        found = self._context.store.suggestions.some(set(suggestion_ids))
        return [found.get(each) for each in suggestion_ids]

    async def _sum_up(self) -> None:
        """Enter what a flood left to be counted, until cancelled."""
        while True:
            await asyncio.sleep(SUM_UP_S)
            now_us = self._context.now_us()
            try:
                await self._context.ask(partial(self._writer.sum_up, now_us))
            except StoreUnavailableError as error:
                log.warning("not summed up yet, the store is away", error=str(error))


def _retained(received: IncomingMessage) -> Refusal:
    return Refusal(received.topic, "retained", "expected a message of now, got one that was retained")


def _key_of(settings: KeySettings) -> tuple[bytes, str]:
    """Return the key, and why nothing can be decided where it cannot be used."""
    try:
        return load_key(settings.command_key_file, create=True), ""
    except KeyFileError as error:
        log.error("nobody can approve or reject anything", error=str(error))  # noqa: TRY400 the error says it
        return b"", f"the key that signs commands cannot be used ({error}); `ha-ai doctor` says what to do"


def _not_a_command(error: CommandError, received: IncomingMessage) -> Refusal:
    """A refusal that is answered to whoever it claims to come from; it is known of nobody."""
    claimed = error.claimed
    if claimed is None:
        return Refusal(received.topic, error.fault.value, str(error))
    order = replace(Order.of_command(claimed), nonce=_nonce())
    words = f"{error}; it says that it comes from {claimed.approver}"
    return Refusal(received.topic, error.fault.value, words, UNKNOWN, claimed.suggestion_id, order)


def _not_a_press(error: PressError, press: Press | None, received: IncomingMessage) -> Refusal:
    if press is None:
        return Refusal(received.topic, error.code, str(error))
    order = Order.of_press(press, UNKNOWN, _nonce())
    return Refusal(received.topic, error.code, str(error), UNKNOWN, press.suggestion_id, order)


def _nonce() -> str:
    """Return a nonce that keeps answers to refused messages apart; it is not kept, and lets nothing count."""
    return f"refused:{REFUSER}{next(_refused):x}"
