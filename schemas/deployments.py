"""Deployments: the version of each suggestion wanted in Home Assistant, and all versions it ever had."""

from typing import Any, NamedTuple

from schemas.suggestions import Suggestion


class Deployment(NamedTuple):
    """Version wanted in Home Assistant for a suggestion (`wanted`, 0 for none), and the one that stands."""

    suggestion_id: str
    automation_id: str
    wanted: int
    standing: int
    step: str
    attempts: int
    approval: str
    detail: str
    updated_us: int


class AutomationVersion(NamedTuple):
    """One version of an automation, as it was approved and as Home Assistant was given it."""

    version: int
    content_hash: str
    suggestion: Suggestion
    config: dict[str, Any]
    deployed_us: int
