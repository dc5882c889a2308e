import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from benchmarks.approvals import duplicate
from benchmarks.forging import forge
from benchmarks.processes import wait_until
from benchmarks.review_desk import ReviewDesk, a_suggestion
from pipeline.commands import refusal_book as refused
from pipeline.commands.refusal_book import SUMMED_UP_AFTER_US, AuditThrottle
from pipeline.commands.signing import is_signed, sign
from pipeline.review.decision_writer import REFUSED, Preconditions
from pipeline.review.reviewer import Reviewer
from pipeline.runtime.role import IncomingMessage
from pipeline.settings import Settings
from schemas.automations import Action, Automation, StateTrigger, TimeTrigger
from schemas.commands import SignedCommand, Verb
from schemas.patterns import PatternType
from schemas.suggestions import Opinion, Status
from sinks.store import StoreUnavailableError
from sinks.store.audit import check
from sinks.store.suggestions import SuggestionWrites
from sinks.store.transaction import Transaction
from tests.pipeline.review.reviewing import (
    ANSWERED,
    CHANGED,
    DEPLOY,
    FEEDBACK,
    LAMP,
    answers,
    desk,
    home_assistant,
    now,
    postgresql_server,
    postgresql_url,
    reading,
    reasons,
    settings,
    sqlite_url,
    url,
)
from tests.sinks.fake_home_assistant import FakeHomeAssistant

__all__ = ["desk", "home_assistant", "postgresql_server", "postgresql_url", "settings", "sqlite_url", "url"]

PATIENCE_S = 20.0


async def test_an_approval_orders_what_was_seen(desk: ReviewDesk) -> None:
    """The deployment is ordered with a signed command on the same content, and everybody is told."""
    command = desk.command(Verb.APPROVE, LAMP, text="nice")
    await desk.send(command)
    assert now(desk) == LAMP.model_copy(
        update={"status": Status.APPROVED, "reason": "nice", "updated_at": now(desk).updated_at}
    )
    row = desk.store.suggestions.deployment(LAMP.id)
    assert row is not None
    assert (row.automation_id, row.wanted, row.standing, row.step) == (LAMP.automation_id, 1, 0, "wanted")
    order = SignedCommand.model_validate_json(row.approval)
    assert is_signed(order, desk.key)
    assert (order.verb, order.suggestion_id, order.content_hash) == (Verb.DEPLOY, LAMP.id, LAMP.content_hash)
    assert (order.approver, order.version) == ("Anna", 1)
    assert order.nonce != command.nonce
    assert [said.topic for said in desk.said()] == [DEPLOY, CHANGED, FEEDBACK, ANSWERED]
    assert SignedCommand.model_validate(desk.said(DEPLOY)[0].payload) == order
    assert answers(desk) == [(True, command.nonce)]
    assert desk.said(CHANGED)[0].payload["status"] == "approved"


async def test_an_approval_is_written_down(desk: ReviewDesk) -> None:
    """Who approved which content, and what they said, stands in feedback and audit log."""
    await desk.send(desk.command(Verb.APPROVE, LAMP, text="nice"))
    (feedback,) = desk.store.suggestions.feedback()
    assert (feedback.suggestion_id, feedback.opinion, feedback.person) == (LAMP.id, Opinion.APPROVED, "Anna")
    assert (feedback.text, feedback.pattern_type) == ("nice", PatternType.TIME_OF_DAY)
    assert feedback.device_class == "light"
    (entry,) = desk.audit()
    assert (entry.actor, entry.what, entry.subject) == ("Anna", "approve", LAMP.id)
    assert LAMP.content_hash in entry.detail
    assert check("home", desk.audit()) is None


