"""Messages of somebody who may publish anything, none of which may count."""

import random
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, NamedTuple

from benchmarks.review_desk import ReviewDesk, button, show
from pipeline.commands.signing import sign
from schemas.commands import LONGEST_VALIDITY_MS, Press, PressVerb, SignedCommand, Verb
from schemas.instants import from_us
from schemas.suggestions import Suggestion
from tests.sinks.fake_home_assistant import READER_ID, FakeHomeAssistant

VERBS = (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY)
LONG_AGO_US = 600_000_000
NEVER = "unknown"


class Forgery(NamedTuple):
    """A message that must not count."""

    kind: str
    topic: str
    payload: bytes
    retain: bool = False


class Forger:
    """Makes messages of somebody who may publish anything, and has seen all that others published.

    The last of the suggestions has been put off by a command that counted, and waits like all others.
    """

    def __init__(self, desk: ReviewDesk, suggestions: list[Suggestion], seed: int) -> None:
        self._desk = desk
        self._suggestions = suggestions
        self._random = random.Random(seed)
        self._counted: list[SignedCommand] = []

    async def watch_one_that_counts(self) -> None:
        """Let one command be sent that counts, to have what to replay."""
        command = self._desk.command(Verb.NOT_NOW, self._suggestions[-1])
        await self._desk.send(command)
        self._counted.append(command)

    def forgeries(self) -> Iterator[Forgery]:
        """Yield a message of each kind in turn, without end."""
        makers: tuple[Callable[[], Forgery], ...] = (
            self._forged,
            self._mutated,
            self._replayed,
            self._expired,
            self._retained,
            self._pressed,
            self._pressed_and_retained,
        )
        for make in cycle(makers):
            yield make()

    def _forged(self) -> Forgery:
        """Signed with another key, not signed, or signed for another verb."""
        command = self._command()
        forged = self._random.choice(
            [sign(command, self._random.randbytes(32)), command.model_copy(update={"signature": "0" * 64})]
        )
        if self._random.random() < 1 / 3:
            other = next(verb for verb in VERBS if verb is not command.verb)
            return self._sent("forged", command, verb=other)
        return self._sent("forged", forged)

    def _mutated(self) -> Forgery:
        """One byte is another."""
        command = self._command()
        content = bytearray(command.exact().encode())
        content[self._random.randrange(len(content))] ^= self._random.randrange(1, 256)
        return Forgery("mutated", self._topic(command.verb), bytes(content))

    def _replayed(self) -> Forgery:
        return self._sent("replayed", self._random.choice(self._counted))

    def _expired(self) -> Forgery:
        """Too old, valid for too long, or of a time to come."""
        now_ms = self._desk.desk.now_us() // 1000
        begin_ms, end_ms = self._random.choice(
            [
                (now_ms - LONGEST_VALIDITY_MS - 1, now_ms - 1),
                (now_ms, now_ms + LONGEST_VALIDITY_MS + 1),
                (now_ms + LONGEST_VALIDITY_MS, now_ms + 2 * LONGEST_VALIDITY_MS),
            ]
        )
        return self._sent("expired", self._command(issued_at_ms=begin_ms, expires_at_ms=end_ms))

    def _retained(self) -> Forgery:
        return self._sent("retained", self._command())._replace(retain=True)

    def _pressed(self) -> Forgery:
        """What a button publishes, without anybody having pressed it."""
        suggestion = self._random.choice(self._suggestions)
        verb = self._random.choice(list(PressVerb))
        press = Press(suggestion_id=suggestion.id, verb=verb, content_hash=suggestion.content_hash)
        return Forgery("bare press", self._desk.topics.press, press.exact().encode())

    def _pressed_and_retained(self) -> Forgery:
        return self._pressed()._replace(kind="retained press", retain=True)

    def _command(self, **fields: Any) -> SignedCommand:
        verb, suggestion = self._random.choice(VERBS), self._random.choice(self._suggestions)
        return self._desk.command(verb, suggestion, **fields)

    def _sent(self, kind: str, command: SignedCommand, *, verb: Verb | None = None) -> Forgery:
        return Forgery(kind, self._topic(verb or command.verb), command.exact().encode())

    def _topic(self, verb: Verb) -> str:
        return self._desk.topics.suggestion_command(verb.value)


def put_buttons(home: FakeHomeAssistant, suggestions: list[Suggestion], now_us: int) -> None:
    """Let each suggestion have its buttons: pressed never, long ago, or now by an automation."""
    long_ago = from_us(now_us - LONG_AGO_US).isoformat()
    pressed = {PressVerb.REJECT: (long_ago, READER_ID), PressVerb.UNDO: (from_us(now_us).isoformat(), None)}
    for suggestion in suggestions:
        show(home, suggestion)
        for verb in PressVerb:
            home.change(button(verb, suggestion), *pressed.get(verb, (NEVER, None)))
