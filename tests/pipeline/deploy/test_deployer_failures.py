"""Home Assistant fails, and the deployer is killed, at every step: nothing is left half-deployed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipeline.runtime.role import RoleContext
from pipeline.suggestions.deployment_steps import Step
from schemas.deployments import FailureReason
from schemas.suggestions import Opinion, Status, Suggestion
from sinks.home_assistant.rest import Rest
from tests.fixtures.deployments import ID, LAMP, FakeBench, proposal, until
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant

REFUSALS = (Failure.UNAUTHORIZED, Failure.SERVER_ERROR, Failure.NO_JSON)
# A greeting is not refused, it fails to come.
SILENCES = (Failure.SILENT_BEFORE, Failure.CUT_BEFORE)
EVERYWHERE = [(step, failure) for step in ("read", "write", "states") for failure in Failure]
EVERYWHERE += [(step, failure) for step in ("configuration", "services") for failure in SILENCES + REFUSALS]
EVERYWHERE += [("websocket", failure) for failure in SILENCES]
TO_REMOVE = [
    (step, failure)
    for step in ("read", "delete", "states")
    for failure in Failure
    if failure is not Failure.UNLOADED
]
# Each step once, and each way to fail that is not like another; the rest takes a minute.
FEW = {
    ("read", Failure.UNAUTHORIZED),
    ("write", Failure.CUT_AFTER),
    ("write", Failure.BAD_REQUEST),
    ("states", Failure.SERVER_ERROR),
    ("configuration", Failure.NO_JSON),
    ("websocket", Failure.CUT_BEFORE),
    ("delete", Failure.SERVER_ERROR_AFTER),
}
# Nothing but a person's wish makes this another answer.
FOR_GOOD = Failure.BAD_REQUEST
# More than all attempts of a deployment: what comes after them has to be taken back under failures.
MANY = 8
IMPATIENT_S, PATIENT_S = 0.2, 10.0
FIRST, SECOND = proposal(390), proposal(400, version=2)
MOST_KILLS = 80


def mostly_drills(cases: Sequence[tuple[str, Failure]]) -> list[Any]:
    """Mark all but a few as drills, and leave every second of those to the night.

    As on a chessboard: each step is met by half of the failures, each failure at half of the steps.
    """
    steps, failures = list(dict(cases)), list(Failure)

    def marks(step: str, failure: Failure) -> list[pytest.MarkDecorator]:
        if (step, failure) in FEW:
            return []
        black = (steps.index(step) + failures.index(failure)) % 2
        return [pytest.mark.drill, pytest.mark.nightly] if black else [pytest.mark.drill]

    return [pytest.param(*case, marks=marks(*case)) for case in cases]


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeHomeAssistant]:
    """A Home Assistant with a lamp."""
    async with FakeHomeAssistant() as home:
        home.add_entity(LAMP, "off")
        yield home


@pytest.fixture
def bench(tmp_path: Path, fake: FakeHomeAssistant) -> Iterator[FakeBench]:
    """A store beside it."""
    made = FakeBench(tmp_path, fake)
    yield made
    made.close()


async def deployed(bench: FakeBench, suggestion: Suggestion) -> None:
    """Deploy a suggestion while all is well."""
    bench.approve(suggestion)
    await bench.settle()
    assert bench.stands(suggestion)


def patience(failure: Failure) -> float:
    """How long to wait for an answer: not for long where none comes, and else for a busy machine's."""
    return IMPATIENT_S if failure in {Failure.SILENT_BEFORE, Failure.SILENT_AFTER} else PATIENT_S


def stands_nothing(bench: FakeBench) -> bool:
    """Whether neither configuration nor entity is there."""
    return not bench.fake.automations and bench.fake.state_of("haai_" + ID) is None


def is_told(bench: FakeBench) -> bool:
    """Whether it was said that it failed for good, in words."""
    return any(not each["retried"] and each["text"] for each in bench.said("automation/failed"))


