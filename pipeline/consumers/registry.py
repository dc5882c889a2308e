"""Which stateless consumers there are; each module is imported only where it runs."""

from collections.abc import Iterable
from importlib import import_module

from pipeline.consumers.consumer import Consumer, Desk, StatelessConsumer
from pipeline.consumers.host import Factory

CLASSES = {
    Consumer.SUGGEST: ("pipeline.consumers.suggester", "Suggester"),
    Consumer.REVIEW: ("pipeline.consumers.reviewer", "Reviewer"),
    Consumer.DEPLOY: ("pipeline.consumers.deployer", "Deployer"),
    Consumer.SHOW: ("pipeline.consumers.shower", "Shower"),
    Consumer.ANSWER: ("pipeline.consumers.answerer", "Answerer"),
}


def factories(consumers: Iterable[Consumer]) -> dict[Consumer, Factory]:
    """What makes the named consumers; those that are not stateless are passed over."""
    return {name: _factory(name) for name in sorted(consumers) if name in CLASSES}


def _factory(name: Consumer) -> Factory:
    module, class_name = CLASSES[name]

    def make(desk: Desk) -> StatelessConsumer:
        made: StatelessConsumer = getattr(import_module(module), class_name)(desk)
        return made

    return make
