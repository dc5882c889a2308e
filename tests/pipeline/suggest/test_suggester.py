import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.backtest.runner import BacktestError, BacktestRequest, BacktestResult, BacktestRunner
from pipeline.runtime.role import IncomingMessage, RoleContext
from pipeline.settings import Settings
from pipeline.suggest import suggester as module
from pipeline.suggest.plan import Planner
from pipeline.suggest.suggester import Suggester
from pipeline.suggestions.assembly import Offer
from pipeline.suggestions.selection import NOT_COMPARED
from schemas.catalogue import Catalogue, KnownAutomation, KnownEntity
from schemas.home import Home
from schemas.instants import to_us
from schemas.statuses import AnalysisComplete
from schemas.suggestions import (
    Opinion,
    Status,
    Suggestion,
    SuggestionChanged,
    SuggestionGenerated,
    Trial,
)
from sinks.home_assistant import HomeAssistantReader, Refused, Unreachable
from sinks.store import SqlStore, StoreUnavailableError
from sinks.store.audit import check
from tests.fixtures.offers import NOW, automation, offer, opinion, suggestion, trial
from tests.sinks.conftest import postgresql_server, postgresql_url, sqlite_url, url

__all__ = ["postgresql_server", "postgresql_url", "sqlite_url", "url"]

TIMEOUT_S = 20.0
NAMES = [f"light.l{number}" for number in range(8)]


@dataclass
class Clock(RoleContext):
    """A desk whose time stands still until it is moved."""

    now: datetime = NOW

    def now_us(self) -> int:
        return to_us(self.now)


@dataclass
class Bench(BacktestRunner):
    """A workshop that has tried everything before."""

    offers: Sequence[Offer] = ()
    patterns: dict[str, bool] = field(default_factory=dict)
    again: Trial | None = None
    error: Exception | None = None
    asked: list[tuple[float, list[str]]] = field(default_factory=list)

    async def examine(
        self, minimum_confidence: float, attempts: Sequence[BacktestRequest] = ()
    ) -> BacktestResult:
        self.asked.append((minimum_confidence, [attempt.id for attempt in attempts]))
        if self.error is not None:
            raise self.error
        patterns = {each.pattern.id: False for each in self.offers} | self.patterns
        tried = {each.id: self.again for each in attempts if self.again}
        return BacktestResult(patterns=patterns, offers=tuple(self.offers), trials=tried)


