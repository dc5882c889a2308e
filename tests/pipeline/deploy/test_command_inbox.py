"""Who may order a deployment, and what happens to the orders of all others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from pipeline.commands.refusal_book import AuditThrottle
from pipeline.commands.signing import new_command, sign
from pipeline.deploy.command_inbox import CONTROL
from pipeline.runtime.nonces import new_nonce
from schemas.automations import Action, Automation, StateTrigger, TimeTrigger
from schemas.commands import SignedCommand, Verb
from schemas.suggestions import Status, Suggestion
from sinks.store import SqlStore, StoreUnavailableError
from sinks.store.audit import check
from sinks.store.suggestions import SuggestionWrites
from tests.fixtures.deployments import ID, LAMP, FakeBench, now_ms, proposal, rendered, until
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant

SEED = 7
DUPLICATES = 1_000
FORGERIES = 300
LATE_MS = 200_000


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeHomeAssistant]:
    """A Home Assistant with a lamp."""
    async with FakeHomeAssistant() as home:
        home.add_entity(LAMP, "off")
        yield home


@pytest.fixture
def bench(tmp_path: Path, fake: FakeHomeAssistant) -> Iterator[FakeBench]:
    """A store beside it."""
    made = FakeBench(tmp_path, fake, timeout_s=5.0)
    yield made
    made.close()


def keep(bench: FakeBench, suggestion: Suggestion) -> Suggestion:
    """Keep a suggestion of which nothing was ordered."""
    with bench.store.begin() as transaction:
        assert transaction.suggestions.add(suggestion)
    return suggestion


def forgeries(bench: FakeBench, suggestion: Suggestion) -> Iterator[bytes]:
    """Yield orders that nobody gave who may: unsigned, altered, expired, of another key, of other topics."""
    random = Random(SEED)
    good = new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    payload = good.model_dump_json().encode()
    makers: list[Callable[[], bytes]] = [
        lambda: (
            good.model_copy(update={"signature": f"{random.getrandbits(256):064x}"})
            .model_dump_json()
            .encode()
        ),
        lambda: (
            good.model_copy(update={"nonce": f"{random.getrandbits(128):032x}"}).model_dump_json().encode()
        ),
        lambda: sign(good, random.randbytes(32)).model_dump_json().encode(),
        lambda: (
            new_command(new_nonce(), Verb.DEPLOY, suggestion, "Eve", bench.key, now_ms() - LATE_MS)
            .model_dump_json()
            .encode()
        ),
        lambda: (
            new_command(new_nonce(), Verb.DEPLOY, suggestion, "Eve", bench.key, now_ms() + LATE_MS)
            .model_dump_json()
            .encode()
        ),
        lambda: (
            new_command(new_nonce(), Verb.APPROVE, suggestion, "Eve", bench.key, now_ms())
            .model_dump_json()
            .encode()
        ),
        lambda: payload[: random.randrange(len(payload))],
        lambda: random.randbytes(random.randrange(400)),
        lambda: b"[" * random.randrange(1, 20_000),
    ]
    while True:
        yield random.choice(makers)()


async def test_what_nobody_ordered_is_not_deployed_but_audited(bench: FakeBench) -> None:
    """Every forged, altered, expired or foreign order leaves an entry and nothing else."""
    suggestion = keep(bench, proposal().model_copy(update={"status": Status.APPROVED}))
    deployer = bench.deployer()
    source = forgeries(bench, suggestion)
    for _ in range(FORGERIES):
        await bench.take(deployer, next(source), verb="deploy")
    await bench.settle(deployer)
    assert bench.fake.automations == {}
    assert bench.store.suggestions.deployments() == []
    assert bench.audited() == ["order refused"] * FORGERIES
    assert check("home", bench.store.suggestions.audit()) is None
    assert bench.said("automation/failed") == []


async def test_a_flood_of_orders_is_refused_together(
    bench: FakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forged and replayed, in a few transactions, each in the audit log; a true one counts, once."""
    suggestion = keep(bench, proposal().model_copy(update={"status": Status.APPROVED}))
    deployer, begin = bench.deployer(), SqlStore.begin
    begun: list[SqlStore] = []

    def counted(store: SqlStore, **options: Any) -> Any:
        begun.append(store)
        return begin(store, **options)

    monkeypatch.setattr(SqlStore, "begin", counted)
    order = new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    forged = sign(order, bytes(32)).model_dump_json().encode()
    sent = [forged] * FORGERIES + [order.model_dump_json().encode()] * FORGERIES
    await asyncio.gather(*(bench.take(deployer, each, verb="deploy") for each in sent))
    assert len(begun) < 10
    assert sorted(bench.audited()) == ["deploy ordered", *["order refused"] * (2 * FORGERIES - 1)]
    assert check("home", bench.store.suggestions.audit()) is None


