"""``python -m benchmarks.deploying``: from an approval to an enabled automation; and what failures leave.

The way is the whole one: a signed command over mosquitto, reviewer, outbox, deployer, a real Home Assistant,
until its own event stream tells the automation's entity. The failures are those of one that is not there.
"""

import argparse
import asyncio
import itertools
import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import aiomqtt
import structlog

from benchmarks.processes import HA_AI, HOST, Worker
from benchmarks.results import write_section
from pipeline.commands.signing import new_command
from pipeline.runtime.key_file import load_key
from pipeline.runtime.nonces import new_nonce
from schemas.commands import AutomationExecuted, Verb
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics
from sinks.store import SqlStore
from tests.fixtures.deployments import LAMP, FakeBench, proposal
from tests.homeassistant.conftest import VERSIONS, run_home
from tests.homeassistant.home import INSTALLS, HomeAssistant
from tests.homeassistant.wire import EVENTS_TOPIC
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant

CONSUMERS = ("learn", "publish", "review", "deploy")
TOPICS = Topics()
AT_ONCE = 20
LONGEST_S = 120.0
TO_REACH = "To reach: about 2 s from an approval to the enabled automation; 0 half-deployed."
STEPS = ("configuration", "states", "services", "read", "write", "delete")
TIMES = (1, 2, 8)
IMPATIENT_S = 0.1


class Course:
    """When each automation was approved, seen enabled in Home Assistant's stream, and said to be deployed."""

    def __init__(self) -> None:
        self.approved_s: dict[str, float] = {}
        self.enabled_s: dict[str, float] = {}
        self.told_s: dict[str, float] = {}

    def hear(self, message: aiomqtt.Message) -> None:
        """Note when a message tells one of them."""
        now_s = time.monotonic()
        if message.topic.value == TOPICS.automation_executed:
            executed = AutomationExecuted.model_validate_json(message.payload)
            self.told_s.setdefault(executed.automation_id, now_s)
            return
        event = json.loads(message.payload)
        state = event["event_data"].get("new_state") if event["event_type"] == "state_changed" else None
        if state and state["state"] == "on" and state["entity_id"].startswith("automation."):
            self.enabled_s.setdefault(state["attributes"].get("id"), now_s)

    async def until_deployed(self, automation_ids: Iterable[str]) -> None:
        """Wait until all of them are seen and told."""
        give_up_s = time.monotonic() + LONGEST_S
        wanted = set(automation_ids)
        while not (wanted <= self.enabled_s.keys() and wanted <= self.told_s.keys()):
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"expected {sorted(wanted - self.told_s.keys())} to be deployed")
            await asyncio.sleep(0.002)

    def seconds(self, until_s: dict[str, float], automation_ids: Iterable[str]) -> list[float]:
        """How long each took, shortest first."""
        return sorted(until_s[each] - self.approved_s[each] for each in automation_ids)


def suggestions(count: int) -> list[Suggestion]:
    """As many suggestions, each of its own."""
    return [
        proposal(minute, identity=f"{minute:016x}", entity_id="light.hall_lamp") for minute in range(count)
    ]


