"""Drift of a deployed automation from its approved version: what stands against what was written."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pipeline.automations.render import is_same
from schemas.deployments import Drift


class ConfigOwner(StrEnum):
    """Owner of the configuration found under an automation's id of ha-ai."""

    NOTHING = "nothing"
    WANTED = "wanted"
    OURS = "ours"
    SOMEBODYS = "somebodys"


WORDS = {
    Drift.GONE: "it was removed by hand in Home Assistant, and is not deployed again by itself",
    Drift.OFF: "it was switched off by hand in Home Assistant, and is left so",
    Drift.EDITED: "it was changed by hand in Home Assistant, and is left so",
}


def drift_of(
    found: Mapping[str, Any] | None,
    entity: Mapping[str, Any] | None,
    standing: Mapping[str, Any] | None,
    known: Iterable[Mapping[str, Any]],
) -> Drift:
    """Return the drift of what was found from `standing`, the version to stand there; None is no version.

    A `STRAY` is of ours, but not what is to stand there: a write that came late. Removed is what has left
    both the configuration and the entities; while one of them is there, Home Assistant is still at it, or
    the entity was disabled.
    """
    if standing is None:
        is_ours = found is not None and owner_of(found, {}, known) is ConfigOwner.OURS
        return Drift.STRAY if is_ours else Drift.FINE
    if found is None:
        return Drift.GONE if entity is None else Drift.FINE
    match owner_of(found, standing, known):
        case ConfigOwner.OURS:
            return Drift.STRAY
        case ConfigOwner.SOMEBODYS:
            return Drift.EDITED
    return Drift.FINE if entity is not None and entity.get("state") != "off" else Drift.OFF


def owner_of(
    found: Mapping[str, Any] | None, wanted: Mapping[str, Any], known: Iterable[Mapping[str, Any]]
) -> ConfigOwner:
    """Return the owner of a found configuration, given the wanted one and all that were written before."""
    if found is None:
        return ConfigOwner.NOTHING
    if is_same(found, wanted):
        return ConfigOwner.WANTED
    return ConfigOwner.OURS if any(is_same(found, each) for each in known) else ConfigOwner.SOMEBODYS
