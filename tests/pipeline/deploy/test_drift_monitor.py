"""What people do to a deployed automation in Home Assistant is noticed once, and never undone."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from pipeline.deploy.deployer import Deployer
from pipeline.runtime.role import RoleContext
from schemas.suggestions import Opinion, Status, SuggestionChanged
from sinks.home_assistant import Unreachable
from sinks.store import Held
from tests.fixtures.deployments import ID, LAMP, QUICK, FakeBench, proposal, until
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant

OURS = "haai_" + ID


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeHomeAssistant]:
    """A Home Assistant with a lamp."""
    async with FakeHomeAssistant() as home:
        home.add_entity(LAMP, "off")
        yield home


@pytest_asyncio.fixture
async def bench(tmp_path: Path, fake: FakeHomeAssistant) -> AsyncIterator[FakeBench]:
    """A store beside it, and an automation that stands."""
    made = FakeBench(tmp_path, fake, timeout_s=2.0)
    made.approve(proposal())
    await made.settle()
    assert made.stands(proposal())
    yield made
    made.close()


@pytest.fixture
def deployer(bench: FakeBench) -> Deployer:
    """A deployer that has just started."""
    return bench.deployer()


@pytest_asyncio.fixture
async def held(bench: FakeBench, deployer: Deployer) -> Held:
    """Its lease."""
    return await bench.held(deployer)


async def look(bench: FakeBench, deployer: Deployer, held: Held) -> None:
    """Look twice, so far apart that what lasts counts."""
    for _ in range(2):
        await deployer._monitor.look_once(held)
        await asyncio.sleep(QUICK.off_s)
    await deployer._monitor.look_once(held)
    await bench.settle(deployer)


def changes(bench: FakeBench) -> list[str]:
    """Return what was said of the suggestion after it was deployed."""
    said = map(SuggestionChanged.model_validate, bench.said("suggestion/changed"))
    return [each.text for each in said][1:]


async def test_what_nobody_touched_is_left_alone(bench: FakeBench, deployer: Deployer, held: Held) -> None:
    """Looking changes nothing."""
    row = bench.row()
    await look(bench, deployer, held)
    assert bench.row() == row
    assert changes(bench) == []


async def test_what_was_removed_by_hand_is_retired_and_not_deployed_again(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """It counts as feedback, once."""
    bench.fake.remove_automation(OURS)
    await look(bench, deployer, held)
    assert bench.suggestion().status is Status.RETIRED
    assert "removed by hand" in bench.suggestion().reason
    assert bench.opinions() == [Opinion.REMOVED]
    assert len(changes(bench)) == 1
    assert bench.fake.automations == {}


async def test_what_was_switched_off_is_told_and_left_off(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """It stays deployed; switched on again that is forgotten, and the feedback is not repeated."""
    entity_id = bench.suggestion().ha_entity_id
    assert entity_id
    for _ in range(2):
        bench.fake.change(entity_id, "off")
        await look(bench, deployer, held)
        assert bench.suggestion().status is Status.DEPLOYED
        assert "switched off by hand" in bench.suggestion().reason
        assert bench.fake.states[entity_id]["state"] == "off"
        bench.fake.change(entity_id, "on")
        await look(bench, deployer, held)
        assert bench.suggestion().reason == ""
    assert bench.opinions() == [Opinion.DISABLED]


async def test_what_is_off_for_a_moment_is_not_told(bench: FakeBench, held: Held) -> None:
    """People try things."""
    bench.patience = QUICK
    deployer = bench.deployer()
    entity_id = bench.suggestion().ha_entity_id
    assert entity_id
    bench.fake.change(entity_id, "off")
    await deployer._monitor.look_once(held)
    bench.fake.change(entity_id, "on")
    await deployer._monitor.look_once(held)
    assert changes(bench) == []


async def test_a_clock_that_jumps_makes_no_moment_longer(
    bench: FakeBench, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is off since a moment is not concluded to be off for a day."""
    bench.patience = replace(QUICK, off_s=600.0)
    deployer = bench.deployer()
    entity_id = bench.suggestion().ha_entity_id
    assert entity_id
    bench.fake.change(entity_id, "off")
    await deployer._monitor.look_once(held)
    later_us = time.time_ns() // 1000 + 86_400_000_000
    monkeypatch.setattr(RoleContext, "now_us", lambda _desk: later_us)
    await deployer._monitor.look_once(held)
    assert changes(bench) == []


