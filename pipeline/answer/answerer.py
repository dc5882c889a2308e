"""Answers questions about suggestions, to whoever awaits the answer below our own topic."""

import asyncio
import re
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, NamedTuple, Self

import structlog
from pydantic import ValidationError

from pipeline.answer.question_bounds import QuestionBounds
from pipeline.backtest.modifier import Modifier
from pipeline.commands.decisions import Altered, ModificationRefusedError
from pipeline.mqtt.names import MQTTError, QoS
from pipeline.mqtt.outbox import EXPIRY_HEADER
from pipeline.runtime.home import reader_of
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings.sections import AnswerSettings
from pipeline.suggestions.assembly import renewed
from pipeline.timing.clock import monotonic_s
from pipeline.wording.suggestions import suggestion_text
from schemas.commands import Answer, Modification, Question
from schemas.instants import from_us
from schemas.messages import QOS
from schemas.suggestions import Status, Suggestion
from schemas.topics import Role, Topics
from sinks.store import StoreUnavailableError

log = structlog.get_logger(__name__)

LARGEST_QUESTION_BYTES = 16_384
LARGEST_ANSWER_BYTES = 900_000
LARGEST_CORRELATION_BYTES = 1_024
WAITING_AT_MOST = 4
FLOOD = "questions"
FLOOD_LOOK_S = 5.0
TOO_MANY = "more is asked than is answered: ask again in a minute"
ASKER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
DATES = ("wanted_dates", "unwanted_dates", "missed_dates")
# Dates of each kind that are told, the last ones: the first of these with which the answer is not too large.
DATES_TOLD = (None, 90, 30, 10, 0)


class Asked(NamedTuple):
    """A question and where its answer goes."""

    question: Question
    topic: str
    correlation: bytes


class AsSent(str):
    """Correlation data as an asker sent it: FastStream encodes text, MQTT allows any bytes."""

    __slots__ = ("sent",)
    sent: bytes

    def __new__(cls, sent: bytes) -> Self:
        made = super().__new__(cls, sent.hex())
        made.sent = sent
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 str's own signature
        """The bytes as they were sent."""
        return self.sent