@pytest.fixture
def clock(desk: RoleContext) -> Clock:
    """A desk at noon."""
    return Clock(desk.settings, desk.home, desk.store, desk.thread, desk.broker)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is quiet at once."""
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    monkeypatch.setattr(module, "REPLAY_QUIET_S", 0.2)
    monkeypatch.setattr(module, "START_QUIET_S", 0.05)
    monkeypatch.setattr(module, "JUDGED_WITHIN_S", 0.05)


def learned(store: SqlStore, *offers: Offer) -> None:
    """Let patterns be active."""
    with store.begin() as transaction:
        transaction.save_patterns([each.pattern for each in offers], 0)


def lost(store: SqlStore, of: Offer, at: datetime) -> None:
    """Let a pattern be active no more."""
    gone = of.pattern.model_copy(update={"status": "retired"})
    with store.begin() as transaction:
        transaction.save_patterns([gone], to_us(at))


def keep(store: SqlStore, *suggestions: Suggestion) -> None:
    """Let suggestions be known."""
    with store.begin() as transaction:
        for each in suggestions:
            assert transaction.suggestions.add(each)


def said(store: SqlStore) -> list[SuggestionGenerated | SuggestionChanged]:
    """What waits in the outbox, each with a message id of its own."""
    messages = store.pending(1000)
    assert len({message.id for message in messages}) == len(messages)
    kinds: dict[str, Any] = {
        "ha-ai/events/suggestion/generated": SuggestionGenerated,
        "ha-ai/events/suggestion/changed": SuggestionChanged,
    }
    return [kinds[message.topic].model_validate_json(message.payload) for message in messages]


def analysis(day: date) -> IncomingMessage:
    """The message that a day was judged."""
    payload = AnalysisComplete(
        message_id="m",
        home="home",
        day=day,
        events=1,
        patterns_active=1,
        patterns_changed=0,
        duration_ms=1,
    )
    return received(payload.model_dump_json().encode())


def received(payload: bytes = b"", *, retain: bool = False) -> IncomingMessage:
    """A message."""
    return IncomingMessage("ha-ai/x", payload, retain, "", b"", 0)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 what is waited for tells nobody
            await asyncio.sleep(0.01)


async def test_the_best_are_suggested_within_the_budget(clock: Clock) -> None:
    """Of eight offers three are kept and told, with words and proof, and each stands in the audit log."""
    offers = [offer(name, trial=trial(per_day=1 + number)) for number, name in enumerate(NAMES)]
    await Suggester(clock, runner=Bench(offers=offers)).run_once()
    known = clock.store.suggestions.all()
    assert {each.automation.actions[0].entity_id for each in known} == set(NAMES[-3:])
    assert all(each.status is Status.PENDING and each.created_at == NOW for each in known)
    messages = said(clock.store)
    best = sorted(known, key=lambda each: each.trial.regret)
    assert [message.suggestion.told(UTC) for message in messages] == [each.told(UTC) for each in best]  # type: ignore[union-attr]
    assert all("30 days" in message.text for message in messages)
    entries = clock.store.suggestions.audit()
    assert [(entry.actor, entry.what) for entry in entries] == [("ha-ai", "suggested")] * 3
    assert {entry.subject for entry in entries} == {each.id for each in known}
    assert check("home", entries) is None


async def test_running_again_changes_nothing(clock: Clock) -> None:
    """The same offers a second time, and by another suggester, make nothing anew and say nothing."""
    bench = Bench(offers=[offer(name) for name in NAMES[:2]])
    await Suggester(clock, runner=bench).run_once()
    before = (clock.store.suggestions.all(), said(clock.store), clock.store.suggestions.audit())
    for _ in range(2):
        await Suggester(clock, runner=bench).run_once()
    assert (clock.store.suggestions.all(), said(clock.store), clock.store.suggestions.audit()) == before


async def test_the_budget_is_one_for_a_local_day(clock: Clock) -> None:
    """Three on one day, the next three after the home's midnight."""
    suggester = Suggester(clock, runner=Bench(offers=[offer(name) for name in NAMES]))
    await suggester.run_once()
    clock.now = NOW + timedelta(hours=10, minutes=59)
    await suggester.run_once()
    assert len(clock.store.suggestions.all()) == 3
    clock.now = NOW + timedelta(hours=11)
    await suggester.run_once()
    assert len(clock.store.suggestions.all()) == 6


async def test_what_a_person_set_comes_before_the_setting(clock: Clock) -> None:
    """The number in Home Assistant is the bar, for what is proposed and for what is kept."""
    bench = Bench(offers=[offer(share=0.85)])
    with clock.store.begin() as transaction:
        transaction.suggestions.set_control("minimum_confidence", 0.9)
    await Suggester(clock, runner=bench).run_once()
    assert (bench.asked, clock.store.suggestions.all()) == ([(0.9, [])], [])
    with clock.store.begin() as transaction:
        transaction.suggestions.set_control("minimum_confidence", 0.8)
    await Suggester(clock, runner=bench).run_once()
    assert len(clock.store.suggestions.all()) == 1


@pytest.mark.parametrize("status", [Status.REJECTED, Status.RETIRED, Status.DEPLOYED])
async def test_a_dismissal_lasts(clock: Clock, status: Status) -> None:
    """What people settled is not suggested again, however often and how much later it is offered."""
    settled = suggestion(status=status)
    keep(clock.store, settled)
    with clock.store.begin() as transaction:
        transaction.suggestions.say(opinion(Opinion.UNDONE, settled.id))
    suggester = Suggester(clock, runner=Bench(offers=[offer(share=0.99)]))
    for days in (0, 1, 300):
        clock.now = NOW + timedelta(days=days)
        await suggester.run_once()
    assert clock.store.suggestions.all() == [settled]
    assert said(clock.store) == []