async def test_a_rejection_lasts_with_its_reason(desk: ReviewDesk) -> None:
    """What was rejected can neither be approved nor put off afterwards."""
    await desk.send(desk.command(Verb.REJECT, LAMP, text="not\x00 on Sundays"))
    for verb in (Verb.APPROVE, Verb.NOT_NOW, Verb.MODIFY, Verb.REJECT):
        await desk.send(desk.command(verb, LAMP))
    assert (now(desk).status, now(desk).reason) == (Status.REJECTED, "not on Sundays")
    assert [each.text for each in desk.store.suggestions.feedback()] == ["not on Sundays"]
    assert reasons(desk) == ["settled"] * 3
    assert [accepted for accepted, _ in answers(desk)] == [True, False, False, False, True]
    assert desk.store.suggestions.deployments() == []


async def test_what_is_put_off_waits_and_can_be_approved(desk: ReviewDesk) -> None:
    """It stays pending until as many days as are set have gone; who decides before may."""
    await desk.send(desk.command(Verb.NOT_NOW, LAMP))
    put_off = now(desk)
    assert put_off.status is Status.PENDING
    assert put_off.snoozed_until == put_off.updated_at + timedelta(days=14)
    await desk.send(desk.command(Verb.APPROVE, LAMP))
    assert (now(desk).status, now(desk).snoozed_until) == (Status.APPROVED, None)


async def test_only_what_was_seen_can_be_approved(desk: ReviewDesk) -> None:
    """An approval of another content is refused, and its sender is told why."""
    command = desk.command(Verb.APPROVE, a_suggestion(391))
    await desk.send(sign(command.model_copy(update={"suggestion_id": LAMP.id}), desk.key))
    assert now(desk) == LAMP
    assert reasons(desk) == ["changed"]
    (said,) = desk.said()
    assert (said.topic, said.payload["accepted"]) == (ANSWERED, False)
    assert "look at it" in said.payload["text"]


async def test_an_unknown_suggestion_is_entered_and_not_answered(desk: ReviewDesk) -> None:
    """Nobody can have seen it."""
    await desk.send(desk.command(Verb.APPROVE, a_suggestion(391)))
    assert reasons(desk) == ["unknown"]
    assert desk.said() == []


@pytest.mark.parametrize(
    ("service", "entity_id"),
    [
        ("lock.unlock", "lock.front_door"),
        ("cover.open_cover", "cover.garage_door"),
        ("homeassistant.restart", "light.hall"),
        ("alarm_control_panel.alarm_disarm", "alarm_control_panel.home"),
    ],
)
async def test_no_approval_reaches_what_is_never_done(desk: ReviewDesk, service: str, entity_id: str) -> None:
    """A valid approval of what is not safe deploys nothing, and says why."""
    action = Action(service=service, entity_id=entity_id)
    unsafe = a_suggestion(1, Automation(trigger=TimeTrigger(minute=0), actions=(action,)))
    desk.add(unsafe)
    await desk.send(desk.command(Verb.APPROVE, unsafe))
    assert desk.store.suggestions.get(unsafe.id) == unsafe
    assert desk.store.suggestions.deployments() == []
    assert reasons(desk) == ["unsafe"]
    assert "whoever approves it" in desk.said(ANSWERED)[0].payload["text"]


async def test_what_home_assistant_says_of_a_thing_counts(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, settings: Settings
) -> None:
    """A garage door that is not called one is not opened: Home Assistant knows what it is."""
    home_assistant.add_entity("cover.big", device_class="garage")
    asking = ReviewDesk(reading(settings, home_assistant))
    action = Action(service="cover.open_cover", entity_id="cover.big")
    door = a_suggestion(1, Automation(trigger=TimeTrigger(minute=0), actions=(action,)))
    desk.add(door)
    await asking.send(asking.command(Verb.APPROVE, door))
    asking.close()
    assert desk.store.suggestions.get(door.id) == door
    assert reasons(desk) == ["unsafe"]


