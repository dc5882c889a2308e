"""Table of the stateless consumers; each module is imported only where it runs."""

# ruff: noqa: PLC0415 what the deployer reads and imports, no other process need
from collections.abc import Iterable

from pipeline.runtime.host import Factory
from pipeline.runtime.role import Consumer, Desk, StatelessConsumer


def factories(consumers: Iterable[Consumer]) -> dict[Consumer, Factory]:
    """Return what makes the named consumers; those that are not stateless are passed over."""
    return {name: MAKERS[name] for name in sorted(consumers) if name in MAKERS}


def _suggester(desk: Desk) -> StatelessConsumer:
    from pipeline.suggest.suggester import Suggester

    return Suggester(desk)


def _reviewer(desk: Desk) -> StatelessConsumer:
    from pipeline.review.reviewer import Reviewer

    return Reviewer(desk)


def _deployer(desk: Desk) -> StatelessConsumer:
    from pipeline.deploy.deployer import Deployer

    return Deployer(desk)


def _shower(desk: Desk) -> StatelessConsumer:
    from pipeline.show.shower import Shower

    return Shower(desk)


def _answerer(desk: Desk) -> StatelessConsumer:
    from pipeline.answer.answerer import Answerer

    return Answerer(desk)


MAKERS: dict[Consumer, Factory] = {
    Consumer.SUGGEST: _suggester,
    Consumer.REVIEW: _reviewer,
    Consumer.DEPLOY: _deployer,
    Consumer.SHOW: _shower,
    Consumer.ANSWER: _answerer,
}