async def test_what_waits_is_tried_again(clock: Clock) -> None:
    """A pending suggestion does worse: it gets its new trial, and whoever shows it hears of it."""
    keep(clock.store, waiting := suggestion())
    learned(clock.store, offer())
    bench = Bench(patterns={waiting.pattern_id: False}, again=trial(0.8))
    clock.now = NOW + timedelta(days=1)
    await Suggester(clock, runner=bench).run_once()
    assert bench.asked == [(0.75, [waiting.id])]
    (found,) = clock.store.suggestions.all()
    assert (found.trial, found.version, found.updated_at) == (trial(0.8), 1, clock.now)
    (message,) = said(clock.store)
    assert isinstance(message, SuggestionChanged)
    assert (message.status, message.suggestion_id) == (Status.PENDING, waiting.id)
    assert [entry.what for entry in clock.store.suggestions.audit()] == ["renewed"]


async def test_what_nothing_speaks_for_is_retired(clock: Clock) -> None:
    """The habit is over: the suggestion is retired, the reason is told and stands in the audit log."""
    keep(clock.store, suggestion())
    await Suggester(clock, runner=Bench()).run_once()
    (found,) = clock.store.suggestions.all(Status.RETIRED)
    assert found.reason == "the habit that it follows is not seen any more"
    (message,) = said(clock.store)
    assert (message.status, message.text) == (Status.RETIRED, f"Taken back: {found.reason}.")  # type: ignore[union-attr]
    (entry,) = clock.store.suggestions.audit()
    assert (entry.what, entry.detail) == ("retired", found.reason)


async def test_a_pattern_that_flickers_leaves_its_suggestion(clock: Clock) -> None:
    """Gone for two nights and back again nothing was said; gone for three days it is retired."""
    keep(clock.store, waiting := suggestion())
    suggester = Suggester(clock, runner=Bench())
    lost(clock.store, offer(), NOW)
    for days in (0, 1, 2):
        clock.now = NOW + timedelta(days=days)
        await suggester.run_once()
    assert clock.store.suggestions.all() == [waiting]
    learned(clock.store, offer())
    lost(clock.store, offer(), clock.now)
    clock.now += timedelta(days=2)
    await suggester.run_once()
    assert clock.store.suggestions.all() == [waiting]
    assert said(clock.store) == []
    clock.now += timedelta(days=1)
    await suggester.run_once()
    assert [each.status for each in clock.store.suggestions.all()] == [Status.RETIRED]


async def test_what_was_taken_back_comes_back(clock: Clock) -> None:
    """The habit is there again: the same suggestion is told anew, counts in the budget, and is audited."""
    keep(clock.store, waiting := suggestion(now=NOW - timedelta(days=9)))
    await Suggester(clock, runner=Bench()).run_once()
    bench = Bench(offers=[offer(), *(offer(name, share=0.8) for name in NAMES)])
    await Suggester(clock, runner=bench).run_once()
    pending = clock.store.suggestions.all(Status.PENDING)
    assert len(pending) == 3
    assert waiting.id in {each.id for each in pending}
    assert {each.created_at for each in pending} == {NOW}
    assert [type(message) for message in said(clock.store)] == [SuggestionChanged, *[SuggestionGenerated] * 3]
    entries = [each.what for each in clock.store.suggestions.audit() if each.subject == waiting.id]
    assert entries == ["retired", "suggested again"]


async def test_what_is_taken_back_does_not_come_back_in_the_same_run(clock: Clock) -> None:
    """Tried as it stands it is poor, though the best variant of its pattern would do."""
    keep(clock.store, suggestion())
    bench = Bench(offers=[offer()], again=trial(0.3))
    learned(clock.store, offer())
    plan = await Suggester(clock, runner=bench).run_once()
    assert plan.new == []
    assert [each.status for each in clock.store.suggestions.all()] == [Status.RETIRED]


async def test_new_ones_are_held_against_what_waits_as_it_is_from_now_on(clock: Clock) -> None:
    """A suggestion moves to ten o'clock: what another pattern would do then is not suggested beside it."""
    keep(clock.store, waiting := suggestion())
    moved = offer(automation=automation(minute=600))
    beside = offer(pattern=offer("light.other").pattern, automation=automation(minute=630))
    await Suggester(clock, runner=Bench(offers=[moved, beside])).run_once()
    (found,) = clock.store.suggestions.all()
    assert (found.id, found.automation) == (waiting.id, moved.automation)


