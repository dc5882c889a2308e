"""Table of the stateless consumers; each module is imported only where it runs."""

# ruff: noqa: PLC0415 what the deployer reads and imports, no other process need
from collections.abc import Iterable

from pipeline.runtime.host import Factory
from pipeline.runtime.role import Consumer, RoleContext, StatelessConsumer


def factories(consumers: Iterable[Consumer]) -> dict[Consumer, Factory]:
    """Return what makes the named consumers; those that are not stateless are passed over."""
    return {name: MAKERS[name] for name in sorted(consumers) if name in MAKERS}


def _suggester(desk: RoleContext) -> StatelessConsumer:
    from pipeline.suggest.suggester import Suggester

    return Suggester(desk)


def _reviewer(desk: RoleContext) -> StatelessConsumer:
    from pipeline.review.reviewer import Reviewer

    return Reviewer(desk)


def _deployer(desk: RoleContext) -> StatelessConsumer:
    from pipeline.deploy.deployer import Deployer

    return Deployer(desk)


def _shower(desk: RoleContext) -> StatelessConsumer:
    from pipeline.show.discovery_publisher import DiscoveryPublisher

    return DiscoveryPublisher(desk)


def _answerer(desk: RoleContext) -> StatelessConsumer:
    from pipeline.answer.answerer import Answerer

    return Answerer(desk)


MAKERS: dict[Consumer, Factory] = {
    Consumer.SUGGEST: _suggester,
    Consumer.REVIEW: _reviewer,
    Consumer.DEPLOY: _deployer,
    Consumer.SHOW: _shower,
    Consumer.ANSWER: _answerer,
}
