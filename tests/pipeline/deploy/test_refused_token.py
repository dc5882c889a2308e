"""A token that Home Assistant refuses is not tried again and again: who does that is banned."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from pipeline.deploy.deployer import Deployer
from schemas.commands import AutomationFailed
from schemas.suggestions import Status
from sinks.home_assistant import Refused
from tests.fixtures.deployments import ID, LAMP, QUICK, FakeBench, proposal, until
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant

OTHER = "f" * 16
LOOKS = 30


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[FakeBench]:
    """A store beside a Home Assistant with a lamp; what was refused is not asked again within the test."""
    async with FakeHomeAssistant() as fake:
        fake.add_entity(LAMP, "off")
        made = FakeBench(tmp_path, fake, timeout_s=2.0)
        made.patience = replace(QUICK, refused_s=600.0)
        yield made
        made.close()


def put_token(bench: FakeBench, token: str) -> None:
    """Write a token into the deployer's file."""
    path = bench.settings.deployer_token_file
    assert path
    path.write_text(token)


def refused(bench: FakeBench) -> int:
    """How often the editor was asked for an automation, which an ordinary user may not."""
    return sum("config/automation/config" in each.path for each in bench.fake.requests)


async def work(deployer: Deployer, bench: FakeBench) -> None:
    """Carry out and look after what there is, often."""
    held = await bench.held(deployer)
    for _ in range(LOOKS):
        deployer._waits.clear()
        await deployer.advance(held)
        await deployer._monitor.look_once(held)


async def test_a_refused_token_is_used_once_and_told_of_once(bench: FakeBench) -> None:
    """One request, one message in words, one warning; nothing more while the file holds the same token."""
    put_token(bench, bench.fake.reader_token)
    bench.approve(proposal())
    with capture_logs() as logs:
        await work(bench.deployer(), bench)
    assert refused(bench) == 1
    (failed,) = map(AutomationFailed.model_validate, bench.said("automation/failed"))
    assert "administrator" in failed.text
    assert "administrator" in bench.suggestion().reason
    (advised,) = [each for each in logs if "advice" in each]
    assert advised["log_level"] == "warning"
    assert "long-lived token of an administrator" in advised["advice"]
    (warned,) = [each for each in logs if each["event"] == "step not done"]
    assert warned["log_level"] == "warning"


async def test_what_is_ordered_while_the_token_is_refused_is_told_without_asking(bench: FakeBench) -> None:
    """Whoever approves the next one hears of it at once."""
    put_token(bench, bench.fake.reader_token)
    deployer = bench.deployer()
    bench.approve(proposal())
    await work(deployer, bench)
    bench.approve(proposal(400, identity=OTHER))
    await work(deployer, bench)
    assert refused(bench) == 1
    assert [each["suggestion_id"] for each in bench.said("automation/failed")] == [ID, OTHER]


async def test_another_token_in_the_file_is_taken_at_once(bench: FakeBench) -> None:
    """Mended, it goes on by itself, without a restart."""
    put_token(bench, bench.fake.reader_token)
    deployer = bench.deployer()
    bench.approve(proposal())
    await work(deployer, bench)
    put_token(bench, "")
    await work(deployer, bench)
    put_token(bench, bench.fake.admin_token)
    await bench.settle(deployer)
    assert bench.stands(proposal())
    assert bench.suggestion().status is Status.DEPLOYED


async def test_a_removal_that_the_token_keeps_from_being_done_is_told_once(bench: FakeBench) -> None:
    """It is tried for as long as it takes, and a person hears of it once."""
    bench.patience = QUICK
    bench.approve(proposal())
    await bench.settle()
    put_token(bench, bench.fake.reader_token)
    bench.undo()
    deployer, before = bench.deployer(), refused(bench)
    held = await bench.held(deployer)
    while refused(bench) < before + 3:
        await deployer.advance(held)
    assert len(bench.said("automation/failed")) == 1
    put_token(bench, bench.fake.admin_token)
    await bench.settle(deployer)
    assert bench.fake.automations == {}


async def test_looking_after_what_stands_ends_when_the_token_is_refused(bench: FakeBench) -> None:
    """A token that was revoked is used once, and nothing is concluded from it."""
    bench.approve(proposal())
    await bench.settle()
    deployer = bench.deployer()
    held = await bench.held(deployer)
    before = len(bench.fake.requests)
    bench.fake.fail("configuration", *[Failure.UNAUTHORIZED] * LOOKS)
    with pytest.raises(Refused):
        await deployer._monitor.look_once(held)
    await work(deployer, bench)
    assert len(bench.fake.requests) == before + 1
    assert bench.suggestion().status is Status.DEPLOYED


async def test_a_refused_token_is_tried_again_in_time(bench: FakeBench) -> None:
    """An administrator may have been made of its user: the same token is good then."""
    bench.patience = QUICK
    bench.fake.fail("read", *[Failure.UNAUTHORIZED] * 3)
    bench.approve(proposal())
    await bench.settle()
    await until(lambda: bench.suggestion().status is Status.DEPLOYED)
    assert bench.stands(proposal())