@pytest.mark.parametrize(
    ("step", "failure", "times"),
    [
        *(pytest.param(*each.values, MANY, marks=each.marks) for each in mostly_drills(EVERYWHERE)),
        *(pytest.param(*case, 1, marks=[] if case in FEW else pytest.mark.nightly) for case in EVERYWHERE),
    ],
    ids=str,
)
async def test_a_deployment_stands_or_nothing_does(
    bench: FakeBench, step: str, failure: Failure, times: int
) -> None:
    """It is deployed and enabled, or nothing of it is there, and a person was told and may approve again."""
    bench.timeout_s = patience(failure)
    bench.approve(FIRST)
    bench.fake.fail(step, *[failure] * times)
    await bench.settle()
    suggestion, row = bench.suggestion(), bench.row()
    if suggestion.status is Status.DEPLOYED:
        assert bench.stands(FIRST)
        assert row.standing == 1
    else:
        assert suggestion.status is Status.PENDING
        assert times == MANY or failure is FOR_GOOD
        assert stands_nothing(bench)
        assert (row.wanted, row.standing) == (0, 0)
        assert suggestion.reason
        assert is_told(bench)


@pytest.mark.parametrize(("step", "failure"), mostly_drills(TO_REMOVE), ids=str)
async def test_what_is_taken_back_is_gone(bench: FakeBench, step: str, failure: Failure) -> None:
    """Written but never loaded, it is removed whatever fails about that, at the latest when looked after."""
    bench.timeout_s = patience(failure)
    bench.approve(FIRST)
    bench.fake.fail("write", *[Failure.UNLOADED] * MANY)
    deployer = bench.deployer()
    held = await bench.held(deployer)
    while bench.row().step != Step.TAKE_BACK:
        pause_s = await deployer.advance(held)
        await asyncio.sleep(pause_s)
    bench.fake.fail(step, *[failure] * MANY)
    await bench.settle(deployer)
    bench.fake._failures.clear()
    await deployer._monitor.look_once(held)
    await bench.settle(deployer)
    assert stands_nothing(bench)
    assert bench.suggestion().status is Status.PENDING


@pytest.mark.parametrize(("step", "failure"), mostly_drills(EVERYWHERE), ids=str)
async def test_a_new_version_stands_or_the_one_before_does(
    bench: FakeBench, step: str, failure: Failure
) -> None:
    """What could not be replaced stands as before."""
    await deployed(bench, FIRST)
    bench.timeout_s = patience(failure)
    bench.approve(SECOND)
    bench.fake.fail(step, *[failure] * MANY)
    await bench.settle()
    if bench.suggestion().status is Status.DEPLOYED:
        assert bench.stands(SECOND)
        assert bench.row().standing == 2
    else:
        assert bench.suggestion().status is Status.PENDING
        assert bench.stands(FIRST)
        assert bench.row().standing == 1
        assert is_told(bench)


@pytest.mark.parametrize(("step", "failure"), mostly_drills(TO_REMOVE), ids=str)
async def test_an_undone_automation_is_gone(bench: FakeBench, step: str, failure: Failure) -> None:
    """Whatever fails, it is tried until nothing of it is there; and that it took long is told."""
    await deployed(bench, FIRST)
    bench.timeout_s = patience(failure)
    bench.undo()
    bench.fake.fail(step, *[failure] * MANY)
    await bench.settle()
    assert bench.suggestion().status is Status.RETIRED
    assert stands_nothing(bench)
    assert bench.opinions() == [Opinion.UNDONE]
    assert all(each["retried"] for each in bench.said("automation/failed"))


@pytest.mark.parametrize(
    "failure",
    [Failure.SILENT_AFTER, Failure.CUT_AFTER, Failure.SERVER_ERROR_AFTER],
    ids=lambda each: each.name,
)
async def test_a_write_whose_outcome_is_unknown_is_not_repeated(bench: FakeBench, failure: Failure) -> None:
    """It is looked up first: what is there already is not written again."""
    bench.approve(FIRST)
    bench.fake.fail("write", failure)
    await bench.settle()
    assert bench.stands(FIRST)
    assert bench.writes() == 1


async def test_an_outage_is_outlasted(bench: FakeBench) -> None:
    """While Home Assistant is away nothing is given up before its time, and then it is deployed."""
    bench.approve(FIRST)
    await bench.fake.stop()
    settling = asyncio.create_task(bench.settle())
    await until(lambda: bench.row().attempts > 0)
    await bench.fake.start()
    await settling
    assert bench.stands(FIRST)