async def test_what_moved_after_a_rejection_is_kept_beside_it(clock: Clock) -> None:
    """The rejected suggestion stays as it is; the habit at its new time is another."""
    keep(clock.store, rejected := suggestion(status=Status.REJECTED))
    bench = Bench(offers=[offer(automation=offer(minute=600).automation)])
    for _ in range(2):
        await Suggester(clock, runner=bench).run_once()
    found = clock.store.suggestions.all()
    assert len(found) == 2
    assert rejected in found
    assert {each.pattern_id for each in found} == {rejected.pattern_id}


async def test_what_was_put_off_is_there_again(clock: Clock) -> None:
    """When its time is over a suggestion is told as if it were new."""
    keep(clock.store, waiting := suggestion(snoozed_until=NOW + timedelta(days=14)))
    learned(clock.store, offer())
    suggester = Suggester(clock, runner=Bench(patterns={waiting.pattern_id: False}))
    await suggester.run_once()
    assert said(clock.store) == []
    clock.now = NOW + timedelta(days=14)
    await suggester.run_once()
    (found,) = clock.store.suggestions.all()
    assert found.snoozed_until is None
    assert [type(message) for message in said(clock.store)] == [SuggestionChanged, SuggestionGenerated]


async def test_a_person_comes_first(clock: Clock) -> None:
    """A suggestion that is approved between deciding and keeping stays approved."""
    keep(clock.store, waiting := suggestion())
    planner = Planner(clock.settings, clock.home, clock.store)
    plan = planner.decide(BacktestResult(), None, minimum=0.75, now=NOW)
    assert [each.after.status for each in plan.renewed] == [Status.RETIRED]
    approved = waiting.model_copy(update={"status": Status.APPROVED})
    with clock.store.begin() as transaction:
        assert transaction.suggestions.replace(approved, changes=1)
    with clock.store.begin() as transaction:
        planner.keep(plan, transaction)
    assert clock.store.suggestions.all() == [approved]
    assert said(clock.store) == []


def test_suggesters_at_once_share_one_budget(url: str, home: Home) -> None:
    """Six suggesters decide on different offers before any keeps: three suggestions in all."""
    settings = Settings(_env_file=None, database_url=SecretStr(url))
    stores = [SqlStore(url, home=home.id) for _ in range(6)]
    stores[0].migrate()
    begin = Barrier(len(stores))

    def run(number: int) -> None:
        planner = Planner(settings, home, stores[number])
        offers = tuple(offer(f"light.l{number}_{each}") for each in range(3))
        plan = planner.decide(BacktestResult(offers=offers), None, minimum=0.75, now=NOW)
        assert len(plan.new) == 3
        begin.wait(TIMEOUT_S)
        with stores[number].begin() as transaction:
            planner.keep(plan, transaction)

    with ThreadPoolExecutor(len(stores)) as executor:
        list(executor.map(run, range(len(stores))))
    assert len(stores[0].suggestions.all()) == 3
    assert len(said(stores[0])) == 3
    for store in stores:
        store.close()


async def test_suggesters_at_once_do_not_repeat_each_other(clock: Clock) -> None:
    """Two that chose the same deed for different patterns keep it once."""
    planner = Planner(clock.settings, clock.home, clock.store)
    offers = [offer(), offer(pattern=offer("light.other").pattern)]
    plans = [planner.decide(BacktestResult(offers=(each,)), None, minimum=0.75, now=NOW) for each in offers]
    for plan in plans:
        with clock.store.begin() as transaction:
            planner.keep(plan, transaction)
    assert [each.pattern_id for each in clock.store.suggestions.all()] == [offers[0].pattern.id]