async def test_what_would_go_on_and_on_is_not_approved(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, settings: Settings
) -> None:
    """With an automation that stands there it would start itself over and over: that is said instead."""
    home_assistant.add_entity("light.hall")
    home_assistant.add_entity("switch.heater")
    home_assistant.add_automation(
        "theirs",
        {
            "alias": "Theirs",
            "trigger": [{"platform": "state", "entity_id": "switch.heater", "to": "on"}],
            "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}],
        },
    )
    token = SecretStr(home_assistant.admin_token)
    asking = ReviewDesk(reading(settings, home_assistant).model_copy(update={"home_assistant_token": token}))
    action = Action(service="switch.turn_on", entity_id="switch.heater")
    endless = a_suggestion(
        1, Automation(trigger=StateTrigger(entity_id="light.hall", to="on"), actions=(action,))
    )
    desk.add(endless)
    await asking.send(asking.command(Verb.APPROVE, endless))
    asking.close()
    assert desk.store.suggestions.get(endless.id) == endless
    assert desk.store.suggestions.deployments() == []
    assert reasons(desk) == ["loop"]
    assert "start each other over and over" in desk.said(ANSWERED)[0].payload["text"]


async def test_what_was_retained_never_counts(desk: ReviewDesk) -> None:
    """A command in everything else valid is refused where the broker had kept it."""
    for verb in (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY):
        await desk.send(desk.command(verb, LAMP), retain=True)
    await desk.receive(desk.topics.press, b"{}", retain=True)
    assert now(desk) == LAMP
    assert reasons(desk) == ["retained"] * 5
    assert desk.said() == []


async def test_a_command_counts_once(desk: ReviewDesk) -> None:
    """The same command again changes nothing, is entered, and is not answered a second time."""
    command = desk.command(Verb.NOT_NOW, LAMP)
    await desk.send(command)
    before, said = now(desk), desk.said()
    for _ in range(3):
        await desk.send(command)
    assert (now(desk), desk.said()) == (before, said)
    assert reasons(desk) == ["replayed"] * 3


async def test_an_approval_by_somebody_else_is_accepted_and_orders_nothing(desk: ReviewDesk) -> None:
    """Whoever approves what is approved, or deployed, is told that it is, with one deployment in all."""
    commands = [desk.command(Verb.APPROVE, LAMP) for _ in range(3)]
    for command in commands:
        await desk.send(command)
    assert answers(desk) == [(True, command.nonce) for command in commands]
    assert len(desk.said(DEPLOY)) == len(desk.store.suggestions.feedback()) == 1
    assert [entry.what for entry in desk.audit()] == ["approve", "approve already", "approve already"]


@pytest.mark.parametrize(
    "payload", [b"", b"approve", b"{}", b"\xff" * 100, b"[" * 16_000, b"x" * 20_000, b'{"verb": "approve"}']
)
async def test_no_bytes_are_an_exception(desk: ReviewDesk, payload: bytes) -> None:
    """Whatever is published on any of the topics is entered once, and nothing else follows."""
    for subscriber in desk.reviewer.subscribers():
        await desk.receive(subscriber.topic_filter, payload)
    assert len(desk.audit("refused")) == len(desk.reviewer.subscribers()) == 5
    assert desk.said() == []


