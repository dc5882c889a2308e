"""Answers about suggestions: to whom, with what, and how much."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from pipeline.answer import answerer
from pipeline.answer.answerer import (
    LARGEST_ANSWER_BYTES,
    WAITING_AT_MOST,
    Answerer,
    fitting,
)
from pipeline.answer.question_bounds import (
    ANSWERS_A_MINUTE,
    ANSWERS_AT_ONCE,
    ASKERS_AT_MOST,
    QuestionBounds,
)
from pipeline.backtest.runner import BacktestError, BacktestRunner
from pipeline.runtime.role import IncomingMessage, RoleContext
from schemas.commands import Answer
from schemas.suggestions import Status, Suggestion, Trial
from schemas.topics import Role, Topics
from tests.fixtures.hosting import Hosted
from tests.fixtures.offers import offer, pattern, suggestion, trial
from tests.profiles import examples

TOPICS = Topics()
MINE = TOPICS.query_answer("test-1")
ANSWER_S = 20.0
CORRELATION = b"\x00\xff\xfe not text"


@pytest.fixture
def hosted(tmp_path: Path, broker: Any) -> Iterator[Hosted]:
    """A running answerer."""
    running = Hosted(tmp_path, broker.url, {Role.ANSWER: Answerer})
    with capture_logs():
        running.start()
        yield running
        running.stop()


class Asker:
    """Asks, and hears every answer below our topic, whoever it is for."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, payload: object, *, topic: str | None = MINE) -> None:
        """Ask something; what is no bytes goes as JSON."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if topic is not None:
            properties.ResponseTopic = topic
        properties.CorrelationData = CORRELATION
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self._client.publish(TOPICS.query_ask, body, 1, properties=properties)

    async def hear(self) -> aiomqtt.Message:
        """The next answer."""
        async with asyncio.timeout(ANSWER_S):
            return await anext(aiter(self._client.messages))

    async def ask(self, payload: object) -> Answer:
        """Ask something, and return the answer."""
        await self.publish(payload)
        message = await self.hear()
        assert message.topic.value == MINE
        return Answer.model_validate_json(message.payload)


@asynccontextmanager
async def asking(broker: Any) -> AsyncIterator[Asker]:
    """Somebody who asks."""
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe([(TOPICS.query_answer("#"), 1), ("elsewhere/#", 1)])
        yield Asker(client)


async def test_suggestions_come_with_their_hash_and_the_correlation_data(hosted: Hosted, broker: Any) -> None:
    """Whoever asks gets the whole suggestions with what is approved, and the bytes that were sent."""
    known = suggestion()
    hosted.keep(known)
    async with asking(broker) as asker:
        await asker.publish({"ask": "suggestions"})
        message = await asker.hear()
    assert message.properties is not None
    assert message.properties.CorrelationData == CORRELATION  # type: ignore[attr-defined]
    told = Answer.model_validate_json(message.payload).suggestions[0]
    assert told.pop("content_hash") == known.content_hash
    assert told.pop("text").startswith(known.title)
    assert told == known.told()
    assert Suggestion.model_validate(told).content_hash == known.content_hash


async def test_suggestions_of_some_statuses(hosted: Hosted, broker: Any) -> None:
    """Only suggestions of the named statuses are told; an unknown status is an error."""
    rejected = suggestion(offer("light.bath"), status=Status.REJECTED)
    hosted.keep(suggestion(), rejected)
    async with asking(broker) as asker:
        answer = await asker.ask({"ask": "suggestions", "statuses": ["rejected", "retired"]})
        assert [each["id"] for each in answer.suggestions] == [rejected.id]
        assert len((await asker.ask({"ask": "suggestions"})).suggestions) == 2
        one = await asker.ask({"ask": "suggestions", "suggestion_id": rejected.id})
        assert [each["id"] for each in one.suggestions] == [rejected.id]
        unknown = await asker.ask({"ask": "suggestions", "statuses": ["lost"]})
    assert not unknown.ok
    assert "expected statuses out of pending, approved" in unknown.text


@pytest.mark.parametrize(
    "topic",
    [
        None,
        "elsewhere/answers",
        TOPICS.query_answer(""),
        TOPICS.query_answer("a/b"),
        TOPICS.query_answer("a b"),
        "ha-ai/commands/automation/deploy",
        "ha-ai/query/answers/x",
        "villa/" + TOPICS.query_answer("x"),
        TOPICS.query_answer("x" * 65),
    ],
)
@pytest.mark.usefixtures("hosted")
async def test_answers_go_nowhere_else(broker: Any, topic: str | None) -> None:
    """A response topic that is not exactly one level below ours gets no answer; the next question does."""
    async with asking(broker) as asker:
        await asker.publish({"ask": "suggestions"}, topic=topic)
        assert (await asker.ask({"ask": "suggestions"})).ok


async def test_retained_question_is_not_answered(tmp_path: Path, broker: Any) -> None:
    """What the broker had retained was asked by nobody now."""
    made: list[Answerer] = []

    def make(desk: RoleContext) -> Answerer:
        made.append(Answerer(desk))
        return made[0]

    running = Hosted(tmp_path, broker.url, {Role.ANSWER: make})
    with capture_logs():
        running.start()
        async with asking(broker) as asker:
            subscriber = made[0].subscribers()[0]
            live = IncomingMessage(
                subscriber.topic_filter, b'{"ask": "suggestions"}', False, MINE, b"live", 0
            )
            await running.hand(subscriber, live._replace(retain=True, correlation=b"retained"))
            await running.hand(subscriber, live)
            message = await asker.hear()
        running.stop()
    assert message.properties is not None
    assert message.properties.CorrelationData == b"live"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "expected a question"),
        (b"\xff\xfe", "expected a question"),
        (b"[]", "expected a question"),
        (b'{"ask": "everything"}', "ask: "),
        (b'{"ask": "suggestions", "more": 1}', "more: "),
        (b'{"ask": "suggestions", "statuses": ["' + b"x" * 17_000 + b'"]}', "at most 16,384 bytes"),
        (b"[" * 16_000, "expected a question"),
    ],
)
@pytest.mark.usefixtures("hosted")
async def test_malformed_question_is_answered_with_why(broker: Any, payload: bytes, why: str) -> None:
    """A payload that is no question is answered with what was expected."""
    async with asking(broker) as asker:
        answer = await asker.ask(payload)
    assert not answer.ok
    assert why in answer.text
    assert len(answer.text) < 400


def stub_trial(monkeypatch: pytest.MonkeyPatch, outcome: Trial | BacktestError) -> list[Any]:
    """Let every trial end so; return what is tried."""
    tried: list[Any] = []

    async def try_out(_self: BacktestRunner, _pattern: object, automation: object) -> Trial:
        tried.append(automation)
        if isinstance(outcome, BacktestError):
            raise outcome
        return outcome

    monkeypatch.setattr(BacktestRunner, "try_out", try_out)
    return tried


def know(hosted: Hosted, known: Suggestion) -> None:
    """Have a suggestion in the store, and the pattern that it follows."""
    hosted.keep(known)
    with hosted.store.begin() as transaction:
        transaction.save_patterns([pattern()], at_us=0)


async def test_backtest_of_what_was_suggested(
    hosted: Hosted, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was suggested is tried again as it stands; what is stored stays as it is."""
    known, outcome = suggestion(), trial(0.5)
    know(hosted, known)
    tried = stub_trial(monkeypatch, outcome)
    async with asking(broker) as asker:
        answer = await asker.ask({"ask": "backtest", "suggestion_id": known.id})
    assert answer.ok, answer.text
    assert tried == [known.automation]
    assert answer.suggestions[0]["trial"] == outcome.told()
    assert hosted.store.suggestions.get(known.id) == known


