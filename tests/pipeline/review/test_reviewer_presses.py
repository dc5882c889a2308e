import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.processes import wait_until
from benchmarks.review_desk import ReviewDesk, a_suggestion, button, show
from pipeline.commands.signing import is_signed
from pipeline.discovery.suggestion import button_of, content_of, device_of
from pipeline.review import confirmation
from pipeline.settings import Settings
from schemas.commands import Press, PressVerb, SignedCommand, Verb
from schemas.deployments import Deployment
from schemas.suggestions import Opinion, Status, Suggestion
from tests.pipeline.review.reviewing import (
    ANSWERED,
    DEPLOY,
    LAMP,
    ROLLBACK,
    home_assistant,
    now,
    reading,
    reasons,
)
from tests.sinks.fake_home_assistant import READER_ID, Failure, FakeHomeAssistant

__all__ = ["home_assistant"]

APPROVE, NOT_NOW, REJECT, UNDO = PressVerb
PATIENCE_S = 20.0
WORDS = f"sensor.ha_ai_{content_of(LAMP)}"


@pytest.fixture
def desk(settings: Settings, home_assistant: FakeHomeAssistant) -> Iterator[ReviewDesk]:
    """A reviewer that may ask Home Assistant, and a suggestion that waits with its buttons."""
    made = ReviewDesk(reading(settings, home_assistant))
    made.add(LAMP)
    show(home_assistant, LAMP)
    home_assistant.add_entity("person.anna", "home", user_id=READER_ID, friendly_name="Anna")
    yield made
    made.close()


def press_of(verb: PressVerb, suggestion: Suggestion = LAMP) -> Press:
    """What a button publishes."""
    return Press(suggestion_id=suggestion.id, verb=verb, content_hash=suggestion.content_hash)


def looks(home_assistant: FakeHomeAssistant, verb: PressVerb) -> int:
    """How often Home Assistant was asked for the state of a button."""
    return sum(each.path.endswith(button(verb, LAMP)) for each in home_assistant.requests)