class Answerer:
    """Answers what is asked on ``ha-ai/query/ask``; backtests come one by one, in a process of their own.

    What is asked above `QuestionBounds` costs next to nothing: it is not read, and few of it are refused in
    words.
    """

    name = Role.ANSWER

    def __init__(self, context: RoleContext[AnswerSettings]) -> None:
        self._context = context
        self._modifier = Modifier(context, reader_of(context.settings))
        self._waiting: asyncio.Queue[Asked] = asyncio.Queue(WAITING_AT_MOST)
        self._bounds = QuestionBounds()

    def subscribers(self) -> Sequence[Subscriber]:
        return [Subscriber(self._context.settings.topics.query_ask, self._take)]

    def loops(self) -> Sequence[Loop]:
        return [self._try_out, self._say_flood]

    async def _take(self, received: IncomingMessage) -> None:
        """Answer a question at once, or let it wait for the backtests before it."""
        topic = self._answer_topic(received)
        if topic is None:
            return
        if not self._bounds.admits(topic, monotonic_s()):
            self._note_flood()
            if self._bounds.tells(monotonic_s()):
                await self._say(refused(TOO_MANY), topic, received.correlation)
            return
        question = _read(received.payload)
        if isinstance(question, Answer):
            await self._say(question, topic, received.correlation)
        elif question.ask == "suggestions":
            began_s = monotonic_s()
            answer = await self._suggestions(question)
            self._bounds.worked(monotonic_s() - began_s)
            await self._say(answer, topic, received.correlation)
        else:
            try:
                self._waiting.put_nowait(Asked(question, topic, received.correlation))
            except asyncio.QueueFull:
                busy = refused("other backtests are waiting: ask again in a minute")
                await self._say(busy, topic, received.correlation)

    def _answer_topic(self, received: IncomingMessage) -> str | None:
        """Return the topic that the answer goes to; None where nobody may be answered."""
        below = self._context.settings.topics.query_answer("")
        topic = received.response_topic
        is_ours = topic.startswith(below) and ASKER.fullmatch(topic.removeprefix(below))
        if is_ours and len(received.correlation) <= LARGEST_CORRELATION_BYTES and not received.retain:
            return topic
        log.info("question not answered: its response topic is not ours, or it was retained")
        return None

    async def _suggestions(self, question: Question) -> Answer:
        statuses = {status.value: status for status in Status}
        unknown = [name for name in question.statuses if name not in statuses]
        if unknown:
            return refused(f"expected statuses out of {', '.join(statuses)}, got another one")
        wanted = [statuses[name] for name in question.statuses]
        found = await self._context.ask(lambda: self._context.store.suggestions.all(*wanted))
        if question.suggestion_id is not None:
            found = [each for each in found if each.id == question.suggestion_id]
        # Of thousands it takes seconds, in which others have their turns.
        return await asyncio.to_thread(fitting, found, self._context.home.zone)

    def _note_flood(self) -> None:
        """Say in health that questions are refused, for as long as they are."""
        if self._bounds.is_flooded(monotonic_s()):
            self._context.health.notices[FLOOD] = (
                f"questions on {self._context.settings.topics.query_ask} come faster than they are answered, "
                f"{self._bounds.refused:,} were refused: see who publishes them"
            )
        else:
            self._context.health.notices.pop(FLOOD, None)

    async def _say_flood(self) -> None:
        """See when a flood is over, until cancelled."""
        while True:
            self._note_flood()
            await asyncio.sleep(FLOOD_LOOK_S)

    async def _try_out(self) -> None:
        """Answer one backtest after the other until cancelled."""
        while True:
            asked = await self._waiting.get()
            try:
                answer = await self._backtest(asked.question)
            except StoreUnavailableError as error:
                log.warning("no backtest: the store is away", error=str(error))
                answer = refused("the store cannot be read just now: ask again in a minute")
            except Exception:
                log.exception("a backtest failed", suggestion=asked.question.suggestion_id)
                answer = refused("the backtest failed: the log of `ha-ai run` says why")
            try:
                await self._say(answer, asked.topic, asked.correlation)
            except (MQTTError, OSError) as error:
                log.info("an answer was lost, the broker is away", error=str(error))

    async def _backtest(self, question: Question) -> Answer:
        store = self._context.store.suggestions
        suggestion = await self._context.ask(lambda: store.get(question.suggestion_id or ""))
        if suggestion is None:
            return refused("there is no suggestion with that id")
        try:
            altered = await self._tried(suggestion, question.change)
        except ModificationRefusedError as error:
            return refused(str(error))
        automation, trial, lived, conflicts = altered
        changed = renewed(
            suggestion,
            automation=automation,
            trial=trial,
            experience=lived,
            conflicts=conflicts,
            now=from_us(self._context.now_us()),
        )
        return fitting([changed], self._context.home.zone)

    async def _tried(self, suggestion: Suggestion, change: Modification | None) -> Altered:
        """Return what a suggestion, changed if it is to be, would have done up to now."""
        if change is not None:
            return await self._modifier.of(suggestion, change)
        trial = await self._modifier.tried(suggestion, suggestion.automation)
        return Altered(suggestion.automation, trial, suggestion.experience, suggestion.conflicts)

    async def _say(self, answer: Answer, topic: str, correlation: bytes) -> None:
        await self._context.broker.publish(
            answer.published(),
            topic,
            qos=QoS(QOS),
            correlation_id=AsSent(correlation) if correlation else None,
            headers={EXPIRY_HEADER: str(Topics.query_answer.expiry_s)},
        )


def refused(why: str) -> Answer:
    """The answer where there is none."""
    return Answer(ok=False, text=why)


def told(suggestion: Suggestion, dates: int | None, zone: tzinfo | None = None) -> dict[str, Any]:
    """A suggestion as it is answered: whole, with the hash that a person approves and what is said of it."""
    plain = suggestion.told(zone)
    if dates is not None:
        for kind in DATES:
            plain["trial"][kind] = plain["trial"][kind][-dates:] if dates else []
    return {**plain, "content_hash": suggestion.content_hash, "text": suggestion_text(suggestion)}


def fitting(suggestions: Sequence[Suggestion], zone: tzinfo | None = None) -> Answer:
    """The answer with these suggestions; where it would be too large, without dates or without the oldest."""
    for dates in DATES_TOLD:
        answer = Answer(ok=True, suggestions=tuple(told(each, dates, zone) for each in suggestions))
        if _fits(answer):
            return answer
    while not _fits(answer):
        newest = answer.suggestions[len(answer.suggestions) // 10 + 1 :]
        text = f"only the newest {len(newest):,} of {len(suggestions):,} are told: name fewer statuses"
        answer = Answer(ok=True, text=text, suggestions=newest)
    return answer


def _fits(answer: Answer) -> bool:
    return len(answer.published()) <= LARGEST_ANSWER_BYTES


def _read(payload: bytes) -> Question | Answer:
    """The question that a payload holds; else the answer that says what was expected."""
    if len(payload) > LARGEST_QUESTION_BYTES:
        return refused(
            f"expected a question of at most {LARGEST_QUESTION_BYTES:,} bytes, got {len(payload):,}"
        )
    try:
        return Question.read(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        return refused(
            f"expected a question, got another payload ({place or 'payload'}: {first['msg'][:200]})"
        )