async def test_a_retained_order_is_refused(bench: FakeBench) -> None:
    """What a broker kept is not what somebody wants now."""
    suggestion = keep(bench, proposal().model_copy(update={"status": Status.APPROVED}))
    deployer = bench.deployer()
    order = new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    await bench.take(deployer, order, retain=True)
    await bench.settle(deployer)
    assert bench.fake.automations == {}
    assert [entry.detail.partition(":")[0] for entry in bench.store.suggestions.audit()] == ["retained"]


async def test_a_thousand_orders_make_one_automation(bench: FakeBench) -> None:
    """However often and however an approval arrives, one automation stands, written once."""
    suggestion = proposal()
    first, deployers = bench.approve(suggestion), [bench.deployer(), bench.deployer()]
    orders = [first] * (DUPLICATES // 2) + [
        new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
        for _ in range(DUPLICATES // 2)
    ]
    settling = asyncio.create_task(bench.settle(deployers[0]))
    for start in range(0, DUPLICATES, 50):
        await asyncio.gather(
            *(
                bench.take(deployers[number % 2], order)
                for number, order in enumerate(orders[start : start + 50])
            )
        )
    await settling
    await bench.settle(deployers[0])
    assert list(bench.fake.automations) == ["haai_" + ID]
    assert bench.stands(suggestion)
    assert bench.writes() == 1
    assert [each["what"] for each in bench.said("executed")] == ["deployed"]


@pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED, Status.RETIRED])
async def test_only_what_is_approved_is_deployed(bench: FakeBench, status: Status) -> None:
    """A signed order for something that nobody approved is refused, and answered."""
    suggestion = keep(bench, proposal().model_copy(update={"status": status}))
    deployer = bench.deployer()
    await bench.take(
        deployer, new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    )
    await bench.settle(deployer)
    assert bench.fake.automations == {}
    (failed,) = bench.said("automation/failed")
    assert status.value in failed["text"]


async def test_what_was_changed_after_it_was_approved_is_not_deployed(bench: FakeBench) -> None:
    """The order names the exact content; another is not deployed under it."""
    seen = proposal(390)
    bench.approve(seen)
    changed = proposal(400).model_copy(update={"status": Status.APPROVED})
    with bench.store.begin() as transaction:
        assert transaction.suggestions.replace(changed, changes=1)
    await bench.settle()
    assert bench.fake.automations == {}
    assert "not what was approved" in bench.suggestion().reason
    assert bench.suggestion().status is Status.PENDING


async def test_a_yaml_that_its_parts_do_not_give_is_not_deployed(bench: FakeBench) -> None:
    """What a person has read and what would be deployed are one, or nothing is."""
    shown = proposal()
    bench.approve(shown.model_copy(update={"automation_yaml": shown.automation_yaml + "# and more\n"}))
    await bench.settle()
    assert bench.fake.automations == {}
    assert "made anew from its parts" in bench.suggestion().reason


@pytest.mark.parametrize("service", ["lock.unlock", "alarm_control_panel.alarm_disarm", "cover.open_cover"])
async def test_what_is_unsafe_is_not_deployed_whoever_approved_it(bench: FakeBench, service: str) -> None:
    """An approval that is signed and in time reaches nothing that is refused."""
    entity_id = f"{service.partition('.')[0]}.door"
    bench.fake.services[service.partition(".")[0]] = [service.partition(".")[2]]
    bench.fake.add_entity(entity_id, "closed", device_class="garage")
    automation = Automation(
        trigger=TimeTrigger(minute=1), actions=(Action(service=service, entity_id=entity_id),)
    )
    bench.approve(rendered(proposal().model_copy(update={"automation": automation})))
    await bench.settle()
    assert bench.fake.automations == {}
    assert bench.suggestion().reason.startswith("It may not be deployed")


async def test_what_could_not_work_is_not_deployed(bench: FakeBench) -> None:
    """Home Assistant takes automations with entities that do not exist; the deployer does not."""
    bench.approve(proposal(entity_id="light.nowhere"))
    await bench.settle()
    assert bench.fake.automations == {}
    assert "light.nowhere does not exist" in bench.suggestion().reason


