"""Reader of a configuration, as Home Assistant's API or YAML gives it, into the typed tree."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pipeline.automations.parser.tree import (
    Action,
    Call,
    Condition,
    Configuration,
    Fields,
    Opaque,
    Option,
    Part,
    Targets,
    Trigger,
)
from pipeline.automations.parser.values import is_id, is_template, listed, short, split_ids, truth

# More than any automation that a person wrote; YAML can make little text into endlessly much.
MOST_PARTS, DEEPEST = 20_000, 40
SECTIONS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
JOINS = ("and", "or", "not")
CALLS = ("action", "service", "service_template")
# In the order in which Home Assistant looks for them: the first key that is there says what an action is.
ACTIONS = (
    *("delay", "wait_template", "condition", *JOINS, "event", "device_id", "scene", "repeat", "choose"),
    *("wait_for_trigger", "variables", "if", *CALLS, "stop", "parallel", "sequence"),
    "set_conversation_response",
)
# What stands beside that key, and says nothing without it.
BESIDE = frozenset(
    "alias continue_on_error continue_on_timeout data data_template default else enabled entity_id metadata "
    "response_variable target then timeout".split()
)
TARGETS = ("entity_id", "device_id", "area_id", "floor_id", "label_id")
# What may be one or a list, and is a list in the tree.
LISTS = frozenset({"entity_id", "weekday", "not_from", "not_to", "from"})
DEFAULTS = {"description": "", "mode": "single"}
TOO_MUCH = "it is too large or too deeply nested to be looked at"
BLUEPRINT = "it is made from a blueprint, which is not here to be looked at"

Read = Callable[[Any, int], Part]


def parse(config: object) -> Configuration:
    """Return what was read from JSON or YAML as a tree; it takes anything, and never fails.

    Keys may be the singular or the plural ones, sections a list or one alone; of what is too large or too
    deeply nested the rest is one `Opaque` part.

    Examples
    --------
    >>> old = {"trigger": {"platform": "time", "at": "06:30"},
    ...        "action": {"service": "light.turn_on", "entity_id": "light.hall"}}
    >>> new = {"id": "1", "triggers": [{"trigger": "time", "at": "06:30"}],
    ...        "actions": [{"action": "light.turn_on", "target": {"entity_id": ["light.hall"]}}]}
    >>> parse(old) == parse(new), parse(new).actions[0].targets.entity_ids
    (True, ('light.hall',))
    >>> parse({"actions": "light.turn_on"}).actions[0].why
    "'light.turn_on' is no action"
    """
    return _Reader().whole(config)


def joining_key(condition: Mapping[Any, Any]) -> str:
    """Return the key under which a condition holds others; empty if it holds none."""
    kind = condition.get("condition")
    if isinstance(kind, list):
        return "condition"
    if isinstance(kind, str) and kind in JOINS:
        return "conditions"
    return "" if "condition" in condition else next((word for word in JOINS if word in condition), "")


class _Reader:
    """Reads one configuration, of which it takes no more than so many parts and values."""

    def __init__(self) -> None:
        # Some values count twice, such as one that is made a list.
        self._left = 2 * MOST_PARTS
        self._branches: Mapping[str, Mapping[str, Read]] = {
            "choose": {"choose": self._option, "default": self._action},
            "if": {"if": self._condition, "then": self._action, "else": self._action},
            "parallel": {"parallel": self._branch},
            "sequence": {"sequence": self._action},
            "wait_for_trigger": {"wait_for_trigger": self._trigger},
        }
        self._readers: Mapping[str, Read] = {
            **dict.fromkeys(("condition", *JOINS), self._condition),
            **dict.fromkeys(CALLS, self._call),
            "repeat": self._repeat,
            "": self._no_action,
        }

    def whole(self, config: object) -> Configuration:
        if not isinstance(config, Mapping):
            why = "an automation is a set of keys such as trigger and action"
            return Configuration(opaque=Opaque(why, is_refused=True, source=config), source=config)
        why = _strangeness(config) or (BLUEPRINT if "use_blueprint" in config else "")
        written = {one: many if many in config else one for one, many in SECTIONS.items()}
        return Configuration(
            triggers=self._many(self._trigger, config.get(written["trigger"]), 0),
            conditions=self._many(self._condition, config.get(written["condition"]), 0),
            actions=self._many(self._action, config.get(written["action"]), 0),
            fields={**DEFAULTS, **self._fields(config, {"id", *written.values()}, 0)},
            opaque=Opaque(why, source=config) if why else None,
            source=config,
        )

    def _many(self, read: Read, value: Any, depth: int) -> tuple[Part, ...]:
        parts = list[Part]()
        for each in listed(value):
            self._left -= 1
            if self._left < 0 or depth > DEEPEST:
                parts.append(Opaque(TOO_MUCH, source=value))
                break
            parts.append(read(each, depth))
        return tuple(parts)

    def _trigger(self, source: Any, depth: int) -> Part:
        if not isinstance(source, Mapping):
            return self._refused(source, depth, f"{short(source)} is no trigger")
        if "triggers" in source:
            return Trigger("triggers", **self._common(source, (), depth, {"triggers": self._trigger}))
        key = "platform" if "platform" in source else "trigger"
        kind = source.get(key)
        if key not in source:
            return self._refused(source, depth, "it does not say what kind of trigger it is")
        if not isinstance(kind, str):
            return self._refused(source, depth, f"{short(kind)} is no kind of trigger")
        return Trigger(kind, **self._common(source, (key,), depth))

    def _condition(self, source: Any, depth: int) -> Part:
        if is_template(source):
            return Condition("template", fields={"value_template": source}, source=source)
        if not isinstance(source, Mapping):
            return self._refused(source, depth, f"{short(source)} is no condition")
        kind = source.get("condition")
        if key := joining_key(source):
            common = self._common(source, ("condition",), depth, {"conditions": self._condition}, key)
            return Condition(
                kind if isinstance(kind, str) else "and" if key == "condition" else key, **common
            )
        if "condition" not in source:
            return self._refused(source, depth, "it does not say what kind of condition it is")
        if not isinstance(kind, str):
            return self._refused(source, depth, f"{short(kind)} is no kind of condition")
        return Condition(kind, **self._common(source, ("condition",), depth))

    def _action(self, source: Any, depth: int) -> Part:
        if is_template(source):
            return self._condition(source, depth)
        if not isinstance(source, Mapping):
            return self._refused(source, depth, f"{short(source)} is no action")
        key = next((word for word in ACTIONS if word in source), "")
        if key in self._readers:
            return self._readers[key](source, depth)
        kind = "device" if key == "device_id" else key
        return Action(kind, **self._common(source, (), depth, self._branches.get(key)))

    def _branch(self, source: Any, depth: int) -> Part:
        """Read one of the branches that run side by side: an action, a list of them, or nothing."""
        if source is None or isinstance(source, list | tuple):
            actions = self._many(self._action, source, depth + 1)
            return Action("sequence", branches={"sequence": actions}, source=source)
        if isinstance(source, Mapping) and "sequence" in source:
            return Action("sequence", **self._common(source, (), depth, self._branches["sequence"]))
        return self._action(source, depth)

    def _option(self, source: Any, depth: int) -> Part:
        if not isinstance(source, Mapping):
            return self._refused(source, depth, f"expected keys with values, got {short(source)}")
        branches = {"conditions": self._condition, "sequence": self._action}
        return Option(**self._common(source, (), depth, branches))

    def _repeat(self, source: Mapping[Any, Any], depth: int) -> Part:
        inner = source["repeat"]
        if not isinstance(inner, Mapping):
            why = f"repeat: expected keys with values, got {short(inner)}"
            return self._refused(source, depth, why)
        branches = {"while": self._condition, "until": self._condition, "sequence": self._action}
        common = self._common(inner, (), depth, branches)
        common["fields"] = {**self._fields(source, ("enabled", "repeat"), depth), **common["fields"]}
        common["enabled"], common["source"] = _enabled(source), source
        return Action("repeat", **common)

    def _call(self, source: Mapping[Any, Any], depth: int) -> Part:
        key = next(word for word in CALLS if word in source)
        service = source[key]
        if not isinstance(service, str):
            # Even 3.5 has the form of one.
            is_refused = not isinstance(service, float)
            why = "does not name a service as in light.turn_on" if is_refused else "can only be looked up"
            return self._opaque(source, depth, f"{key}: {short(service)} {why}", is_refused=is_refused)
        said = self._named_targets(source, TARGETS[:1], depth)
        data, beside = dict[Any, Any](), dict[Any, Any]()
        for name in ("data", "data_template", "target"):
            part = source.get(name)
            if isinstance(part, Mapping):
                said += self._named_targets(part, TARGETS, depth)
                data |= self._fields(part, TARGETS, depth) if name != "target" else {}
            elif part is not None:
                beside[name] = self._plain(part, depth)
        common = self._common(source, (key, "data", "data_template", "entity_id", "target"), depth)
        common["fields"] = {**common["fields"], **beside}
        named = dict.fromkeys(each for key, each in said if key == "entity_id" and is_id(each))
        others = tuple((key, each) for key, each in said if key != "entity_id" or not is_id(each))
        return Call(service, Targets(tuple(named), others), data, **common)

    def _named_targets(
        self, part: Mapping[Any, Any], keys: Collection[str], depth: int
    ) -> list[tuple[str, Any]]:
        """Return what a part of a call says it is to act on, as pairs of the key and one value each."""
        given = ((key, self._named(key, part[key], depth)) for key in keys if key in part)
        return [(key, each) for key, values in given for each in listed(values)]

    def _common(
        self,
        source: Mapping[Any, Any],
        apart: Collection[str],
        depth: int,
        branches: Mapping[str, Read] | None = None,
        written: str = "",
    ) -> dict[str, Any]:
        """Return what every part has; `written` is the key under which its one branch stands."""
        keys = {name: written or name for name in branches or {}}
        return {
            "fields": self._fields(source, {"enabled", *apart, *keys.values()}, depth),
            "branches": {
                name: self._many(read, source.get(keys[name]), depth + 1)
                for name, read in (branches or {}).items()
            },
            "enabled": _enabled(source),
            "source": source,
        }

    def _fields(self, source: Mapping[Any, Any], apart: Collection[str], depth: int) -> Fields:
        return {key: self._named(key, value, depth) for key, value in source.items() if key not in apart}

    def _named(self, key: Any, value: Any, depth: int) -> Any:
        if key in LISTS:
            value = split_ids(value) if key == "entity_id" else listed(value)
        return self._plain(value, depth)

    def _plain(self, value: Any, depth: int) -> Any:
        """Return a value so that it can be compared: bounded, and equal to itself."""
        self._left -= 1
        if isinstance(value, float) and value != value:  # noqa: PLR0124 the one value that is not itself
            return Opaque("it is no number")
        if not isinstance(value, Mapping | list | tuple):
            return value
        if self._left < 0 or depth > DEEPEST:
            return Opaque(TOO_MUCH)
        if isinstance(value, Mapping):
            return self._fields(value, (), depth + 1)
        return [self._plain(each, depth + 1) for each in value]

    def _opaque(self, source: Any, depth: int, why: str, *, is_refused: bool = False) -> Opaque:
        told = source if isinstance(source, Mapping) else {"": source}
        fields = self._fields(told, ("enabled",), depth)
        return Opaque(why, is_refused, fields=fields, enabled=_enabled(source), source=source)

    def _refused(self, source: Any, depth: int, why: str) -> Opaque:
        return self._opaque(source, depth, why, is_refused=True)

    def _no_action(self, source: Mapping[Any, Any], depth: int) -> Opaque:
        strange = next((key for key in source if key not in BESIDE), None)
        if strange is None:
            return self._refused(source, depth, "it does not say what is to be done")
        return self._opaque(source, depth, f"{short(strange)} is no action that we know")


def _enabled(source: Any) -> bool | None:
    return truth(source["enabled"]) if isinstance(source, Mapping) and "enabled" in source else True


def _strangeness(config: Mapping[Any, Any]) -> str:
    """Return why a configuration cannot be read as a whole: its size, or values that JSON cannot hold."""
    parts: list[tuple[object, int]] = [(config, 0)]
    looked_at = 0
    while parts:
        part, depth = parts.pop()
        looked_at += 1
        if looked_at > MOST_PARTS or depth > DEEPEST:
            return TOO_MUCH
        if isinstance(part, Mapping):
            if not all(isinstance(key, str) for key in part):
                return "not every key is text"
            parts += [(inner, depth + 1) for inner in part.values()]
        elif isinstance(part, list):
            parts += [(inner, depth + 1) for inner in part]
        elif not isinstance(part, str | int | float | None):
            return f"it holds a {type(part).__name__}, which is nothing that Home Assistant is given"
    return ""
