from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from benchmarks.processes import wait_until
from benchmarks.review_desk import ReviewDesk
from pipeline.review.reviewer import Reviewer
from schemas.commands import SignedCommand, Verb
from schemas.suggestions import Status
from schemas.topics import Role
from tests.fixtures.hosting import Hosted
from tests.pipeline.review.reviewing import ANSWERED, DEPLOY, LAMP, now, reasons

PATIENCE_S = 20.0
APPROVALS = 20


@pytest.fixture
def desk(broker: Any, tmp_path: Path) -> Iterator[ReviewDesk]:
    """A suggestion that waits, and what signs commands; two reviewers of their own get them."""
    hosts = [Hosted(tmp_path, broker.url, {Role.REVIEW: Reviewer}) for _ in range(2)]
    for host in hosts:
        host.start()
    made = ReviewDesk(hosts[0].settings)
    made.add(LAMP)
    yield made
    made.close()
    for host in hosts:
        host.stop()


def publishing(broker: Any) -> aiomqtt.Client:
    """A client of somebody who may publish."""
    return aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5)


async def publish(client: aiomqtt.Client, desk: ReviewDesk, command: SignedCommand, **how: Any) -> None:
    """Publish a command on its own topic."""
    topic = desk.topics.suggestion_command(command.verb.value)
    await client.publish(topic, command.model_dump_json(), qos=1, **how)


async def test_reviewers_beside_each_other_deploy_once(desk: ReviewDesk, broker: Any) -> None:
    """Of approvals that go round two reviewers one counts, and each is written down."""
    again = desk.command(Verb.APPROVE, LAMP)
    async with publishing(broker) as client:
        for _ in range(APPROVALS // 2):
            await publish(client, desk, again)
            await publish(client, desk, desk.command(Verb.APPROVE, LAMP))
        await wait_until(lambda: len(desk.audit()) == APPROVALS, PATIENCE_S, "an entry each")
    assert now(desk).status is Status.APPROVED
    assert len(desk.said(DEPLOY)) == 1
    assert reasons(desk) == ["replayed"] * (APPROVALS // 2 - 1)
    assert len(desk.said(ANSWERED)) == APPROVALS // 2 + 1


async def test_every_topic_is_reviewed(desk: ReviewDesk, broker: Any) -> None:
    """Commands and presses arrive, each on the topic that clients publish to."""
    topics = [desk.topics.suggestion_command(verb) for verb in ("approve", "reject", "not_now", "modify")]
    async with publishing(broker) as client:
        for topic in (*topics, desk.topics.press):
            await client.publish(topic, b"?", qos=1)
        await wait_until(lambda: len(desk.audit()) == len(topics) + 1, PATIENCE_S, "an entry each")
    told = sorted(entry.detail.split()[1].rstrip(":") for entry in desk.audit("refused"))
    assert told == sorted([*topics, desk.topics.press])