async def publish(desk: ReviewDesk, verb: PressVerb, suggestion: Suggestion = LAMP) -> None:
    """Publish what a button does, pressed or not."""
    await desk.receive(desk.topics.press, press_of(verb, suggestion).model_dump_json().encode())


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A press that is not there yet is not waited for."""
    monkeypatch.setattr(confirmation, "PAUSES_S", ())


async def test_a_person_who_presses_approves(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """The deployment is ordered in the name of whoever Home Assistant says has pressed."""
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED
    (said,) = desk.said(DEPLOY)
    order = SignedCommand.model_validate(said.payload)
    assert is_signed(order, desk.key)
    assert (order.approver, order.content_hash) == ("Anna", LAMP.content_hash)
    assert [entry.actor for entry in desk.audit()] == ["Anna"]
    assert desk.said(ANSWERED)[0].payload["accepted"]


@pytest.mark.parametrize(
    ("verb", "status", "opinion"),
    [(NOT_NOW, Status.PENDING, Opinion.NOT_NOW), (REJECT, Status.REJECTED, Opinion.REJECTED)],
)
async def test_a_person_who_presses_puts_off_and_rejects(
    desk: ReviewDesk,
    home_assistant: FakeHomeAssistant,
    verb: PressVerb,
    status: Status,
    opinion: Opinion,
) -> None:
    """Each button says what it stands for, and no other."""
    home_assistant.press(button(verb, LAMP), READER_ID)
    await publish(desk, verb)
    assert now(desk).status is status
    assert [each.opinion for each in desk.store.suggestions.feedback()] == [opinion]
    assert desk.store.suggestions.deployments() == []


@pytest.mark.usefixtures("without_patience")
async def test_the_bare_message_is_nothing(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """Whoever publishes what the buttons do, without a press, is refused; so is one of another button."""
    home_assistant.press(button(REJECT, LAMP), READER_ID)
    for verb in (APPROVE, NOT_NOW):
        await publish(desk, verb)
    assert now(desk) == LAMP
    assert reasons(desk) == ["not_pressed"] * 2
    assert [said.payload["accepted"] for said in desk.said()] == [False, False]


@pytest.mark.parametrize(("user_id", "parent_id"), [(None, None), (None, "01"), (READER_ID, "01")])
async def test_an_automation_is_nobody(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, user_id: str | None, parent_id: str | None
) -> None:
    """A press without a user, or that follows from something else, does not count."""
    home_assistant.press(button(APPROVE, LAMP), user_id)
    home_assistant.states[button(APPROVE, LAMP)]["context"]["parent_id"] = parent_id
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["no_person"])


@pytest.mark.usefixtures("without_patience")
@pytest.mark.parametrize("seconds", [-125, 125])
async def test_a_press_of_long_ago_is_over(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, seconds: int
) -> None:
    """Two minutes after a press its message counts no more."""
    pressed = datetime.now(UTC) + timedelta(seconds=seconds)
    home_assistant.change(button(APPROVE, LAMP), pressed.isoformat(), READER_ID)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_pressed"])


async def test_who_pressed_is_entered_by_id_too(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """Names can be alike, and change: the audit log says which user it was, of a refusal as well."""
    for verb in (REJECT, NOT_NOW):
        home_assistant.press(button(verb, LAMP), READER_ID)
        await publish(desk, verb)
    assert [entry.what for entry in desk.audit()] == ["reject", "refused"]
    assert all(f" user={READER_ID}" in entry.detail for entry in desk.audit())


async def test_a_press_counts_once(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """The message again, forged or delivered again, is refused and orders nothing; another press counts."""
    home_assistant.press(button(NOT_NOW, LAMP), READER_ID)
    for _ in range(3):
        await publish(desk, NOT_NOW)
    assert reasons(desk) == ["replayed"] * 2
    assert len(desk.store.suggestions.feedback()) == 1
    home_assistant.press(button(NOT_NOW, LAMP), READER_ID)
    await publish(desk, NOT_NOW)
    assert len(desk.store.suggestions.feedback()) == 2


async def test_who_presses_twice_approves_once(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """Two presses, one deployment, and both are told that it is approved."""
    for _ in range(2):
        home_assistant.press(button(APPROVE, LAMP), READER_ID)
        await publish(desk, APPROVE)
    assert len(desk.said(DEPLOY)) == len(desk.store.suggestions.feedback()) == 1
    assert [said.payload["accepted"] for said in desk.said(ANSWERED)] == [True, True]


async def test_an_older_version_cannot_be_pressed(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """A press on what stood there before does not approve what stands there now."""
    older = a_suggestion(391).model_copy(update={"id": LAMP.id})
    show(home_assistant, older)
    home_assistant.press(button(APPROVE, older), READER_ID)
    await publish(desk, APPROVE, older)
    forged = press_of(APPROVE).model_copy(update={"content_hash": LAMP.content_hash[:8] + "0" * 56})
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await desk.receive(desk.topics.press, forged.model_dump_json().encode())
    assert (now(desk), reasons(desk)) == (LAMP, ["changed", "changed"])


async def test_a_button_that_is_not_there_cannot_be_pressed(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """Neither one that Home Assistant does not know nor one of a suggestion that nobody made."""
    home_assistant.remove_entity(button(APPROVE, LAMP))
    await publish(desk, APPROVE)
    stranger = a_suggestion(391)
    show(home_assistant, stranger)
    home_assistant.press(button(APPROVE, stranger), READER_ID)
    await publish(desk, APPROVE, stranger)
    assert (now(desk), reasons(desk)) == (LAMP, ["no_button", "unknown"])


async def test_a_renamed_button_is_the_same(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """People may call the entity what they like: its unique id tells which it is."""
    home_assistant.remove_entity(button(APPROVE, LAMP))
    home_assistant.add_entity(
        "button.yes_please",
        unique_id=button_of(press_of(APPROVE)),
        device_id=device_of(LAMP),
        name="Approve",
    )
    home_assistant.press("button.yes_please", READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED


DECOYS = {
    "another device": {"name": "Approve", "device_id": "bell"},
    "no device": {"name": "Approve", "device_id": None},
    "another name": {"name": "Chime", "device_id": device_of(LAMP)},
    "no name": {"name": None, "device_id": device_of(LAMP)},
}


@pytest.mark.parametrize("decoy", DECOYS.values(), ids=DECOYS)
async def test_what_has_our_buttons_unique_id_but_looks_otherwise_is_not_ours(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, decoy: dict[str, Any]
) -> None:
    """Whoever may publish discovery may have announced it: a person who presses it presses something else."""
    bell = {"id": "bell", "identifiers": [["mqtt", "bell"]], "name": LAMP.title}
    home_assistant.devices.append(bell)
    home_assistant.remove_entity(button(APPROVE, LAMP))
    home_assistant.add_entity("button.chime", unique_id=button_of(press_of(APPROVE)), **decoy)
    home_assistant.press("button.chime", READER_ID)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_ours"])
    assert "button.chime" in desk.said(ANSWERED)[0].payload["text"]


async def test_our_device_under_another_name_is_not_ours(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """Who announces our device anew has it named anew."""
    (device,) = (row for row in home_assistant.devices if row["id"] == device_of(LAMP))
    device["name"] = "Front bell"
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_ours"])


@pytest.mark.usefixtures("without_patience")
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_scene_is_no_button(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, *, is_first: bool
) -> None:
    """Each domain may have our unique id once, and a scene's state is a moment too: it approves nothing."""
    scene = "scene.movie_night"
    home_assistant.add_entity(scene, unique_id=button_of(press_of(APPROVE)))
    if is_first:
        home_assistant.entities.insert(0, home_assistant.entities.pop())
    home_assistant.press(scene, READER_ID)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_pressed"])
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "Turn on the reading lamp"},
        {"state": "unknown"},
        {"description": "harmless"},
        {"yaml": "harmless"},
        {"yaml": None},
        {"proof": "it would have run 900 times"},
        {"conflicts": ["none"]},
    ],
    ids=str,
)
async def test_who_was_shown_something_else_has_not_approved_this(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, forged: dict[str, Any]
) -> None:
    """Other words can be published to the same device; whoever reads ours then and presses approves."""
    title = home_assistant.states[WORDS]["state"]
    home_assistant.change(WORDS, forged.pop("state", title), **forged)
    home_assistant.age(WORDS, 60)
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_shown"])
    show(home_assistant, LAMP)
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED


@pytest.mark.parametrize("before_s", [0, 0.5])
async def test_words_that_come_with_the_press_were_not_read(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, before_s: float
) -> None:
    """Who forged them could put ours back at the press, or a moment before it: the person read the others."""
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    home_assistant.age(WORDS, before_s)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["just_shown"])


async def test_who_pressed_in_vain_is_told_in_home_assistant(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """A person sees nothing but a button: a notification says why their press does not count."""
    await publish(desk, APPROVE)
    assert home_assistant.notifications == {}, "nobody pressed"
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    home_assistant.age(WORDS, 0)
    await publish(desk, APPROVE)
    [told] = home_assistant.notifications.values()
    assert "look again, then press again" in told["message"]


async def test_who_cannot_be_told_is_refused_all_the_same(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """The reason stays the same when no notification can be made."""
    home_assistant.fail("call", Failure.SERVER_ERROR)
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    home_assistant.age(WORDS, 0)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk), home_assistant.notifications) == (LAMP, ["just_shown"], {})


async def test_a_button_that_was_altered_after_the_press_was_another(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """A decoy that takes our name before we look has an older press than name."""
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    state = home_assistant.states[button(APPROVE, LAMP)]
    state["last_updated"] = datetime.now(UTC).isoformat()
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["altered"])


async def test_without_its_words_nothing_is_approved(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """Nobody can have read them, nor where they stand on another's device; the other buttons need none."""
    (row,) = (row for row in home_assistant.entities if row["entity_id"] == WORDS)
    row["device_id"] = "bell"
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    home_assistant.remove_entity(WORDS)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["not_ours", "not_shown"])
    home_assistant.press(button(NOT_NOW, LAMP), READER_ID)
    await publish(desk, NOT_NOW)
    assert now(desk).snoozed_until is not None