async def test_suggesters_at_once_bring_back_once(clock: Clock) -> None:
    """Two that found the same to hold again say it once, and not over what a person did meanwhile."""
    planner = Planner(clock.settings, clock.home, clock.store)
    gone = suggestion(status=Status.RETIRED, now=NOW - timedelta(days=9))
    keep(clock.store, gone)
    result = BacktestResult(offers=(offer(),))
    plans = [planner.decide(result, None, minimum=0.75, now=NOW) for _ in range(3)]
    for plan in plans[:2]:
        with clock.store.begin() as transaction:
            planner.keep(plan, transaction)
    (back,) = clock.store.suggestions.all()
    assert (back.status, len(said(clock.store))) == (Status.PENDING, 1)
    rejected = back.model_copy(update={"status": Status.REJECTED})
    with clock.store.begin() as transaction:
        assert transaction.suggestions.replace(rejected, changes=2)
    with clock.store.begin() as transaction:
        planner.keep(plans[2], transaction)
    assert clock.store.suggestions.all() == [rejected]


async def test_experience_is_shown_and_moves_the_bar(clock: Clock) -> None:
    """After ten rejected lights a light needs more than a fan, whose text says what people made of fans."""
    with clock.store.begin() as transaction:
        for _ in range(10):
            transaction.suggestions.say(opinion(Opinion.REJECTED))
        for _ in range(10):
            transaction.suggestions.say(opinion(Opinion.APPROVED, device_class="fan"))
    offers = [offer("light.a", share=0.8), offer("fan.b", share=0.8)]
    await Suggester(clock, runner=Bench(offers=offers)).run_once()
    (found,) = clock.store.suggestions.all()
    assert found.automation.actions[0].entity_id == "fan.b"
    assert (found.experience.kept, found.experience.undone) == (10, 0)
    (message,) = said(clock.store)
    assert "10" in message.text


async def test_without_home_assistant_that_is_told(clock: Clock) -> None:
    """Where we may not ask Home Assistant, the suggestion says that it was compared with nothing."""
    await Suggester(clock, runner=Bench(offers=[offer()])).run_once()
    (found,) = clock.store.suggestions.all()
    assert found.conflicts == (NOT_COMPARED,)


@pytest.fixture
def asking(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Catalogue]], Clock]:
    """A desk that is set up to ask Home Assistant, which answers so."""

    def set_up(answer: Callable[[], Catalogue]) -> Clock:
        async def catalogue(_self: HomeAssistantReader) -> Catalogue:
            return answer()

        monkeypatch.setattr(HomeAssistantReader, "catalogue", catalogue)
        url = {"home_assistant_url": "http://127.0.0.1:1", "home_assistant_token": "t"}
        clock.settings = Settings(_env_file=None, **{**clock.settings.model_dump(exclude_unset=True), **url})
        return clock

    return set_up


def catalogue(*automations: KnownAutomation) -> Catalogue:
    """A home with one light in the hall."""
    return Catalogue(
        version=(2026, 11),
        entities={"light.hall": KnownEntity("light.hall")},
        services=frozenset({"light.turn_on", "light.turn_off"}),
        automations=automations,
    )


async def test_what_an_automation_does_already_is_not_suggested(
    asking: Callable[[Callable[[], Catalogue]], Clock],
) -> None:
    """Somebody built the same by hand: it is not suggested, another time of the day is."""
    config = {
        "alias": "Morning",
        "trigger": [{"platform": "time", "at": "07:00:00"}],
        "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}],
    }
    morning = KnownAutomation(
        "automation.morning", "1", "Morning", config=config, touches=frozenset({"light.hall"})
    )
    desk = asking(lambda: catalogue(morning))
    offers = [offer(), offer(minute=1200, pattern=offer("light.evening").pattern)]
    await Suggester(desk, runner=Bench(offers=offers)).run_once()
    (found,) = desk.store.suggestions.all()
    assert found.pattern_id == offers[1].pattern.id
    assert NOT_COMPARED not in found.conflicts


async def test_what_waits_does_not_stand_in_its_own_way(
    asking: Callable[[Callable[[], Catalogue]], Clock],
) -> None:
    """A change of a deployed automation waits; what stands of it is no reason to take it back."""
    waiting = suggestion()
    standing = KnownAutomation(
        "automation.ours",
        waiting.automation_id,
        "Ours",
        config={
            "trigger": [{"platform": "time", "at": "07:00:00"}],
            "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}],
        },
        touches=frozenset({"light.hall"}),
    )
    desk = asking(lambda: catalogue(standing))
    keep(desk.store, waiting)
    bench = Bench(patterns={waiting.pattern_id: False})
    await Suggester(desk, runner=bench).run_once()
    assert desk.store.suggestions.all() == [waiting]


