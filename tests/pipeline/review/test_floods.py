"""What does not count holds up nobody whose word does, however much there is of it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.processes import wait_until
from benchmarks.review_desk import ReviewDesk, a_suggestion, button, show
from pipeline.commands.signing import new_command, sign
from pipeline.review import confirmation
from pipeline.runtime.nonces import new_nonce
from pipeline.settings import Settings
from schemas.commands import Press, PressVerb, SignedCommand, Verb
from schemas.suggestions import Status, Suggestion
from sinks.store import SqlStore
from sinks.store.audit import check
from tests.pipeline.review.reviewing import LAMP, desk, home_assistant, now, reading, reasons, settings, url
from tests.sinks.conftest import postgresql_server, postgresql_url, sqlite_url
from tests.sinks.fake_home_assistant import READER_ID, FakeHomeAssistant

__all__ = ["desk", "home_assistant", "postgresql_server", "postgresql_url", "settings", "sqlite_url", "url"]

FLOOD = 300
OTHER = a_suggestion(7)


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each transaction that is begun."""
    begun: list[None] = []
    begin = SqlStore.begin

    def counted(store: SqlStore, **options: Any) -> Any:
        begun.append(None)
        return begin(store, **options)

    monkeypatch.setattr(SqlStore, "begin", counted)
    return begun


def forged(desk: ReviewDesk, suggestion: Suggestion = LAMP) -> SignedCommand:
    """An approval of somebody who has another key."""
    return sign(desk.command(Verb.APPROVE, suggestion), bytes(32))


async def test_forged_approvals_are_refused_together(desk: ReviewDesk, transactions: list[None]) -> None:
    """Each in the audit log, in a few transactions; a true one among them counts."""
    true = desk.command(Verb.APPROVE, LAMP)
    commands = [forged(desk) for _ in range(FLOOD)]
    commands.insert(FLOOD // 2, true)
    await asyncio.gather(*map(desk.send, commands))
    assert now(desk).status is Status.APPROVED
    assert reasons(desk) == ["signature"] * FLOOD
    assert check("home", desk.audit()) is None
    assert len(transactions) < 10


async def test_one_approval_again_and_again_is_refused_together(
    desk: ReviewDesk, transactions: list[None]
) -> None:
    """Whoever has seen a signed command can send it as often as they like: it counts once."""
    command = desk.command(Verb.APPROVE, LAMP)
    await asyncio.gather(*(desk.send(command) for _ in range(FLOOD)))
    assert now(desk).status is Status.APPROVED
    assert reasons(desk) == ["replayed"] * (FLOOD - 1)
    assert len(transactions) < 10


async def test_what_is_forged_does_not_wait_for_what_is_signed(desk: ReviewDesk) -> None:
    """Nor the other way round: a signed command that takes its time holds up no refusal."""
    reviewer: Any = desk.reviewer
    async with reviewer._turns[Verb.APPROVE]:
        slow = asyncio.create_task(desk.send(desk.command(Verb.APPROVE, LAMP)))
        await asyncio.wait_for(desk.send(forged(desk)), 5.0)
        assert not slow.done()
    await asyncio.wait_for(slow, 5.0)
    assert now(desk).status is Status.APPROVED


@pytest.fixture
def pressed(settings: Settings, home_assistant: FakeHomeAssistant) -> Iterator[ReviewDesk]:
    """A reviewer that may ask Home Assistant, and two suggestions with their buttons."""
    made = ReviewDesk(reading(settings, home_assistant))
    made.add(LAMP, OTHER)
    for suggestion in (LAMP, OTHER):
        show(home_assistant, suggestion)
    yield made
    made.close()


async def press(desk: ReviewDesk, verb: PressVerb, suggestion: Suggestion) -> None:
    """Publish what a button does, pressed or not."""
    said = Press(suggestion_id=suggestion.id, verb=verb, content_hash=suggestion.content_hash)
    await desk.receive(desk.topics.press, said.model_dump_json().encode())


def looks(home: FakeHomeAssistant, verb: PressVerb, suggestion: Suggestion) -> int:
    """How often Home Assistant was asked for the state of a button."""
    return sum(each.path.endswith(button(verb, suggestion)) for each in home.requests)


async def test_presses_of_one_button_share_a_look(
    pressed: ReviewDesk,
    home_assistant: FakeHomeAssistant,
    transactions: list[None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many were forged before the true one; the others are refused, each in the audit log."""
    monkeypatch.setattr(confirmation, "PAUSES_S", ())
    home_assistant.press(button(PressVerb.APPROVE, LAMP), READER_ID)
    await asyncio.gather(*(press(pressed, PressVerb.APPROVE, LAMP) for _ in range(FLOOD)))
    assert now(pressed).status is Status.APPROVED
    assert looks(home_assistant, PressVerb.APPROVE, LAMP) <= 5
    assert len(reasons(pressed)) == FLOOD - 1
    assert len(transactions) < 20


async def test_a_press_does_not_wait_for_those_of_other_buttons(
    pressed: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """Presses that nobody made are waited for, seconds; a true one of another button is not held up."""
    forgeries = [
        asyncio.create_task(press(pressed, verb, OTHER)) for verb in PressVerb for _ in range(FLOOD // 4)
    ]
    await asyncio.sleep(0)
    home_assistant.press(button(PressVerb.APPROVE, LAMP), READER_ID)
    await asyncio.wait_for(press(pressed, PressVerb.APPROVE, LAMP), 2.0)
    assert now(pressed).status is Status.APPROVED
    assert not all(each.done() for each in forgeries)
    for each in forgeries:
        each.cancel()
    await asyncio.gather(*forgeries, return_exceptions=True)


async def test_a_press_that_goes_away_leaves_its_button_alone(
    pressed: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """A reviewer that gives up a press, looking or waiting, looks at the next one."""
    given_up = [asyncio.create_task(press(pressed, PressVerb.APPROVE, LAMP)) for _ in range(2)]
    await wait_until(lambda: looks(home_assistant, PressVerb.APPROVE, LAMP), 5.0, "a look")
    for each in given_up:
        each.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    home_assistant.press(button(PressVerb.APPROVE, LAMP), READER_ID)
    await asyncio.wait_for(press(pressed, PressVerb.APPROVE, LAMP), 5.0)
    assert now(pressed).status is Status.APPROVED


async def test_unknown_suggestions_are_not_asked_for(
    pressed: ReviewDesk, home_assistant: FakeHomeAssistant, transactions: list[None]
) -> None:
    """A name that anybody can make up costs Home Assistant nothing."""
    strangers = [LAMP.model_copy(update={"id": f"{number:016x}"}) for number in range(FLOOD)]
    await asyncio.gather(*(press(pressed, PressVerb.APPROVE, each) for each in strangers))
    assert reasons(pressed) == ["unknown"] * FLOOD
    assert home_assistant.requests == []
    assert len(transactions) < 10


async def test_a_forged_change_is_not_tried_out(desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is begun for somebody who has no key."""
    reviewer: Any = desk.reviewer

    async def tried(*_: object) -> None:
        raise AssertionError("expected no trial")

    monkeypatch.setattr(reviewer._modifier, "of", tried)
    change = new_command(new_nonce(), Verb.MODIFY, LAMP, "Eve", bytes(32), desk.desk.now_us() // 1000)
    await asyncio.gather(*(desk.send(change) for _ in range(20)))
    assert reasons(desk) == ["signature"] * 20