async def test_backtest_of_a_change(hosted: Hosted, broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be another way is tried, told in words, and not kept."""
    known = suggestion()
    know(hosted, known)
    tried = stub_trial(monkeypatch, trial())
    async with asking(broker) as asker:
        question = {"ask": "backtest", "suggestion_id": known.id, "change": {"minute": 500}}
        answer = await asker.ask(question)
    assert answer.ok, answer.text
    assert tried[0].trigger.minute == 500
    assert "08:20" in answer.suggestions[0]["title"]
    assert hosted.store.suggestions.get(known.id) == known


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "no suggestion with that id"),
        ({"suggestion_id": "f" * 16}, "no suggestion with that id"),
        ({"suggestion_id": suggestion().id, "change": {"offset_minutes": 5}}, "time of the clock"),
        ({"suggestion_id": suggestion().id, "change": {}}, "say what is to be another way"),
        ({"suggestion_id": suggestion().id}, "it could not be tried on the past: it took too long"),
    ],
)
async def test_backtest_that_cannot_be(
    hosted: Hosted, broker: Any, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], why: str
) -> None:
    """What cannot be tried is answered with the reason."""
    know(hosted, suggestion())
    stub_trial(monkeypatch, BacktestError("it took too long"))
    async with asking(broker) as asker:
        answer = await asker.ask({"ask": "backtest", **asked})
    assert not answer.ok
    assert why in answer.text


async def test_backtest_of_a_forgotten_habit(hosted: Hosted, broker: Any) -> None:
    """Without the habit there is nothing that could be wanted or not."""
    hosted.keep(suggestion())
    async with asking(broker) as asker:
        answer = await asker.ask({"ask": "backtest", "suggestion_id": suggestion().id})
    assert (answer.ok, answer.text) == (False, "the habit that it follows is not known any more")


async def test_backtests_wait_for_one_another_and_hold_up_nothing(
    hosted: Hosted, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is tried at a time, some wait, more are told to come again; lists are told meanwhile."""
    know(hosted, suggestion())
    at_work, release, most = [], asyncio.Event(), [0]
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    async def try_out(*_: object) -> Trial:
        at_work.append(1)
        most[0] = max(most[0], len(at_work))
        loop.call_soon_threadsafe(begun.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(release.wait(), loop))
        at_work.pop()
        return trial()

    monkeypatch.setattr(BacktestRunner, "try_out", try_out)
    question = {"ask": "backtest", "suggestion_id": suggestion().id}
    async with asking(broker) as asker:
        await asker.publish(question)
        async with asyncio.timeout(ANSWER_S):
            await begun.wait()
        for _ in range(WAITING_AT_MOST):
            await asker.publish(question)
        busy = await asker.ask(question)
        assert (busy.ok, busy.text) == (False, "other backtests are waiting: ask again in a minute")
        assert len((await asker.ask({"ask": "suggestions"})).suggestions) == 1
        release.set()
        for _ in range(WAITING_AT_MOST + 1):
            assert Answer.model_validate_json((await asker.hear()).payload).ok
    assert most == [1]


async def test_flood_of_questions_is_refused_cheaply_and_others_are_answered(
    tmp_path: Path, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks under one name has a part of the answers; few refusals are said, and health tells of them."""
    monkeypatch.setattr(answerer, "FLOOD_LOOK_S", 0.05)
    desks: list[RoleContext] = []
    reads: list[int] = []
    now_s = [100.0]
    monkeypatch.setattr(answerer, "monotonic_s", lambda: now_s[0])

    def make(desk: RoleContext) -> Answerer:
        desks.append(desk)
        return Answerer(desk)

    running = Hosted(tmp_path, broker.url, {Role.ANSWER: make})
    ask = RoleContext.ask

    async def counted(self: RoleContext, call: Any) -> Any:
        reads.append(1)
        return await ask(self, call)

    monkeypatch.setattr(RoleContext, "ask", counted)
    with capture_logs():
        running.start()
        async with asking(broker) as asker:
            for _ in range(500):
                await asker.publish({"ask": "suggestions"})
            said = [Answer.model_validate_json((await asker.hear()).payload) for _ in range(40)]
            assert [each.ok for each in said] == [True] * 20 + [False] * 20
            assert said[-1].text == answerer.TOO_MANY
            await asker.publish({"ask": "suggestions"}, topic=TOPICS.query_answer("other"))
            other = await asker.hear()
            assert other.topic.value == TOPICS.query_answer("other")
            assert len(reads) == 21
            notices = desks[0].health.notices
            assert "480 were refused" in notices[answerer.FLOOD]
            now_s[0] += 61.0
            async with asyncio.timeout(ANSWER_S):
                while answerer.FLOOD in notices:  # noqa: ASYNC110 another thread takes it away
                    await asyncio.sleep(0.05)
            assert (await asker.ask({"ask": "suggestions"})).ok
        running.stop()


def test_askers_under_ever_new_names_share_what_all_have() -> None:
    """And the memory of them is bounded."""
    bounds = QuestionBounds()
    assert sum(bounds.admits(f"name{number}", 0.0) for number in range(5_000)) == ANSWERS_AT_ONCE
    assert len(bounds._askers) <= ASKERS_AT_MOST
    admitted = sum(bounds.admits(f"later{number}", number / 100) for number in range(60_000))
    assert 9 * ANSWERS_A_MINUTE <= admitted <= 11 * ANSWERS_A_MINUTE


def test_answers_take_no_more_than_a_part_of_the_time() -> None:
    """Where each takes seconds, fewer are given."""
    bounds, now_s, work_s = QuestionBounds(), 0.0, 0.0
    while now_s < 3_600:
        if bounds.admits("one", now_s):
            bounds.worked(2.0)
            now_s += 2.0
            work_s += 2.0
        now_s += 0.5
    assert work_s <= 12 + 3_600 / 10 + 2


@given(st.integers(1, 400), st.integers(0, 2_000))
@settings(max_examples=examples(8))
def test_answers_are_bounded(count: int, dates: int) -> None:
    """However much there is, an answer stays small: dates are left out first, then the oldest suggestions."""
    first = trial().first_day
    days = tuple(first + timedelta(number % 365) for number in range(dates))
    known = [
        suggestion(trial=trial(wanted_dates=days, missed_dates=days)).model_copy(
            update={"id": f"{number:016}"}
        )
        for number in range(count)
    ]
    answer = fitting(known)
    assert len(answer.model_dump_json().encode()) <= LARGEST_ANSWER_BYTES
    assert answer.suggestions[-1]["id"] == known[-1].id
    assert len(answer.suggestions) == count or answer.text.startswith("only the newest")
