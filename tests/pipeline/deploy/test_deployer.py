"""From what was approved to what runs in Home Assistant, and back."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipeline.automations.render import as_yaml, render
from pipeline.deploy.deployer import Deployer
from pipeline.deploy.token import TokenFileError
from pipeline.runtime.role import IncomingMessage
from schemas.commands import AutomationExecuted, AutomationFailed
from schemas.suggestions import Opinion, Status, Suggestion, SuggestionChanged, UserFeedback
from sinks.store.suggestions import SuggestionReads
from tests.fixtures.deployments import ID, LAMP, FakeBench, proposal, received, until
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant


@pytest_asyncio.fixture(params=["2024.3.3", "2025.4.4"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeHomeAssistant]:
    """A Home Assistant with a lamp, and a sun that tells when it is dark."""
    async with FakeHomeAssistant(request.param) as home:
        home.add_entity(LAMP, "off")
        yield home


@pytest.fixture
def bench(tmp_path: Path, fake: FakeHomeAssistant) -> Iterator[FakeBench]:
    """A store beside it."""
    made = FakeBench(tmp_path, fake)
    yield made
    made.close()


async def deploy(bench: FakeBench, suggestion: Suggestion) -> None:
    """Approve a suggestion, and have it deployed."""
    deployer = bench.deployer()
    await bench.take(deployer, bench.approve(suggestion))
    await bench.settle(deployer)


async def test_what_was_approved_stands_and_is_enabled(bench: FakeBench) -> None:
    """The automation is in Home Assistant as it was approved, and everybody is told."""
    suggestion = proposal()
    await deploy(bench, suggestion)
    assert bench.stands(suggestion)
    known = bench.suggestion()
    entity = bench.fake.state_of("haai_" + ID)
    assert entity
    assert (known.status, known.ha_automation_id) == (Status.DEPLOYED, "haai_" + ID)
    assert known.ha_entity_id == entity["entity_id"]
    (executed,) = map(AutomationExecuted.model_validate, bench.said("automation/executed"))
    assert (executed.what, executed.version, executed.entity_id) == ("deployed", 1, entity["entity_id"])
    (changed,) = map(SuggestionChanged.model_validate, bench.said("suggestion/changed"))
    assert changed.status is Status.DEPLOYED
    assert bench.audited() == ["deploy ordered", "deployed"]
    assert [each.suggestion.content_hash for each in bench.store.suggestions.versions(ID)] == [
        suggestion.content_hash
    ]


async def test_an_approval_is_carried_out_without_its_message(bench: FakeBench) -> None:
    """What the reviewer wrote down is enough: the message only makes it faster."""
    suggestion = proposal()
    bench.approve(suggestion)
    await bench.settle()
    assert bench.stands(suggestion)


async def test_undo_leaves_nothing(bench: FakeBench) -> None:
    """Configuration and entity are gone, the suggestion is retired, and that counts as feedback."""
    suggestion = proposal()
    await deploy(bench, suggestion)
    deployer = bench.deployer()
    await bench.take(deployer, bench.undo(text="too early"))
    await bench.settle(deployer)
    assert (bench.fake.automations, bench.fake.state_of("haai_" + ID)) == ({}, None)
    known = bench.suggestion()
    assert (known.status, known.ha_automation_id, known.ha_entity_id) == (Status.RETIRED, None, None)
    assert known.reason == "undone by Anna: too early"
    (feedback,) = map(UserFeedback.model_validate, bench.said("feedback/given"))
    assert (feedback.opinion, feedback.person, feedback.text) == (Opinion.UNDONE, "Anna", "too early")
    assert bench.opinions() == [Opinion.UNDONE]
    assert [each["what"] for each in bench.said("automation/executed")] == ["deployed", "removed"]


async def test_an_undo_in_the_middle_of_a_deployment_wins(bench: FakeBench) -> None:
    """However far the deployment is when Undo comes, nothing stands at the end."""
    for steps in range(4):
        deployer = bench.deployer()
        held = await bench.held(deployer)
        bench.approve(proposal())
        for _ in range(steps):
            await deployer.advance(held)
        bench.undo()
        await bench.settle(deployer)
        assert (bench.fake.automations, bench.suggestion().status) == ({}, Status.RETIRED)


async def test_a_changed_version_takes_the_place_of_the_one_before(bench: FakeBench) -> None:
    """There is one automation under one id, and every version is kept."""
    first, second = proposal(390), proposal(400, version=2)
    await deploy(bench, first)
    await deploy(bench, second)
    assert bench.stands(second)
    assert [each.version for each in bench.store.suggestions.versions(ID)] == [1, 2]


async def test_a_rollback_brings_an_older_version_back(bench: FakeBench) -> None:
    """What it was then is deployed again and proposed again, under a number of its own."""
    first, second = proposal(390), proposal(400, version=2)
    await deploy(bench, first)
    await deploy(bench, second)
    deployer = bench.deployer()
    await bench.take(deployer, bench.rollback(1))
    await bench.settle(deployer)
    assert bench.stands(first)
    known = bench.suggestion()
    assert (known.content_hash, known.version, known.status) == (first.content_hash, 3, Status.DEPLOYED)
    assert bench.row().standing == 1
    assert [each["what"] for each in bench.said("automation/executed")][-1] == "rolled_back"


async def test_what_was_undone_can_be_brought_back(bench: FakeBench) -> None:
    """A rollback to a version works after nothing stood."""
    suggestion = proposal()
    await deploy(bench, suggestion)
    deployer = bench.deployer()
    await bench.take(deployer, bench.rollback(0))
    await bench.settle(deployer)
    await bench.take(deployer, bench.rollback(1))
    await bench.settle(deployer)
    assert bench.stands(suggestion)
    assert bench.suggestion().status is Status.DEPLOYED


async def test_an_entity_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    """Home Assistant says ok before it has loaded anything."""
    async with FakeHomeAssistant(loads_after=5) as fake:
        fake.add_entity(LAMP)
        bench = FakeBench(tmp_path, fake)
        suggestion = proposal()
        await deploy(bench, suggestion)
        assert bench.stands(suggestion)
        assert bench.writes() == 1
        bench.close()


async def test_somebody_elses_automation_is_never_touched(bench: FakeBench) -> None:
    """Under our id stands what we never wrote: it is left, and a person is told."""
    theirs = {"alias": "Mine", "trigger": [], "action": []}
    bench.fake.add_automation("haai_" + ID, theirs)
    await deploy(bench, proposal())
    assert bench.fake.automations["haai_" + ID] == theirs
    assert bench.writes() == 0
    known = bench.suggestion()
    assert known.status is Status.PENDING
    assert "not ours" in known.reason
    (failed,) = map(AutomationFailed.model_validate, bench.said("automation/failed"))
    assert (failed.step, failed.retried) == ("write", False)


async def test_what_was_changed_by_hand_is_not_overwritten(bench: FakeBench) -> None:
    """A new version does not replace what somebody made of the one before."""
    await deploy(bench, proposal(390))
    edited = {**bench.fake.automations["haai_" + ID], "alias": "Mine now"}
    bench.fake.automations["haai_" + ID] = edited
    await deploy(bench, proposal(400, version=2))
    assert bench.fake.automations["haai_" + ID] == edited
    assert "changed by hand" in bench.suggestion().reason


async def test_undo_removes_what_was_changed_by_hand(bench: FakeBench) -> None:
    """Who presses Undo wants it gone, whatever became of it."""
    await deploy(bench, proposal())
    bench.fake.automations["haai_" + ID]["alias"] = "Mine now"
    bench.undo()
    await bench.settle()
    assert bench.fake.automations == {}


async def test_undo_keeps_what_a_person_made_of_it(bench: FakeBench) -> None:
    """It is removed, but stands in the audit log whole, however long it is, and once."""
    await deploy(bench, proposal())
    edited = bench.fake.automations["haai_" + ID]
    edited |= {"alias": "Mine now", "description": "How I “like” it. " * 300}
    bench.fake.fail("delete", Failure.SERVER_ERROR)
    bench.undo()
    await bench.settle()
    assert bench.fake.automations == {}
    parts = [each for each in bench.store.suggestions.audit() if each.what.startswith("removed with")]
    assert [each.what[-11:] for each in parts] == [f"part {number} of 3" for number in (1, 2, 3)]
    assert json.loads("".join(each.detail for each in parts)) == {**edited, "id": "haai_" + ID}


async def test_a_version_that_stood_once_can_stand_again_when_words_have_changed(
    bench: FakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release says the same in other words: what stood before stands again, letter by letter."""
    first, second = proposal(390), proposal(400, version=2)
    await deploy(bench, first)
    stood = dict(bench.fake.automations["haai_" + ID])
    await deploy(bench, second)

    def reworded(*arguments: Any, **named: Any) -> dict[str, Any]:
        return render(*arguments, **named) | {"alias": "In other words", "description": ""}

    monkeypatch.setattr("pipeline.commands.admission.render", reworded)
    deployer = bench.deployer()
    await bench.take(deployer, bench.rollback(1))
    await bench.settle(deployer)
    assert bench.fake.automations["haai_" + ID] == stood
    assert bench.row().standing == 1