async def test_what_is_never_loaded_is_taken_back_and_explained(bench: FakeBench) -> None:
    """Written and read back well, but no entity: the words say what is missing in configuration.yaml."""
    bench.approve(FIRST)
    bench.fake.fail("write", *[Failure.UNLOADED] * MANY)
    await bench.settle()
    assert stands_nothing(bench)
    assert "automation: !include automations.yaml" in bench.suggestion().reason
    assert bench.suggestion().status is Status.PENDING


async def test_nothing_is_concluded_while_home_assistant_starts(bench: FakeBench) -> None:
    """Before it runs it does not show what is there: an undo waits."""
    await deployed(bench, FIRST)
    bench.undo()
    running = bench.fake._configuration
    bench.fake._configuration = lambda: {**running(), "state": "STARTING"}  # type: ignore[method-assign]
    deployer = bench.deployer()
    await deployer.advance(await bench.held(deployer))
    assert bench.stands(FIRST)
    failure = bench.row().failure
    assert failure is not None
    assert failure.reason is FailureReason.STARTING
    bench.fake._configuration = running  # type: ignore[method-assign]
    await bench.settle(deployer)
    assert stands_nothing(bench)


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Ends a deployer at its n-th touch of the store or of Home Assistant, before or after it has effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.after = False
        request, ask = Rest._request, RoleContext.ask

        async def deadly_request(rest: Rest, *arguments: Any) -> Any:
            return await self._touch(lambda: request(rest, *arguments))

        async def deadly_ask(desk: RoleContext, call: Callable[[], Any]) -> Any:
            return await self._touch(lambda: ask(desk, call))

        monkeypatch.setattr(Rest, "_request", deadly_request)
        monkeypatch.setattr(RoleContext, "ask", deadly_ask)

    async def _touch(self, act: Callable[[], Any]) -> Any:
        is_last = self.left == 0
        if self.left is not None:
            self.left -= 1
        if is_last and not self.after:
            raise Killed
        found = await act()
        if is_last:
            raise Killed
        return found


@pytest.mark.parametrize(
    ("order", "after"),
    [
        ("deploy", True),
        ("undo", False),
        *(
            pytest.param(*case, marks=pytest.mark.drill)
            for case in (
                ("deploy", False),
                ("undo", True),
                ("replace", False),
                ("replace", True),
                ("fail", False),
                ("fail", True),
            )
        ),
    ],
)
async def test_a_kill_at_any_moment_is_resumed(
    bench: FakeBench, monkeypatch: pytest.MonkeyPatch, order: str, *, after: bool
) -> None:
    """Whatever a killed deployer had begun, the next one ends, and says it once."""
    killer = Killer(monkeypatch)
    for touches in range(MOST_KILLS):
        identity = f"{touches:016x}"
        first, second = proposal(390, identity=identity), proposal(400, identity=identity, version=2)
        await _begin(bench, order, first, second)
        killer.left, killer.after = touches, after
        try:
            await bench.settle()
        except Killed:
            killer.left = None
            await bench.settle()
        else:
            break
        _check(bench, order, first, second)
    else:
        pytest.fail("expected an end to what can be killed")
    assert touches > 5


async def _begin(bench: FakeBench, order: str, first: Suggestion, second: Suggestion) -> None:
    """Order what is going to be killed."""
    if order != "deploy":
        bench.approve(first)
        await bench.settle()
    if order == "undo":
        bench.undo(identity=first.id)
    else:
        bench.approve(first if order == "deploy" else second)
    if order == "fail":
        bench.fake.fail("write", Failure.BAD_REQUEST)


def _check(bench: FakeBench, order: str, first: Suggestion, second: Suggestion) -> None:
    status = bench.suggestion(first.id).status
    said = [each["what"] for each in bench.said("executed") if each["suggestion_id"] == first.id]
    if order == "undo":
        assert (first.automation_id in bench.fake.automations, status) == (False, Status.RETIRED)
        assert said == ["deployed", "removed"]
    elif order == "fail" and status is Status.PENDING:
        assert bench.stands(first)
        assert said == ["deployed"]
    else:
        expected = first if order == "deploy" else second
        assert bench.stands(expected)
        assert status is Status.DEPLOYED
        assert said == ["deployed"] * (1 if order == "deploy" else 2)