async def test_two_that_wait_and_do_the_same_are_one(clock: Clock) -> None:
    """The better one stays, the other is taken back and says why."""
    better, other = offer(share=0.95), offer(pattern=offer("light.other").pattern)
    keep(clock.store, *(suggestion(each) for each in (other, better)))
    await Suggester(
        clock, runner=Bench(patterns={each.pattern.id: False for each in (better, other)})
    ).run_once()
    (kept,) = clock.store.suggestions.all(Status.PENDING)
    (gone,) = clock.store.suggestions.all(Status.RETIRED)
    assert (kept.pattern_id, gone.pattern_id) == (better.pattern.id, other.pattern.id)
    assert "does the same" in gone.reason


async def test_what_home_assistant_does_not_know_is_not_suggested(
    asking: Callable[[Callable[[], Catalogue]], Clock],
) -> None:
    """An entity that left is not suggested, however well it would have done."""
    desk = asking(catalogue)
    await Suggester(desk, runner=Bench(offers=[offer("light.gone"), offer()])).run_once()
    assert [each.automation.actions[0].entity_id for each in desk.store.suggestions.all()] == ["light.hall"]


async def test_home_assistant_that_does_not_answer_is_waited_for(
    asking: Callable[[Callable[[], Catalogue]], Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried or suggested until it answers, and then all is."""
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    answers: list[Catalogue | Exception] = [Unreachable("gone"), Unreachable("gone"), catalogue()]

    def answer() -> Catalogue:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    desk, bench = asking(answer), Bench(offers=[offer()])
    learned(desk.store, offer())
    async with running(Suggester(desk, runner=bench)):
        await until(lambda: bool(desk.store.suggestions.all()))
    assert (len(bench.asked), answers) == (1, [])


async def test_home_assistant_that_refuses_is_done_without(
    asking: Callable[[Callable[[], Catalogue]], Clock],
) -> None:
    """A token that is refused is no reason to suggest nothing; log and suggestion say so."""

    def refuse() -> Catalogue:
        raise Refused(401, "no")

    desk = asking(refuse)
    with capture_logs() as logs:
        await Suggester(desk, runner=Bench(offers=[offer()])).run_once()
    assert [each.conflicts for each in desk.store.suggestions.all()] == [(NOT_COMPARED,)]
    assert any(line["event"] == "suggesting without what Home Assistant knows" for line in logs)


@asynccontextmanager
async def running(suggester: Suggester) -> AsyncIterator[Suggester]:
    """A suggester whose loop runs."""
    (loop,) = suggester.loops()
    task = asyncio.create_task(loop())
    yield suggester
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def handlers(suggester: Suggester) -> dict[str, Callable[[IncomingMessage], Awaitable[None]]]:
    """What takes each topic's messages; every subscriber is shared, so that one of many suggesters runs."""
    subscribers = suggester.subscribers()
    assert all(subscriber.shared for subscriber in subscribers)
    return {subscriber.topic_filter: subscriber.handle for subscriber in subscribers}


async def test_many_days_at_once_are_one_run(clock: Clock) -> None:
    """Thirty days that close in a replay give one run, after the last of them."""
    bench = Bench(offers=[offer()])
    async with running(Suggester(clock, runner=bench)) as suggester:
        take = handlers(suggester)["ha-ai/status/analysis_complete"]
        for day in range(30):
            await take(analysis(date(2026, 10, 20) + timedelta(days=day)))
            await asyncio.sleep(0)
        assert bench.asked == []
        await until(lambda: bool(clock.store.suggestions.all()))
    assert len(bench.asked) == 1


async def test_a_replayed_day_waits_longer_than_yesterday(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a day long past more are to come; after yesterday nothing is."""
    monkeypatch.setattr(module, "REPLAY_QUIET_S", 3600.0)
    bench = Bench()
    async with running(Suggester(clock, runner=bench)) as suggester:
        take = handlers(suggester)["ha-ai/status/analysis_complete"]
        await take(analysis(date(2026, 11, 1)))
        await take(analysis(date(2026, 11, 19)))
        await until(lambda: bool(bench.asked))
    assert len(bench.asked) == 1


async def test_a_person_is_not_kept_waiting(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked by a person it runs soon, though a replay goes on; an old wish that was kept is none."""
    monkeypatch.setattr(module, "REPLAY_QUIET_S", 3600.0)
    bench = Bench()
    async with running(Suggester(clock, runner=bench)) as suggester:
        take = handlers(suggester)
        await take["ha-ai/commands/analysis/run"](received(retain=True))
        await take["ha-ai/status/analysis_complete"](analysis(date(2026, 11, 1)))
        assert bench.asked == []
        await take["ha-ai/commands/analysis/run"](received())
        await until(lambda: bool(bench.asked))
    assert len(bench.asked) == 1


async def test_who_asks_gets_what_is_judged_anew(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the judgement that was asked for, and runs once when that is there."""
    monkeypatch.setattr(module, "JUDGED_WITHIN_S", 3600.0)
    bench = Bench()
    async with running(Suggester(clock, runner=bench)) as suggester:
        take = handlers(suggester)
        await take["ha-ai/commands/analysis/run"](received())
        await asyncio.sleep(0.2)
        assert bench.asked == []
        await take["ha-ai/status/analysis_complete"](analysis(date(2026, 11, 19)))
        await until(lambda: bool(bench.asked))
        await asyncio.sleep(0.2)
    assert len(bench.asked) == 1


async def test_a_forged_analysis_raises_nothing(clock: Clock) -> None:
    """However many there are: nothing is tried, and one line says so."""
    bench = Bench(offers=[offer()])
    async with running(Suggester(clock, runner=bench)) as suggester:
        take = handlers(suggester)["ha-ai/status/analysis_complete"]
        with capture_logs() as lines:
            for payload in (b"", b"{}", b"\xff", b"[" * 5_000, b'{"day": "tomorrow"}', b"null") * 50:
                await take(received(payload))
    assert [line["log_level"] for line in lines] == ["warning"]
    assert bench.asked == []


async def test_after_the_start_it_runs_once_a_day(clock: Clock) -> None:
    """With patterns and nothing tried today the start is an occasion; the next is none until tomorrow."""
    learned(clock.store, offer())
    bench = Bench(offers=[offer()])
    async with running(Suggester(clock, runner=bench)):
        await until(lambda: bool(clock.store.suggestions.all()))
    again = Suggester(clock, runner=bench)
    assert not await again._is_due()
    clock.now = NOW + timedelta(days=1)
    assert await again._is_due()


async def test_without_patterns_the_start_is_no_occasion(clock: Clock) -> None:
    """A new home has nothing to try."""
    assert not await Suggester(clock, runner=Bench())._is_due()


@pytest.mark.parametrize(
    "error", [BacktestError("expected it to end well, got -9: "), ValueError("a defect")]
)
async def test_what_cannot_be_tried_is_tried_with_the_next_day(clock: Clock, error: Exception) -> None:
    """A workshop that fails is an error in the log, no end; the next analysis makes it try again."""
    bench = Bench(offers=[offer()], error=error)
    with capture_logs() as logs:
        async with running(Suggester(clock, runner=bench)) as suggester:
            take = handlers(suggester)["ha-ai/status/analysis_complete"]
            await take(analysis(date(2026, 11, 19)))
            await until(lambda: any(line["log_level"] == "error" for line in logs))
            assert clock.store.suggestions.all() == []
            bench.error = None
            await take(analysis(date(2026, 11, 19)))
            await until(lambda: bool(clock.store.suggestions.all()))
    assert len(bench.asked) == 2


async def test_a_store_that_is_away_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read or kept is tried again soon by itself."""
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    bench = Bench(offers=[offer()], error=StoreUnavailableError("away"))
    async with running(Suggester(clock, runner=bench)) as suggester:
        await handlers(suggester)["ha-ai/commands/analysis/run"](received())
        await until(lambda: len(bench.asked) > 2)
        bench.error = None
        await until(lambda: bool(clock.store.suggestions.all()))