@pytest.fixture
def without_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be entered and answered does not grow with time, however slow the machine is."""
    for name in ("ENTRIES_A_MINUTE", "ANSWERS_A_MINUTE"):
        monkeypatch.setattr(refused, name, 0)


@pytest.mark.usefixtures("without_refill")
async def test_a_forged_command_is_answered_within_bounds(desk: ReviewDesk) -> None:
    """Who signs with a wrong key is told so; a flood gets no flood of answers, but every entry."""
    forged = sign(desk.command(Verb.APPROVE, LAMP), bytes(32))
    few = AuditThrottle(answers=2, at_us=desk.desk.now_us())
    with desk.store.begin() as transaction:
        transaction.suggestions.set_control(REFUSED, few.model_dump(mode="json"))
    for _ in range(5):
        await desk.send(forged)
    assert answers(desk) == [(False, forged.nonce)] * 2
    assert "our key" in desk.said(ANSWERED)[0].payload["text"]
    assert reasons(desk) == ["signature"] * 5


@pytest.mark.usefixtures("without_refill")
async def test_who_holds_the_key_is_answered_in_a_flood(desk: ReviewDesk) -> None:
    """What somebody forges takes nothing from those who may command."""
    none_left = AuditThrottle(answers=0, at_us=desk.desk.now_us())
    with desk.store.begin() as transaction:
        transaction.suggestions.set_control(REFUSED, none_left.model_dump(mode="json"))
    wrong = desk.command(Verb.MODIFY, LAMP)
    await desk.send(wrong)
    assert answers(desk) == [(False, wrong.nonce)]


@pytest.mark.usefixtures("without_refill")
async def test_who_holds_the_key_is_entered_in_a_flood(desk: ReviewDesk) -> None:
    """By name, however many others send; what is sent again may come from others, and bears no name."""
    none_left = AuditThrottle(entries=0, at_us=desk.desk.now_us())
    with desk.store.begin() as transaction:
        transaction.suggestions.set_control(REFUSED, none_left.model_dump(mode="json"))
    wrong = desk.command(Verb.MODIFY, LAMP)
    for _ in range(5):
        await desk.send(wrong)
    assert [entry.actor for entry in desk.audit()] == ["Anna"]
    few = AuditThrottle(entries=1, at_us=desk.desk.now_us())
    with desk.store.begin() as transaction:
        transaction.suggestions.set_control(REFUSED, few.model_dump(mode="json"))
    await desk.send(wrong)
    replayed = desk.audit()[-1]
    assert replayed.actor == "unknown"
    assert replayed.detail.endswith("it says that it comes from Anna")


@pytest.mark.usefixtures("without_refill")
async def test_a_flood_is_summed_up_and_nothing_is_lost(desk: ReviewDesk) -> None:
    """Above the bound refusals are counted, and a minute later one entry says how many of each."""
    with desk.store.begin() as transaction:
        few = AuditThrottle(entries=3, at_us=desk.desk.now_us())
        transaction.suggestions.set_control(REFUSED, few.model_dump(mode="json"))
    for payload in (b"{}", b"x" * 20_000) * 5:
        await desk.receive(desk.topics.suggestion_command("approve"), payload)
    assert len(desk.audit()) == 3
    writer = desk.reviewer._writer
    writer.sum_up(desk.desk.now_us())
    assert len(desk.audit()) == 3
    later_us = desk.desk.now_us() + SUMMED_UP_AFTER_US
    writer.sum_up(later_us)
    writer.sum_up(later_us)
    assert "malformed=3 oversize=4" in desk.audit("refused, by count")[0].detail
    assert (len(desk.audit()), desk.refused()) == (4, 10)
    assert check("home", desk.audit()) is None


async def test_what_a_flood_left_is_summed_up_while_nothing_comes(
    desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reviewer's own loop enters it, also when another one counted and is gone."""
    monkeypatch.setattr("pipeline.review.reviewer.SUM_UP_S", 0.01)
    counted = AuditThrottle(entries=1, at_us=desk.desk.now_us(), counted={"signature": 7}, since_us=1)
    with desk.store.begin() as transaction:
        transaction.suggestions.set_control(REFUSED, counted.model_dump(mode="json"))
    (loop,) = desk.reviewer.loops()
    task = asyncio.create_task(loop())
    await wait_until(lambda: bool(desk.audit()), PATIENCE_S, "a summary")
    task.cancel()
    assert desk.refused() == 7


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (SuggestionWrites, "use_nonce"),
        (SuggestionWrites, "deploy"),
        (SuggestionWrites, "replace"),
        (SuggestionWrites, "say"),
        (SuggestionWrites, "audit"),
        (Transaction, "enqueue"),
    ],
)
@pytest.mark.parametrize("is_done", [False, True])
async def test_a_kill_between_anything_leaves_nothing_half_done(
    desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, *, is_done: bool
) -> None:
    """Before or after any write: nothing of the decision is kept, and the message counts when it comes."""
    command = desk.command(Verb.APPROVE, LAMP)
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, _killed(getattr(owner, step), is_done=is_done))
        with pytest.raises(KilledError):
            await desk.send(command)
    assert now(desk) == LAMP
    assert not desk.store.suggestions.is_used(f"command:{command.nonce}")
    assert (desk.said(), desk.audit(), desk.store.suggestions.deployments()) == ([], [], [])
    await desk.send(command)
    await desk.send(command)
    assert now(desk).status is Status.APPROVED
    assert len(desk.said(DEPLOY)) == len(desk.store.suggestions.feedback()) == 1