async def test_a_state_that_comes_late_is_awaited(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """The message may come before the state that confirms it."""
    home_assistant.change(button(APPROVE, LAMP), "unknown")
    received = asyncio.create_task(publish(desk, APPROVE))
    await wait_until(lambda: looks(home_assistant, APPROVE), PATIENCE_S, "a look at the button")
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await received
    assert now(desk).status is Status.APPROVED


async def test_forged_presses_do_not_make_people_wait(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one that nobody confirmed each is looked up once; what a person presses counts at once."""
    monkeypatch.setattr(confirmation, "PAUSES_S", (0.0, 0.0))
    for _ in range(10):
        await publish(desk, APPROVE)
    assert looks(home_assistant, APPROVE) == 3 + 9
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED


@pytest.mark.parametrize(
    ("step", "failure"),
    [
        ("state", Failure.SERVER_ERROR),
        ("state", Failure.CUT_BEFORE),
        ("state", Failure.UNAUTHORIZED),
        ("state", Failure.NO_JSON),
        ("states", Failure.CUT_BEFORE),
        ("websocket", Failure.CUT_BEFORE),
        ("config/entity_registry/list", Failure.SERVER_ERROR),
    ],
)
async def test_what_cannot_be_confirmed_does_not_count(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant, step: str, failure: Failure
) -> None:
    """Where Home Assistant does not answer, the person is told to press again, and that press counts."""
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    home_assistant.fail(step, failure)
    await publish(desk, APPROVE)
    assert (now(desk), reasons(desk)) == (LAMP, ["unconfirmed"])
    assert "press again" in desk.said(ANSWERED)[0].payload["text"]
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    await publish(desk, APPROVE)
    assert now(desk).status is Status.APPROVED


async def test_without_home_assistant_no_press_counts(settings: Settings) -> None:
    """Nobody could confirm it; the words name the settings."""
    blind = ReviewDesk(settings)
    blind.add(LAMP)
    await publish(blind, APPROVE)
    assert (now(blind), reasons(blind)) == (LAMP, ["not_set_up"])
    assert "HA_AI_HOME_ASSISTANT_TOKEN" in blind.said(ANSWERED)[0].payload["text"]
    blind.close()


async def test_who_has_no_person_is_a_user_of_home_assistant(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """A user without a person in Home Assistant, or with a strange name, approves all the same."""
    strange = "c" * 32
    home_assistant.press(button(NOT_NOW, LAMP), strange)
    await publish(desk, NOT_NOW)
    home_assistant.add_entity("person.c", user_id=strange, friendly_name="\u202e\x00" + "long " * 40)
    home_assistant.press(button(APPROVE, LAMP), strange)
    await publish(desk, APPROVE)
    one, other = (entry.actor for entry in desk.audit())
    assert one == "a user of Home Assistant (cccccccc)"
    assert other == ("long " * 40)[:64].strip()


def deployed(desk: ReviewDesk) -> None:
    """Let the suggestion stand in Home Assistant."""
    with desk.store.begin() as transaction:
        writes = transaction.suggestions
        kept = writes.get(LAMP.id)
        assert kept is not None
        writes.replace(kept.suggestion.model_copy(update={"status": Status.DEPLOYED}), changes=kept.changes)
        writes.deploy(Deployment(LAMP.id, LAMP.automation_id, 1, 1, "stands", 1, "{}", 1))


async def test_a_person_who_presses_undo_takes_it_back(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """Nothing is to stand there any more, by a signed order; a second press is one that was said already."""
    deployed(desk)
    for _ in range(2):
        home_assistant.press(button(UNDO, LAMP), READER_ID)
        await publish(desk, UNDO)
    row = desk.store.suggestions.deployment(LAMP.id)
    assert row is not None
    assert (row.wanted, row.standing, row.step) == (0, 1, "wanted")
    order = SignedCommand.model_validate_json(row.approval)
    assert is_signed(order, desk.key)
    assert (order.verb, order.version, order.approver) == (Verb.ROLLBACK, 0, "Anna")
    assert [SignedCommand.model_validate(said.payload) for said in desk.said(ROLLBACK)] == [order]
    assert [said.payload["accepted"] for said in desk.said(ANSWERED)] == [True, True]
    assert [entry.what for entry in desk.audit()] == ["undo", "undo already"]


async def test_what_was_approved_is_taken_back_before_it_stands(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """While Home Assistant or the deployer is away, too: the order to deploy it is replaced."""
    for verb in (APPROVE, UNDO):
        home_assistant.press(button(verb, LAMP), READER_ID)
        await publish(desk, verb)
    row = desk.store.suggestions.deployment(LAMP.id)
    assert row is not None
    assert (row.wanted, row.standing) == (0, 0)
    assert SignedCommand.model_validate_json(row.approval).verb is Verb.ROLLBACK
    assert [said.payload["accepted"] for said in desk.said(ANSWERED)] == [True, True]


async def test_only_what_was_approved_is_taken_back(
    desk: ReviewDesk, home_assistant: FakeHomeAssistant
) -> None:
    """What waits cannot be undone."""
    home_assistant.press(button(UNDO, LAMP), READER_ID)
    await publish(desk, UNDO)
    assert (now(desk), reasons(desk)) == (LAMP, ["settled"])
    assert desk.store.suggestions.deployments() == []


@pytest.mark.usefixtures("without_patience")
async def test_a_retained_press_is_not_looked_up(desk: ReviewDesk, home_assistant: FakeHomeAssistant) -> None:
    """A real press whose message was kept by the broker does not count."""
    home_assistant.press(button(APPROVE, LAMP), READER_ID)
    payload = press_of(APPROVE).model_dump_json().encode()
    await desk.receive(desk.topics.press, payload, retain=True)
    assert (now(desk), reasons(desk), home_assistant.requests) == (LAMP, ["retained"], [])