async def test_what_would_go_on_and_on_with_another_automation_is_not_deployed(bench: FakeBench) -> None:
    """Switched on by one, switched off by the other: nobody would sleep."""
    bench.fake.add_entity("switch.heater", "off")
    bench.fake.services["switch"] = ["turn_on", "turn_off"]
    bench.fake.add_automation(
        "theirs",
        {
            "alias": "Theirs",
            "trigger": [{"platform": "state", "entity_id": "switch.heater", "to": "on"}],
            "action": [{"service": "light.turn_on", "target": {"entity_id": LAMP}}],
        },
    )
    action = Action(service="switch.turn_on", entity_id="switch.heater")
    automation = Automation(trigger=StateTrigger(entity_id=LAMP, to="on"), actions=(action,))
    bench.approve(rendered(proposal().model_copy(update={"automation": automation})))
    await bench.settle()
    assert list(bench.fake.automations) == ["theirs"]
    assert "start each other over and over" in bench.suggestion().reason


async def test_an_order_in_the_store_that_is_not_signed_is_refused(bench: FakeBench) -> None:
    """Who can write into the store alone can order nothing."""
    order = bench.approve(proposal())
    row = bench.row()
    forged = order.model_copy(update={"approver": "Eve"}).model_dump_json()
    with bench.store.begin() as transaction:
        assert transaction.suggestions.deploy(row._replace(approval=forged), instead_of=row)
    await bench.settle()
    assert bench.fake.automations == {}
    assert "not signed" in bench.suggestion().reason


@pytest.mark.parametrize("broken", ["{}", '"', "not json"])
async def test_a_broken_order_in_the_store_is_refused(bench: FakeBench, broken: str) -> None:
    """It is told, and nothing stands."""
    bench.approve(proposal())
    with bench.store.begin() as transaction:
        row = bench.row()
        assert transaction.suggestions.deploy(row._replace(approval=broken), instead_of=row)
    await bench.settle()
    assert bench.fake.automations == {}
    assert "no signed order" in bench.suggestion().reason


async def test_an_order_for_one_is_no_order_for_another(bench: FakeBench) -> None:
    """An order that was copied to another suggestion, or another version, counts for nothing."""
    other = keep(bench, proposal(identity="f" * 16).model_copy(update={"status": Status.APPROVED}))
    bench.approve(proposal())
    with bench.store.begin() as transaction:
        stolen = bench.row()._replace(suggestion_id=other.id, automation_id=other.automation_id)
        assert transaction.suggestions.deploy(stolen)
    await bench.settle()
    assert other.automation_id not in bench.fake.automations
    assert bench.stands(proposal())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": None}, "expected the version"),
        ({"version": 7}, "never was a version 7"),
        ({"version": 0}, "nothing of it stands"),
        ({"version": 0, "content_hash": "0" * 64}, "changed after it was seen"),
        ({"version": 0, "suggestion_id": "e" * 16}, "expected a suggestion that there is"),
    ],
)
async def test_a_rollback_that_cannot_be_is_answered(
    bench: FakeBench, fields: dict[str, object], words: str
) -> None:
    """It says why."""
    suggestion = keep(bench, proposal())
    order = new_command(new_nonce(), Verb.ROLLBACK, suggestion, "Anna", bench.key, now_ms())
    changed = sign(SignedCommand.model_validate(order.model_dump() | fields), bench.key)
    deployer = bench.deployer()
    await bench.take(deployer, changed)
    assert bench.under_way() == []
    assert [words in each["text"] for each in bench.said("automation/failed")] == [True]


@pytest.mark.parametrize("is_failing", [False, True])
async def test_a_message_may_come_after_all_is_done(bench: FakeBench, is_failing: bool) -> None:  # noqa: FBT001 pytest
    """What the reviewer kept is carried out without it; when it comes at last, nothing is said against it."""
    if is_failing:
        bench.fake.fail("write", Failure.BAD_REQUEST)
    deployer, order = bench.deployer(), bench.approve(proposal())
    await bench.settle(deployer)
    await bench.take(deployer, order)
    assert len(bench.said("automation/failed")) == is_failing
    if not is_failing:
        undo = bench.undo()
        await bench.settle(deployer)
        await bench.take(deployer, undo)
        assert [each["what"] for each in bench.said("executed")] == ["deployed", "removed"]
    assert bench.said("automation/failed")[is_failing:] == []
    assert "order refused" not in bench.audited()
    assert bench.under_way() == []


async def test_a_late_order_does_not_bring_back_what_was_undone(bench: FakeBench) -> None:
    """Worked off from the store, undone, and only then received, or sent again by whoever has seen it."""
    order, deployer = bench.approve(proposal()), bench.deployer()
    await bench.settle(deployer)
    bench.undo()
    await bench.settle(deployer)
    with bench.store.begin() as transaction:
        kept = transaction.suggestions.get(ID)
        assert kept
        waiting = kept.suggestion.model_copy(update={"status": Status.APPROVED})
        assert transaction.suggestions.replace(waiting, changes=kept.changes)
    await bench.take(deployer, order)
    await bench.settle(deployer)
    assert bench.fake.automations == {}
    (failed,) = bench.said("automation/failed")
    assert "after this was signed" in failed["text"]


