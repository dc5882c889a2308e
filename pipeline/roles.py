"""The wiring of the roles: what each reads, says and needs. Each is imported only where it runs."""

# ruff: noqa: PLC0415 what the deployer reads and imports, no other process need
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pipeline.runtime.host import Factory
from pipeline.runtime.role import RoleContext, StatelessConsumer
from pipeline.settings import PREFIX, Settings
from pipeline.settings.sections import (
    AnswerSettings,
    DeploySettings,
    LearnSettings,
    ReviewSettings,
    RoleSettings,
    ShowSettings,
    SuggestSettings,
)
from schemas.messages import Row
from schemas.topics import Role, Topics, read_by, said_by


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """One role.

    Parameters
    ----------
    role
        The role; what it reads and says stands under its name in the table of messages.
    does
        One sentence of what it is for.
    section
        Section of the settings that it is given.
    make
        What makes it; None where the service that owns the home is it.
    needs
        Settings that it needs to be of full use.
    without
        What does not happen without them.
    is_apart
        Whether it has a process of its own where others run too, and none without what it needs.
    """

    role: Role
    does: str
    section: type[RoleSettings] = RoleSettings
    make: Factory | None = None
    needs: tuple[str, ...] = ()
    without: str = ""
    is_apart: bool = False

    @property
    def reads(self) -> tuple[Row[Any], ...]:
        """Messages that it subscribes to."""
        return read_by(self.role)

    @property
    def says(self) -> tuple[Row[Any], ...]:
        """Messages that it publishes, or leaves to the outbox."""
        return said_by(self.role)

    def filters(self, topics: Topics) -> frozenset[str]:
        """Return the topic filters that it subscribes to."""
        return frozenset(topic_filter for row in self.reads for topic_filter in row.filters(topics))

    def lack(self, settings: Settings) -> str:
        """Return what does not happen for want of settings, and which; empty where all are there."""
        if all(getattr(settings, name) for name in self.needs):
            return ""
        names = " and ".join(f"{PREFIX}{name.upper()}" for name in self.needs)
        return f"{self.without}: {names} have to be set"


def factories(roles: Iterable[Role]) -> dict[Role, Factory]:
    """Return what makes the named roles; those that are not stateless are passed over."""
    return {name: _wired(ROLES[name], make) for name in sorted(roles) if (make := ROLES[name].make)}


def _wired(wiring: Wiring, make: Factory) -> Factory:
    """Make a role of its own section of the settings, that reads what the table says and nothing else."""

    def made(context: RoleContext) -> StatelessConsumer:
        consumer = make(replace(context, settings=context.settings.section(wiring.section)))
        expected = wiring.filters(context.settings.topics)
        found = [subscriber.topic_filter for subscriber in consumer.subscribers()]
        if sorted(expected) != sorted(found):
            raise ValueError(f"expected {wiring.role} to read {sorted(expected)}, got {sorted(found)}")
        return consumer

    return made


def _suggester(context: RoleContext) -> StatelessConsumer:
    from pipeline.suggest.suggester import Suggester

    return Suggester(context)


def _reviewer(context: RoleContext) -> StatelessConsumer:
    from pipeline.review.reviewer import Reviewer

    return Reviewer(context)


def _deployer(context: RoleContext) -> StatelessConsumer:
    from pipeline.deploy.deployer import Deployer

    return Deployer(context)


def _publisher(context: RoleContext) -> StatelessConsumer:
    from pipeline.show.discovery_publisher import DiscoveryPublisher

    return DiscoveryPublisher(context)


def _answerer(context: RoleContext) -> StatelessConsumer:
    from pipeline.answer.answerer import Answerer

    return Answerer(context)


_WIRED = (
    Wiring(
        role=Role.LEARN,
        does="Owns the home, learns what happens there and judges each day.",
        section=LearnSettings,
    ),
    Wiring(
        role=Role.PUBLISH,
        does="Sends what the outbox holds: all that other roles say, but for what is retained or awaited.",
        section=LearnSettings,
    ),
    Wiring(
        role=Role.SUGGEST,
        does="Proposes automations that would have done well on the past.",
        section=SuggestSettings,
        make=_suggester,
    ),
    Wiring(
        role=Role.REVIEW,
        does="Takes decisions on suggestions, from signed commands and confirmed presses.",
        section=ReviewSettings,
        make=_reviewer,
        needs=("home_assistant_url", "home_assistant_token"),
        without="presses in Home Assistant do not count",
    ),
    Wiring(
        role=Role.DEPLOY,
        does="Puts approved automations into Home Assistant, takes them out, and watches them.",
        section=DeploySettings,
        make=_deployer,
        needs=("deployer_token_file", "home_assistant_url"),
        without="nothing is deployed",
        is_apart=True,
    ),
    Wiring(
        role=Role.SHOW,
        does="Keeps our devices in Home Assistant as the store says.",
        section=ShowSettings,
        make=_publisher,
    ),
    Wiring(
        role=Role.ANSWER,
        does="Answers questions about suggestions.",
        section=AnswerSettings,
        make=_answerer,
    ),
)
ROLES: dict[Role, Wiring] = {wiring.role: wiring for wiring in _WIRED}
