"""Catalogue of a Home Assistant: its entities, services and automations, as it tells them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class KnownEntity:
    """An entity as the registries and its state tell it.

    `name` is for people alone: it may hold anything. `device_class` is empty where there is none.
    `attributes` are its state's, such as min_temp, options and supported_color_modes. `unit` is that of its
    value, or of the temperature that it sets; empty where that is not told. `hidden` is what somebody, or
    Home Assistant, keeps out of sight, and `companions` are what else the same device is, or is made of it.
    """

    entity_id: str
    name: str = ""
    area: str = ""
    device_class: str = ""
    unit: str = ""
    hidden: bool = False
    companions: frozenset[str] = frozenset()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownAutomation:
    """An automation that stands there; `config` is None where we may not read it."""

    entity_id: str
    automation_id: str = ""
    name: str = ""
    enabled: bool = True
    config: Mapping[str, Any] | None = None
    touches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Entities that can be acted on, and services for it; `services` are named as in ``light.turn_on``."""

    version: tuple[int, int]
    entities: Mapping[str, KnownEntity]
    services: frozenset[str]
    automations: tuple[KnownAutomation, ...] = ()
