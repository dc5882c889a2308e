"""Approvals of which one each counts, through several reviewers at once, and on to Home Assistant."""

import asyncio
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from benchmarks.processes import wait_until
from benchmarks.review_desk import EVERYTHING, ReviewDesk, a_suggestion
from pipeline.commands.signing import new_command
from pipeline.deploy.deployer import Deployer
from pipeline.runtime.nonces import new_nonce
from pipeline.runtime.role import IncomingMessage
from pipeline.settings import Settings
from schemas.commands import SignedCommand, Verb
from schemas.suggestions import Status, Suggestion
from tests.sinks.fake_home_assistant import FakeHomeAssistant

SEED = 7
APPROVALS_EACH = 10
REVIEWERS = 4
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Duplicated:
    """What came of approving suggestions again and again: the most and the fewest that followed of one."""

    approvals: int
    suggestions: int
    deployments: int
    orders: Counter[str]
    feedback: int
    accepted: int
    seconds: float

    @property
    def orders_each(self) -> tuple[int, int]:
        """Fewest and most orders to the deployer for one suggestion."""
        counts = [*self.orders.values(), *[0] * (self.suggestions - len(self.orders))]
        return min(counts), max(counts)


def duplicate(settings: Settings, number: int, *, seed: int = SEED) -> Duplicated:
    """Approve each of some suggestions ten times, through four reviewers at once.

    Half of the approvals of a suggestion are one and the same message, as a broker may deliver it again.
    """
    desk = ReviewDesk(settings)
    suggestions = [a_suggestion(place) for place in range(number // APPROVALS_EACH)]
    desk.add(*suggestions)
    commands = [command for each in suggestions for command in _approvals(desk, each)]
    random.Random(seed).shuffle(commands)
    start_s = time.monotonic()
    with ThreadPoolExecutor(REVIEWERS) as threads:
        parts = [commands[place::REVIEWERS] for place in range(REVIEWERS)]
        list(threads.map(partial(_review, settings), parts))
    seconds = time.monotonic() - start_s
    orders = Counter(
        said.payload["suggestion_id"] for said in desk.said(desk.topics.automation_command("deploy"))
    )
    found = Duplicated(
        approvals=len(commands),
        suggestions=len(suggestions),
        deployments=len(desk.store.suggestions.deployments()),
        orders=orders,
        feedback=len(desk.store.suggestions.feedback()),
        accepted=len(desk.store.suggestions.all(Status.APPROVED)),
        seconds=seconds,
    )
    desk.close()
    return found


def _approvals(desk: ReviewDesk, suggestion: Suggestion) -> list[SignedCommand]:
    now_ms = desk.desk.now_us() // 1000
    half = APPROVALS_EACH // 2
    nonces = [new_nonce()] * half + [new_nonce() for _ in range(APPROVALS_EACH - half)]
    return [new_command(nonce, Verb.APPROVE, suggestion, "Anna", desk.key, now_ms) for nonce in nonces]


def _review(settings: Settings, commands: list[SignedCommand]) -> None:
    """Take a part of the commands with a reviewer of our own, on a thread of our own."""

    async def take() -> None:
        desk = ReviewDesk(settings)
        for command in commands:
            await desk.send(command)
        desk.close()

    asyncio.run(take())


async def deploy(settings: Settings, home: FakeHomeAssistant) -> Counter[str]:
    """Let a deployer carry out what was approved, each order given to it twice; each automation's writes."""
    desk = ReviewDesk(settings)
    topic = desk.topics.automation_command("deploy")
    orders = [each.payload for each in desk.store.pending(EVERYTHING) if each.topic == topic]
    for suggestion in desk.store.suggestions.all():
        home.add_entity(suggestion.automation.actions[0].entity_id)
    deployer = Deployer(desk.desk)
    tasks = [asyncio.create_task(loop()) for loop in deployer.loops()]
    take = next(
        subscriber.handle for subscriber in deployer.subscribers() if subscriber.topic_filter == topic
    )
    for payload in (*orders, *orders):
        await take(
            IncomingMessage(topic, payload, retain=False, response_topic="", correlation=b"", received_us=1)
        )
    deployed = partial(desk.store.suggestions.all, Status.DEPLOYED)
    await wait_until(lambda: len(deployed()) == len(orders), PATIENCE_S, "all to be deployed")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    desk.close()
    written = (each.path.rpartition("/")[2] for each in home.requests if each.method == "POST")
    return Counter(automation_id for automation_id in written if automation_id in home.automations)