async def measure_home(version: str, count: int) -> list[str]:
    """The rows of one release: one approval after the other, then some at once."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="haai-bench-")))
        home = await stack.enter_async_context(run_home(version, folder))
        proposed = suggestions(count + AT_ONCE)
        worker, key = _prepare(folder, home, proposed)
        await worker.start()
        stack.push_async_callback(worker.stop)
        await worker.ready()
        course = Course()
        client = await stack.enter_async_context(aiomqtt.Client(HOST, home.broker.port))
        await client.subscribe([(EVENTS_TOPIC, 1), (TOPICS.automation_executed, 1)])
        hearing = asyncio.create_task(_hear(client, course))
        stack.callback(hearing.cancel)
        first, *rest = proposed
        # The deployer's process starts beside the others: the first approval waits for it.
        await _approve(client, [first], key, course)
        for suggestion in rest[: count - 1]:
            await _approve(client, [suggestion], key, course)
        await _approve(client, rest[count - 1 :], key, course)
    alone = [each.automation_id for each in rest[: count - 1]]
    together = [each.automation_id for each in rest[count - 1 :]]
    return [
        _row(f"{version}: one after the other, enabled", course.seconds(course.enabled_s, alone)),
        _row(f"{version}: one after the other, told", course.seconds(course.told_s, alone)),
        _row(f"{version}: {AT_ONCE} at once, enabled", course.seconds(course.enabled_s, together)),
    ]


def _prepare(folder: Path, home: HomeAssistant, proposed: Sequence[Suggestion]) -> tuple[Worker, bytes]:
    """The product beside the home, with suggestions that wait, a token, and the key that signs."""
    database, token = folder / "ha-ai.db", folder / "token"
    token.touch(0o600)
    token.write_text(home.owner.token)
    store = SqlStore(f"sqlite:///{database}")
    store.migrate()
    with store.begin() as transaction:
        for suggestion in proposed:
            transaction.suggestions.add(suggestion)
    store.close()
    worker = Worker(
        database,
        folder / "log",
        home.broker.port,
        command=(*HA_AI, *CONSUMERS),
        home_assistant_url=home.url,
        home_assistant_token=home.reader.token,
        deployer_token_file=token,
        command_key_file=folder / "key",
    )
    return worker, load_key(folder / "key", create=True)


async def _approve(
    client: aiomqtt.Client, approved: Sequence[Suggestion], key: bytes, course: Course
) -> None:
    """Approve them at once, and wait until they run."""
    for suggestion in approved:
        command = new_command(
            new_nonce(), Verb.APPROVE, suggestion, "bench", key, time.time_ns() // 1_000_000
        )
        course.approved_s[suggestion.automation_id] = time.monotonic()
        topic = TOPICS.suggestion_command(Verb.APPROVE)
        await client.publish(topic, command.exact(), qos=1)
    await course.until_deployed([each.automation_id for each in approved])


async def _hear(client: aiomqtt.Client, course: Course) -> None:
    async for message in client.messages:
        course.hear(message)


def _row(what: str, seconds: Sequence[float]) -> str:
    p50, p95 = (seconds[int(len(seconds) * share)] for share in (0.5, 0.95))
    return f"| {what} | {p50:.2f} | {p95:.2f} | {seconds[-1]:.2f} | {len(seconds)} |"


async def measure_failures() -> list[str]:
    """The rows of what failures leave: each step, each way to fail, once, twice, and for all attempts."""
    rows = []
    for order in ("deploy", "replace", "undo"):
        outcomes = Counter[str]()
        for step, failure, times in itertools.product(STEPS, Failure, TIMES):
            outcomes[await _outcome(order, step, failure, times)] += 1
        counts = (outcomes[name] for name in ("done", "reported", "half"))
        rows.append(f"| {order} | {outcomes.total()} | {' | '.join(map(str, counts))} |")
    return rows


async def _outcome(order: str, step: str, failure: Failure, times: int) -> str:
    """Whether what was ordered is done, was left as before and reported, or is neither."""
    with TemporaryDirectory(prefix="haai-bench-") as folder:
        async with FakeHomeAssistant() as fake:
            fake.add_entity(LAMP, "off")
            bench = FakeBench(Path(folder), fake, timeout_s=IMPATIENT_S)
            first, second = proposal(390), proposal(400, version=2)
            before = None
            if order != "deploy":
                bench.timeout_s = LONGEST_S
                bench.approve(first)
                await bench.settle()
                before, bench.timeout_s = first, IMPATIENT_S
            wanted = {"deploy": first, "replace": second, "undo": None}[order]
            if wanted:
                bench.approve(wanted)
            else:
                bench.undo()
            fake.fail(step, *[failure] * times)
            await bench.settle(longest_s=LONGEST_S)
            found = _found(bench, wanted, before)
            bench.close()
            return found


def _found(bench: FakeBench, wanted: Suggestion | None, before: Suggestion | None) -> str:
    done = Status.DEPLOYED if wanted else Status.RETIRED
    left = Status.PENDING if wanted else Status.DEPLOYED
    status = bench.suggestion().status
    if status is done and _is_so(bench, wanted):
        return "done"
    is_told = any(not each["retried"] for each in bench.said("automation/failed"))
    return "reported" if status is left and is_told and _is_so(bench, before) else "half"


def _is_so(bench: FakeBench, standing: Suggestion | None) -> bool:
    return bench.stands(standing) if standing else not bench.fake.automations


async def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploying", description=__doc__)
    parser.add_argument("--approvals", type=int, default=50, help="one after the other (%(default)s)")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    versions = [each for each in VERSIONS if (INSTALLS / f"homeassistant-{each}" / "recipe").exists()]
    lines = [
        TO_REACH,
        "",
        "| Home Assistant, from the signed approval | p50, s | p95, s | longest, s | approvals |",
        "|---|---|---|---|---|",
    ]
    for version in versions:
        lines += await measure_home(version, arguments.approvals)
    lines += [
        "",
        "| each request fails in every way | trials | done | as before, reported | half-deployed |",
        "|---|---|---|---|---|",
        *await measure_failures(),
    ]
    table = "\n".join(lines)
    print(table)
    if arguments.write:
        write_section("Deploying", table)


if __name__ == "__main__":
    asyncio.run(main())
