"""Whole automations as links: those of ha-ai as rendered, others' as far as they can be read."""

from pipeline.automations.graph.parts import Link
from pipeline.automations.graph.walk import links
from pipeline.automations.render import render
from schemas.automations import Automation
from schemas.catalogue import KnownAutomation


def links_of_ours(automation: Automation) -> list[Link]:
    """Return the links of an automation that ha-ai proposes."""
    # What Home Assistant will be told is read as others' automations are: one reading for all.
    return links(render(automation, title="", description=""))


def links_of_theirs(automation: KnownAutomation) -> list[Link] | None:
    """Return the links of an automation in Home Assistant; None if its configuration cannot be read."""
    config = automation.config
    return None if config is None or "use_blueprint" in config else links(config)