async def test_a_disabled_entity_counts_as_switched_off(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """Its configuration is there, so it was not removed."""
    entity_id = bench.suggestion().ha_entity_id
    assert entity_id
    bench.fake.remove_entity(entity_id)
    await look(bench, deployer, held)
    assert bench.suggestion().status is Status.DEPLOYED
    assert bench.opinions() == [Opinion.DISABLED]


async def test_what_was_changed_by_hand_is_told_and_left(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """It is theirs now."""
    bench.fake.automations[OURS]["alias"] = "Mine"
    await look(bench, deployer, held)
    assert bench.fake.automations[OURS]["alias"] == "Mine"
    assert "changed by hand" in bench.suggestion().reason
    assert bench.opinions() == [Opinion.MODIFIED]


async def test_a_renamed_entity_is_followed(bench: FakeBench, deployer: Deployer, held: Held) -> None:
    """Its runs go on being told under its new name."""
    entity_id = bench.suggestion().ha_entity_id
    assert entity_id
    state = bench.fake.states.pop(entity_id)
    bench.fake.states["automation.renamed"] = {**state, "entity_id": "automation.renamed"}
    await look(bench, deployer, held)
    assert bench.suggestion().ha_entity_id == "automation.renamed"
    assert bench.opinions() == []


async def test_a_write_that_comes_late_is_taken_back(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """What Home Assistant carries out after it was undone does not stay."""
    written = dict(bench.fake.automations[OURS])
    bench.undo()
    await bench.settle(deployer)
    bench.fake.add_automation(OURS, written)
    await look(bench, deployer, held)
    assert bench.fake.automations == {}
    assert bench.suggestion().status is Status.RETIRED


async def test_an_older_version_that_comes_late_is_replaced(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """What is to stand stands."""
    written = dict(bench.fake.automations[OURS])
    newer = proposal(400, version=2)
    bench.approve(newer)
    await bench.settle(deployer)
    bench.fake.add_automation(OURS, written)
    await look(bench, deployer, held)
    assert bench.stands(newer)
    assert bench.suggestion().status is Status.DEPLOYED


async def test_somebody_elses_automation_that_appears_is_left(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """Under our id after an undo: not of ours, not our business."""
    bench.undo()
    await bench.settle(deployer)
    bench.fake.add_automation(OURS, {"alias": "Theirs", "trigger": [], "action": []})
    await look(bench, deployer, held)
    assert list(bench.fake.automations) == [OURS]


@pytest.mark.parametrize(
    "failure", [Failure.SILENT_BEFORE, Failure.CUT_BEFORE, Failure.SERVER_ERROR], ids=lambda each: each.name
)
async def test_silence_is_no_removal(
    bench: FakeBench, deployer: Deployer, held: Held, failure: Failure
) -> None:
    """A Home Assistant that does not answer, or fails, says nothing about what people did."""
    bench.fake.fail("read", failure)
    with pytest.raises(Exception, match="expected Home Assistant") as caught:
        await deployer._monitor.look_once(held)
    assert isinstance(caught.value, Unreachable) == (failure is not Failure.SERVER_ERROR)
    assert bench.suggestion().status is Status.DEPLOYED


async def test_nothing_is_concluded_before_home_assistant_runs(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """While it starts, and in recovery mode, automations are not there."""
    running = bench.fake._configuration
    bench.fake.remove_automation(OURS)
    for said in ({"state": "STARTING"}, {"state": "STOPPING"}, {"recovery_mode": True}):
        bench.fake._configuration = lambda said=said: running() | said  # type: ignore[method-assign, misc]
        await look(bench, deployer, held)
        assert bench.suggestion().status is Status.DEPLOYED
    bench.fake._configuration = running  # type: ignore[method-assign]
    await look(bench, deployer, held)
    assert bench.suggestion().status is Status.RETIRED


async def test_one_answer_that_it_is_not_there_is_not_believed(
    bench: FakeBench, deployer: Deployer, held: Held
) -> None:
    """It is asked again a moment later."""
    bench.fake.fail("read", Failure.NOT_FOUND)
    bench.fake.fail("state", Failure.NOT_FOUND)
    state = bench.fake.states.pop(str(bench.suggestion().ha_entity_id))
    looking = asyncio.create_task(deployer._monitor.look_once(held))
    asked = len(bench.fake.requests)
    await until(lambda: any(each.path.endswith("/states") for each in bench.fake.requests[asked:]))
    bench.fake.states[state["entity_id"]] = state
    await looking
    assert bench.suggestion().status is Status.DEPLOYED
