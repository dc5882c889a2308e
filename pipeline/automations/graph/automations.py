"""Whole automations as links: ours as we render them, somebody else's as far as they can be read."""

from pipeline.automations.graph.parts import Link
from pipeline.automations.graph.walk import links
from pipeline.automations.render import render
from schemas.automations import Automation
from schemas.catalogue import KnownAutomation


def links_of_ours(automation: Automation) -> list[Link]:
    """The links of an automation of ours."""
    # What Home Assistant will be told is read as others' automations are: one reading for all.
    return links(render(automation, title="", description=""))


def links_of_theirs(automation: KnownAutomation) -> list[Link] | None:
    """The links of an automation that stands there; None where we may not look into it."""
    config = automation.config
    return None if config is None or "use_blueprint" in config else links(config)