class KilledError(Exception):
    """The process is gone."""


def _killed(write: Callable[..., Any], *, is_done: bool) -> Callable[..., Any]:
    def killed(*arguments: Any, **named: Any) -> None:
        if is_done:
            write(*arguments, **named)
        raise KilledError

    return killed


async def test_what_somebody_else_wrote_meanwhile_is_looked_at_anew(
    desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked up for another state decides nothing; the message is handled again."""

    async def outdated(_: object) -> Preconditions:
        return Preconditions()

    command = desk.command(Verb.APPROVE, LAMP)
    with monkeypatch.context() as patch:
        patch.setattr(desk.reviewer, "_preconditions", outdated)
        with pytest.raises(StoreUnavailableError):
            await desk.send(command)
    assert (now(desk), desk.said()) == (LAMP, [])
    await desk.send(command)
    assert now(desk).status is Status.APPROVED


async def test_a_write_that_comes_between_makes_the_decision_void(
    desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compare-and-set: what was read and has been written since is not written over."""
    with monkeypatch.context() as patch:
        patch.setattr(SuggestionWrites, "replace", lambda *_, **__: False)
        with pytest.raises(StoreUnavailableError):
            await desk.send(desk.command(Verb.APPROVE, LAMP))
    assert (now(desk), desk.said(), desk.audit()) == (LAMP, [], [])
    assert desk.store.suggestions.deployments() == []


def test_of_many_approvals_at_once_one_deploys(settings: Settings) -> None:
    """Four reviewers on one store, half of the messages delivered again and again: one deployment each."""
    found = duplicate(settings, 80)
    assert (found.approvals, found.suggestions) == (80, 8)
    assert found.orders_each == (1, 1)
    assert found.deployments == found.feedback == found.accepted == 8


async def test_nothing_forged_counts_and_all_of_it_is_entered(
    settings: Settings, home_assistant: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forged, mutated, replayed, expired, retained commands and bare presses."""
    monkeypatch.setattr("pipeline.review.confirmation.PAUSES_S", (0.0,))
    forged = await forge(reading(settings, home_assistant), 140, home_assistant, seed=101)
    assert set(forged.sent.values()) == {20}
    assert (forged.counted, forged.audited, forged.is_log_whole) == (0, 140, True)


@pytest.mark.parametrize("kind", ["command", "press"])
async def test_with_a_key_that_is_none_everything_is_refused_and_nothing_ends(
    desk: ReviewDesk, kind: str
) -> None:
    """Who reviews starts all the same, and says what to do about the key."""
    desk.desk.settings.command_key_file.write_bytes(b"garbage")
    reviewer = Reviewer(desk.desk)
    subscriber = reviewer.subscribers()[0 if kind == "command" else -1]
    await subscriber.handle(
        IncomingMessage(subscriber.topic_filter, b"{}", False, "", b"", desk.desk.now_us())
    )
    (entry,) = desk.audit()
    assert (entry.what, "no key" in entry.detail) == (REFUSED, True)
