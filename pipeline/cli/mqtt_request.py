"""Questions and commands over MQTT, and what comes back."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import ceil
from typing import TypeVar

from pydantic import ValidationError

from pipeline.cli import UserError
from pipeline.mqtt.terminal_client import Message, MqttError, PacketTypes, Properties, TerminalClient
from pipeline.settings import Settings
from schemas.commands import Answer, Question, SignedCommand
from schemas.payload import Schema
from schemas.topics import Topics

T = TypeVar("T")
S = TypeVar("S", bound=Schema)

ANSWER_S = 10.0
# As long as the whole past may take to be tried again, and a moment more.
TRIED_S = 330.0
CORRELATION_BYTES = 8
UNREAD_AT_MOST = 1_000


class Conversation:
    """A connection on which answers are awaited; what comes before it is awaited is kept until it is."""

    def __init__(self, client: TerminalClient, topics: Topics, answers: str) -> None:
        self.topics = topics
        self._client = client
        self._answers = answers
        self._unread: list[Message] = []

    async def ask(self, question: Question, *, timeout_s: float) -> Answer:
        """Ask, and return the answer; one that is no answer is a `UserError`."""
        correlation = secrets.token_bytes(CORRELATION_BYTES)
        properties = _properties(ceil(timeout_s))
        properties.ResponseTopic = self._answers
        properties.CorrelationData = correlation
        await self._publish(self.topics.query_ask, question, properties)

        def read(message: Message) -> Answer | None:
            sent = getattr(message.properties, "CorrelationData", None)
            return said(message, self._answers, Answer) if sent == correlation else None

        answer = await self.hear(read, timeout_s=timeout_s)
        if answer is None:
            raise unanswered(timeout_s, "answer")
        return answer

    async def command(self, topic: str, command: SignedCommand) -> None:
        """Publish a signed command; it expires with its signature."""
        await self._publish(
            topic, command, _properties((command.expires_at_ms - command.issued_at_ms) // 1000)
        )

    async def hear(self, read: Callable[[Message], T | None], *, timeout_s: float) -> T | None:
        """Return the first message that can be read so; None where none came in time."""
        for place, message in enumerate(self._unread):
            if (found := read(message)) is not None:
                del self._unread[place]
                return found
        try:
            async with asyncio.timeout(timeout_s):
                async for message in self._client.messages:
                    # What is retained was said before we asked.
                    if message.retain:
                        continue
                    if (found := read(message)) is not None:
                        return found
                    self._unread = [*self._unread, message][-UNREAD_AT_MOST:]
        except TimeoutError:
            return None
        return None

    async def _publish(self, topic: str, payload: Schema, properties: Properties) -> None:
        await self._client.publish(topic, payload.exact().encode(), 1, properties=properties)
        if self._client.refusal is not None:
            raise UserError(f"expected the broker to take a message on {topic}, got: {self._client.refusal}")


def said(message: Message, topic: str, model: type[S]) -> S | None:
    """Return what a message on a topic says; None where it is on another one, or says something else."""
    if message.topic.value != topic:
        return None
    try:
        return model.model_validate_json(message.payload or b"")
    except ValidationError:
        return None


def unanswered(timeout_s: float, consumer: str) -> UserError:
    """Return the error for somebody who waited in vain."""
    return UserError(
        f"no answer within {timeout_s:g} s: is `ha-ai run` running, with its consumer {consumer}?"
    )


def converse(settings: Settings, work: Callable[[Conversation], Awaitable[int]]) -> int:
    """Connect, do the work, and return its exit code."""

    async def run() -> int:
        async with _connected(settings) as conversation:
            return await work(conversation)

    try:
        return asyncio.run(run())
    except MqttError as error:
        raise UserError(f"expected an MQTT broker at {settings.broker_url}, got: {error}") from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Conversation]:
    topics = settings.topics
    answers = topics.query_answer(secrets.token_hex(CORRELATION_BYTES))
    heard = (answers, topics.suggestion_answered, topics.automation_executed, topics.automation_failed)
    async with TerminalClient(settings) as client:
        await client.subscribe([(topic, 1) for topic in heard])
        yield Conversation(client, topics, answers)


def _properties(expiry_s: int) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = expiry_s
    return properties
