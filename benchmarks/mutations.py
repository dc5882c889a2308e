"""Automations with something wrong in them, or merely odd: what a verdict has to withstand."""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

Config = dict[str, Any]
VALUES: tuple[Any, ...] = (
    *(None, True, False, 5, -1, 3.5, 27_000, "", "abc", "on", "all", "light", "light.kitchen", "sensor.x"),
    *("25:99", "07:30", "00:00:10", "-00:10:00", "sunset", "mon", "state", "delay", "{{ x }}", "{{ x"),
    *([], [None], ["on", 3], ["light.a", "nope"], {}, {"seconds": 5}, {"a": 1}, {"light.a": 1}),
)
KEYS = tuple(
    "above action after alias at attribute before below choose condition conditions count data delay enabled "
    "entity_id event for frobnicate from id if match metadata minutes not_to offset parallel payload "
    "platform qos repeat response_variable sequence service state stop target then timeout to trigger "
    "value_template variables weekday while".split()
)
SECTIONS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}


def mutants(rng: random.Random, configs: Sequence[Config], number: int) -> Iterator[Config]:
    """Yield so many automations, each one of the configurations with one or two things changed."""
    for _ in range(number):
        config = copy.deepcopy(rng.choice(configs))
        config = {key: part for key, part in config.items() if key in SECTIONS or key in SECTIONS.values()}
        for _ in range(rng.choice((1, 1, 1, 2))):
            _mutate(rng, config)
        yield config


def _mutate(rng: random.Random, config: Config) -> None:
    """Replace, remove, rename, wrap, unwrap or add something; the sections themselves stay where they are."""
    parent, key = rng.choice(list(_places(config)))
    part = parent[key]
    match rng.randrange(6):
        case 0 if parent is not config:
            del parent[key]
        case 1 if isinstance(parent, dict) and parent is not config:
            parent[rng.choice(KEYS)] = parent.pop(key)
        case 2:
            parent[key] = [part]
        case 3 if isinstance(part, dict):
            part[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
        case 4 if isinstance(part, list) and len(part) == 1:
            parent[key] = part[0]
        case _:
            parent[key] = copy.deepcopy(rng.choice(VALUES))


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with every key in it."""
    keys = part.keys() if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        yield part, key
        yield from _places(part[key])