async def test_of_two_rollbacks_the_one_that_was_signed_last_counts(bench: FakeBench) -> None:
    """In whichever order they come."""
    deployer = bench.deployer()
    bench.approve(proposal())
    await bench.settle(deployer)
    first = bench.rollback(1)
    last = sign(bench.rollback(0).model_copy(update={"issued_at_ms": first.issued_at_ms + 1}), bench.key)
    for order in (last, first):
        await bench.take(deployer, order)
    await bench.settle(deployer)
    assert bench.fake.automations == {}


async def test_what_the_reviewer_kept_meanwhile_is_not_written_over(
    bench: FakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is not taken, and counts when it comes again."""
    suggestion = keep(bench, proposal().model_copy(update={"status": Status.APPROVED}))
    order = new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    deployer = bench.deployer()
    with monkeypatch.context() as patch:
        patch.setattr(SuggestionWrites, "deploy", lambda *_, **__: False)
        with pytest.raises(StoreUnavailableError):
            await bench.take(deployer, order)
    await bench.take(deployer, order)
    await bench.settle(deployer)
    assert bench.stands(suggestion)


async def test_a_forged_order_has_nobody_as_its_actor(bench: FakeBench) -> None:
    """Whose name it bears stands in the words alone; so it is with one that was seen before."""
    order, deployer = bench.approve(proposal()), bench.deployer()
    await bench.take(deployer, order.model_copy(update={"nonce": "f" * 32}))
    await bench.take(deployer, order)
    await bench.take(deployer, order)
    refused = [entry for entry in bench.store.suggestions.audit() if entry.what == "order refused"]
    assert [entry.actor for entry in refused] == ["unknown"] * 2
    assert all(entry.detail.endswith("it says that it comes from Anna") for entry in refused)


async def test_what_was_signed_is_entered_in_a_flood(bench: FakeBench) -> None:
    """What others forge makes no mere count of the refusal of somebody who may order."""
    suggestion = keep(bench, proposal())
    none_left = AuditThrottle(entries=0, at_us=2 * now_ms() * 1000)
    with bench.store.begin() as transaction:
        transaction.suggestions.set_control(CONTROL, none_left.model_dump(mode="json"))
    deployer = bench.deployer()
    await bench.take(deployer, b"forged", verb="deploy")
    assert bench.audited() == []
    await bench.take(
        deployer, new_command(new_nonce(), Verb.DEPLOY, suggestion, "Anna", bench.key, now_ms(), version=1)
    )
    (entry,) = bench.store.suggestions.audit()
    assert (entry.actor, entry.what) == ("Anna", "order refused")


def owner_of(bench: FakeBench) -> str:
    """Who deploys."""
    beat = bench.store.leases.beat("deploy")
    return "" if beat is None else beat.owner


async def test_of_two_deployers_one_works(bench: FakeBench) -> None:
    """The other stands by, and takes over where the first one ended."""
    first, second = bench.deployer(), bench.deployer()
    second._ownership._owner = "another machine"
    suggestions = [proposal(identity=f"{number:016x}") for number in range(10)]
    tasks = [asyncio.create_task(first.loops()[0]()), asyncio.create_task(second.loops()[0]())]
    for suggestion in suggestions[:5]:
        await bench.take(second, bench.approve(suggestion))
    await all_deployed(bench, suggestions[:5])
    owner = owner_of(bench)
    working = tasks[0] if owner == first._ownership._owner else tasks[1]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    for suggestion in suggestions[5:]:
        bench.approve(suggestion)
    await all_deployed(bench, suggestions)
    assert owner_of(bench) != owner
    assert bench.writes() == len(suggestions)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_deployer_that_lost_its_lease_writes_nothing(bench: FakeBench) -> None:
    """Who was paused for too long finds out before it writes into Home Assistant."""
    first, second = bench.deployer(), bench.deployer()
    second._ownership._owner = "another machine"
    held = await bench.held(first)
    bench.approve(proposal())
    await first.advance(held)
    assert bench.row().step == "write"
    bench.store.leases.release(held)
    taken = await bench.held(second)
    await first._carry_out(held)
    assert bench.writes() == 0
    assert bench.row().step == "write"
    assert await bench.held(second) == taken
    await bench.settle(second)
    assert bench.stands(proposal())


async def all_deployed(bench: FakeBench, suggestions: list[Suggestion]) -> None:
    """Return when all of them stand."""
    await until(lambda: {bench.suggestion(each.id).status for each in suggestions} == {Status.DEPLOYED})