@pytest.mark.parametrize("is_yaml_too", [False, True])
async def test_a_version_that_was_altered_in_the_store_does_not_stand_again(
    bench: FakeBench, *, is_yaml_too: bool
) -> None:
    """What is kept of it has to be what was approved, and to do what was judged safe."""
    first, second = proposal(390), proposal(400, version=2)
    await deploy(bench, first)
    (kept,) = bench.store.suggestions.versions(ID)
    await deploy(bench, second)
    config = kept.config | {"action": [{"service": "lock.unlock", "target": {"entity_id": "lock.front"}}]}
    altered = first.model_copy(update={"automation_yaml": as_yaml(config)}) if is_yaml_too else first
    with sqlite3.connect(bench.settings.database_path) as forger:
        forger.execute(
            "UPDATE automation_versions SET config = ?, suggestion = ?, content_hash = ? WHERE version = 1",
            (json.dumps(config), altered.model_dump_json(), altered.content_hash),
        )
    deployer = bench.deployer()
    await bench.take(deployer, bench.rollback(1))
    await bench.settle(deployer)
    assert bench.stands(second)
    assert "what is kept of that version" in bench.suggestion().reason


async def test_runs_that_anybody_can_claim_are_told_within_bounds(
    bench: FakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand forged events are one message, and do not read all suggestions each time."""
    await deploy(bench, proposal())
    event = {"entity_id": bench.suggestion().ha_entity_id}
    payload = json.dumps({"event_type": "automation_triggered", "event_data": event}).encode()
    reads, get = 0, SuggestionReads.get

    def counted(self: SuggestionReads, suggestion_id: str) -> Suggestion | None:
        nonlocal reads
        reads += 1
        return get(self, suggestion_id)

    monkeypatch.setattr(SuggestionReads, "get", counted)
    deployer = bench.deployer()
    for _ in range(1_000):
        await bench.stream(deployer, payload)
    assert len([each for each in bench.said("automation/executed") if each["what"] == "ran"]) == 1
    assert reads < 10
    topic = bench.settings.eventstream_topic
    (subscriber,) = [each for each in deployer.subscribers() if each.topic_filter == topic]
    message = received(topic, payload)
    for later_s in (5, 11, -60):
        await subscriber.handle(message._replace(received_us=message.received_us + later_s * 1_000_000))
    assert len([each for each in bench.said("automation/executed") if each["what"] == "ran"]) == 3


async def test_what_has_just_been_deployed_is_heard_of_at_once(bench: FakeBench) -> None:
    """What was known of our automations before is not what is known after a step."""
    deployer = bench.deployer()
    event = b'{"event_type": "automation_triggered", "event_data": {"entity_id": "automation.other"}}'
    await bench.stream(deployer, event)
    bench.approve(proposal())
    await bench.settle(deployer)
    await bench.stream(deployer, event.replace(b"automation.other", _entity(bench).encode()))
    assert [each["what"] for each in bench.said("automation/executed")] == ["deployed", "ran"]


def _entity(bench: FakeBench) -> str:
    found = bench.suggestion().ha_entity_id
    assert found
    return found


async def test_an_automation_of_ours_that_ran_is_told(bench: FakeBench) -> None:
    """Home Assistant's event about our entity becomes a message, others do not."""
    await deploy(bench, proposal())
    entity_id = bench.suggestion().ha_entity_id
    await say_event(bench, "automation_triggered", {"entity_id": entity_id, "source": "time"})
    await say_event(bench, "automation_triggered", {"entity_id": "automation.other"})
    await say_event(bench, "call_service", {"entity_id": entity_id, "of": "automation_triggered"})
    ran = [each for each in bench.said("automation/executed") if each["what"] == "ran"]
    assert [(each["entity_id"], each["version"]) for each in ran] == [(entity_id, 1)]


@pytest.mark.parametrize(
    "payload",
    [
        b"automation_triggered",
        b'["automation_triggered"]',
        b'{"event_type": "automation_triggered"}',
        b'{"event_type": "automation_triggered", "event_data": {"entity_id": ["a"]}}',
        b'{"event_type": "automation_triggered", "event_data": ' + b"[" * 50_000,
        b'"automation_triggered"' + b" " * 70_000,
    ],
)
async def test_an_event_of_another_form_is_passed_over(bench: FakeBench, payload: bytes) -> None:
    """Whatever comes on the stream's topic, nothing is said and nothing breaks."""
    await handle(bench.deployer(), bench, payload)
    assert bench.said("executed") == []


async def test_the_loops_deploy_and_look_after_what_stands(bench: FakeBench) -> None:
    """Run as the host runs it: an order is carried out at once, and a removal noticed."""
    deployer = bench.deployer()
    tasks = [asyncio.create_task(loop()) for loop in deployer.loops()]
    suggestion = proposal()
    await bench.take(deployer, bench.approve(suggestion))
    await until(lambda: bench.suggestion().status is Status.DEPLOYED)
    bench.fake.remove_automation(suggestion.automation_id)
    await handle(deployer, bench, b"online", topic=bench.settings.status_topic)
    await until(lambda: bench.suggestion().status is Status.RETIRED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert bench.store.leases.beat("deploy")
    assert bench.opinions() == [Opinion.REMOVED]


async def test_without_an_address_or_a_token_there_is_no_deployer(bench: FakeBench) -> None:
    """It says what has to be set."""
    for name in ("home_assistant_url", "deployer_token_file"):
        kept, bench.settings = bench.settings, bench.settings.model_copy(update={name: None})
        with pytest.raises(TokenFileError, match="HA_AI_DEPLOYER_TOKEN_FILE"):
            bench.deployer()
        bench.settings = kept


async def say_event(bench: FakeBench, event_type: str, event_data: dict[str, object]) -> None:
    """Let Home Assistant's stream tell an event."""
    payload = json.dumps({"event_type": event_type, "event_data": event_data}).encode()
    await handle(bench.deployer(), bench, payload)


async def handle(deployer: Deployer, bench: FakeBench, payload: bytes, *, topic: str | None = None) -> None:
    """Let a deployer receive a message of Home Assistant's."""
    where = topic or bench.settings.eventstream_topic
    message: IncomingMessage = received(where, payload)
    (subscriber,) = [each for each in deployer.subscribers() if each.topic_filter == where]
    await subscriber.handle(message)
