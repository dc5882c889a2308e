"""Drift of a deployed automation from its approved version: what stands against what was written."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

_PLURALS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
_LISTS = frozenset({"entity_id", "weekday", "not_from", "not_to", "from"})


class Drift(StrEnum):
    """Drift of a deployed automation; `FINE` is none."""

    FINE = ""
    GONE = "gone"
    OFF = "off"
    EDITED = "edited"
    STRAY = "stray"


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


class ConfigOwner(StrEnum):
    """Owner of the configuration found under an automation's id of ha-ai."""

    NOTHING = "nothing"
    WANTED = "wanted"
    OURS = "ours"
    SOMEBODYS = "somebodys"


def owner_of(
    found: Mapping[str, Any] | None, wanted: Mapping[str, Any], known: Iterable[Mapping[str, Any]]
) -> ConfigOwner:
    """Return the owner of a found configuration, given the wanted one and all that were written before."""
    if found is None:
        return ConfigOwner.NOTHING
    content = normal(found)
    if content == normal(wanted):
        return ConfigOwner.WANTED
    return ConfigOwner.OURS if any(content == normal(each) for each in known) else ConfigOwner.SOMEBODYS


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two configurations are the same automation, whichever release wrote them."""
    return normal(one) == normal(other)


def normal(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in one normal form, whichever release wrote it.

    From 2024.10 on Home Assistant keeps ``triggers``, ``conditions`` and ``actions``, in them ``trigger`` in
    place of ``platform`` and ``action`` in place of ``service``; what holds one entry may be a list or not.

    Examples
    --------
    >>> old = {"alias": "A", "trigger": [{"platform": "time", "at": "06:30:00"}], "condition": [],
    ...        "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}]}
    >>> new = {"id": "haai_1", "alias": "A", "triggers": {"trigger": "time", "at": "06:30:00"},
    ...        "actions": [{"action": "light.turn_on", "target": {"entity_id": ["light.hall"]}}]}
    >>> normal(old) == normal(new), normal(old) == normal(new | {"alias": "B"})
    (True, False)
    """
    whole = {_PLURALS.get(key, key): part for key, part in config.items() if key != "id"}
    for plural, rename in (("triggers", "platform"), ("conditions", ""), ("actions", "service")):
        whole[plural] = [_part(part, rename) for part in _listed(whole.get(plural))]
    whole.setdefault("description", "")
    whole.setdefault("mode", "single")
    return whole


def _part(part: Any, rename: str) -> Any:
    if not isinstance(part, Mapping):
        return part
    names = {"platform": "trigger", "service": "action"}
    renamed = {names[key] if key == rename else key: value for key, value in part.items()}
    return {key: _value(key, value) for key, value in renamed.items()}


def _value(key: str, value: Any) -> Any:
    if key in _LISTS:
        return _listed(value)
    if isinstance(value, Mapping):
        return {name: _value(name, each) for name, each in value.items()}
    return value


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
