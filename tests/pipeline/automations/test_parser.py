"""Any configuration, in any dialect of Home Assistant's, as one tree."""

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.automations.graph import links
from pipeline.automations.parser import (
    Action,
    Call,
    Condition,
    Configuration,
    Opaque,
    Option,
    Part,
    Targets,
    Trigger,
    parse,
)
from pipeline.automations.render import as_yaml, render
from schemas.automations import Automation
from tests.fixtures.dialects import ACTIONS, STYLES, TREES, Style, written
from tests.fixtures.specimens import specimens
from tests.profiles import examples

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "ha_automations_open.jsonl.gz"
LAMP = Call("light.turn_on", Targets(("light.hall",)))
TURN_ON = {"service": "light.turn_on", "target": {"entity_id": "light.hall"}}
DARK = {"condition": "state", "entity_id": "sun.sun", "state": "below_horizon"}
IS_DARK = Condition("state", fields={"entity_id": ["sun.sun"], "state": "below_horizon"})
AT = {"platform": "time", "at": "06:30"}
AT_TIME = Trigger("time", fields={"at": "06:30"})


def parts(tree: Configuration) -> Iterator[Part]:
    """Yield every part of a tree."""
    waiting = [*tree.triggers, *tree.conditions, *tree.actions]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [inner for branch in part.branches.values() for inner in branch]


def why(tree: Configuration) -> list[str]:
    """Return what is said of parts that cannot be read."""
    return [part.why for part in parts(tree) if isinstance(part, Opaque)]


@settings(max_examples=examples(100))
@given(TREES, STYLES, STYLES)
def test_every_dialect_is_one_tree(tree: Configuration, one: Style, other: Style) -> None:
    """Old keys and new, alone or in lists, in short or at length, wherever the entities stand."""
    assert parse(written(tree, one)) == tree
    assert parse(written(tree, other)) == tree
    assert parse(yaml.safe_load(yaml.safe_dump(written(tree, one)))) == tree


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with each key in it that holds a scalar, but those that switch off."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        if isinstance(value[key], dict | list):
            yield from leaves(value[key])
        elif value[key] is not None and key != "enabled":
            yield value, key


@settings(max_examples=examples(100))
@given(TREES, STYLES)
def test_every_change_makes_another_tree(tree: Configuration, style: Style) -> None:
    """Whatever single text or number is another one: no change by hand goes unseen."""
    config = deepcopy(written(tree, style))
    for container, key in list(leaves(config)):
        value = container[key]
        container[key] = f"{value}z" if isinstance(value, str) else value + 1
        assert parse(config) != tree
        container[key] = value


@settings(max_examples=examples(100))
@given(st.lists(ACTIONS, min_size=1, max_size=3), STYLES)
def test_what_is_switched_off_has_no_effect(actions: list[Part], style: Style) -> None:
    """At any depth: none of its effects, nor those of what stands inside of it."""
    config = written(Configuration(actions=tuple(actions)), style)
    off = {"sequence": config["actions" if style.new_keys else "action"]}
    trigger = {"platform": "state", "entity_id": "light.x"}
    for disabled in (
        {**off, "enabled": False},
        {"parallel": [{**off, "enabled": False}]},
        {"choose": [{"conditions": [], **off, "enabled": False}]},
        {"if": [], "then": {**off, "enabled": "no"}},
    ):
        assert links({"trigger": trigger, "action": [disabled]}) == []
    assert links({"trigger": {**trigger, "enabled": False}, "action": TURN_ON}) == []


def test_what_a_template_switches_off_may_be_in_use() -> None:
    """Its effects count, and as a condition it keeps nothing apart for certain."""
    trigger = {"platform": "state", "entity_id": "light.x"}
    (link,) = links({"trigger": trigger, "action": TURN_ON | {"enabled": "{{ x }}"}})
    assert link.scope.is_known
    (link,) = links({"trigger": trigger, "condition": DARK | {"enabled": "{{ x }}"}, "action": TURN_ON})
    assert (link.scope.is_known, link.scope.states) == (False, {})


@pytest.mark.parametrize("name", specimens())
def test_what_we_render_is_read_as_it_was_meant(name: str) -> None:
    """Of every kind that we propose: its trigger, its conditions, its calls and waits; nothing opaque."""
    automation = specimens()[name]
    config = render(automation, title=name, description="")
    tree = parse(yaml.safe_load(as_yaml(config)))
    assert tree == parse(config)
    assert (why(tree), tree.opaque) == ([], None)
    kind = {"numeric": "numeric_state"}.get(automation.trigger.kind, automation.trigger.kind)
    assert [part.kind for part in tree.triggers if isinstance(part, Trigger)] == [kind]
    assert len(tree.conditions) == len(automation.conditions)
    assert _calls(tree) == _meant(automation)


def _calls(tree: Configuration) -> list[tuple[Any, ...]]:
    """Return service, entity and data of each call, with the delay before it."""
    found, delay = list[tuple[Any, ...]](), None
    for part in tree.actions:
        if isinstance(part, Call):
            found.append((part.service, part.targets, part.data, delay))
        delay = part.fields.get("delay")
    return found


def _meant(automation: Automation) -> list[tuple[Any, ...]]:
    return [
        (
            each.service,
            Targets((each.entity_id,)),
            {
                name: round(value) if name == "brightness" and isinstance(value, float) else value
                for name, value in each.data.items()
            },
            None
            if not each.after_seconds
            else dict(
                zip(
                    ("hours", "minutes", "seconds"),
                    (each.after_seconds // 3600, each.after_seconds // 60 % 60, each.after_seconds % 60),
                    strict=True,
                )
            ),
        )
        for each in automation.actions
    ]


SAMPLE_TRIGGERS: list[tuple[Any, Part]] = [
    (AT, AT_TIME),
    ({"trigger": "time", "at": "06:30"}, AT_TIME),
    (
        {"platform": "state", "entity_id": "light.A, light.b", "from": "off", "for": {"minutes": 5}},
        Trigger(
            "state", fields={"entity_id": ["light.a", "light.b"], "from": ["off"], "for": {"minutes": 5}}
        ),
    ),
    (
        {
            "platform": "device",
            "device_id": "d",
            "domain": "light",
            "type": "turned_on",
            "entity_id": "light.a",
        },
        Trigger(
            "device",
            fields={"device_id": "d", "domain": "light", "type": "turned_on", "entity_id": ["light.a"]},
        ),
    ),
    (
        {"trigger": "light.turned_on", "target": {"area_id": "hall"}, "options": {"behavior": "any"}},
        Trigger("light.turned_on", fields={"target": {"area_id": "hall"}, "options": {"behavior": "any"}}),
    ),
    ({"triggers": [AT]}, Trigger("triggers", branches={"triggers": (AT_TIME,)})),
    ({**AT, "enabled": False}, Trigger("time", fields={"at": "06:30"}, enabled=False)),
    ({**AT, "enabled": "{{ x }}"}, Trigger("time", fields={"at": "06:30"}, enabled=None)),
    ("time", Opaque("'time' is no trigger", is_refused=True, fields={"": "time"})),
    (
        {"at": "06:30"},
        Opaque("it does not say what kind of trigger it is", is_refused=True, fields={"at": "06:30"}),
    ),
    (
        {"platform": ["time"]},
        Opaque("['time'] is no kind of trigger", is_refused=True, fields={"platform": ["time"]}),
    ),
]
SAMPLE_CONDITIONS: list[tuple[Any, Part]] = [
    (DARK, IS_DARK),
    ("{{ x }}", Condition("template", fields={"value_template": "{{ x }}"})),
    ({"condition": "or", "conditions": DARK}, Condition("or", branches={"conditions": (IS_DARK,)})),
    ({"not": [DARK]}, Condition("not", branches={"conditions": (IS_DARK,)})),
    ({"condition": [DARK]}, Condition("and", branches={"conditions": (IS_DARK,)})),
    (
        {"and": [{"or": "{{ x }}"}], "enabled": "off"},
        Condition(
            "and",
            enabled=False,
            branches={
                "conditions": (
                    Condition(
                        "or",
                        branches={
                            "conditions": (Condition("template", fields={"value_template": "{{ x }}"}),)
                        },
                    ),
                )
            },
        ),
    ),
    ({"condition": "light.is_on"}, Condition("light.is_on")),
    ("dark", Opaque("'dark' is no condition", is_refused=True, fields={"": "dark"})),
    (
        {"state": "on"},
        Opaque("it does not say what kind of condition it is", is_refused=True, fields={"state": "on"}),
    ),
]
SAMPLE_ACTIONS: list[tuple[Any, Part]] = [
    (TURN_ON, LAMP),
    ({"action": "light.turn_on", "entity_id": ["light.hall"]}, LAMP),
    ({"service": "light.turn_on", "data": {"entity_id": "light.hall"}}, LAMP),
    ({"service_template": "light.turn_on", "data_template": {"entity_id": "Light.Hall"}}, LAMP),
    (
        {
            "action": "light.turn_on",
            "target": {"area_id": ["hall", "bath"], "floor_id": "up", "label_id": "x"},
        },
        Call(
            "light.turn_on",
            Targets(others=(("area_id", "hall"), ("area_id", "bath"), ("floor_id", "up"), ("label_id", "x"))),
        ),
    ),
    (
        {"action": "light.turn_on", "target": "{{ x }}", "data": {"brightness_pct": 5}},
        Call("light.turn_on", data={"brightness_pct": 5}, fields={"target": "{{ x }}"}),
    ),
    (
        {"action": "light.turn_on", "entity_id": ["all", "{{ x, y }}", "light.hall"], "metadata": {}},
        Call(
            "light.turn_on",
            Targets(("light.hall",), (("entity_id", "all"), ("entity_id", "{{ x, y }}"))),
            fields={"metadata": {}},
        ),
    ),
    ({"action": "{{ service }}"}, Call("{{ service }}")),
    (
        {"device_id": "d", "domain": "light", "type": "turn_on", "entity_id": "light.hall"},
        Action(
            "device",
            fields={"device_id": "d", "domain": "light", "type": "turn_on", "entity_id": ["light.hall"]},
        ),
    ),
    ({"delay": "00:05"}, Action("delay", fields={"delay": "00:05"})),
    (
        {"wait_template": "{{ x }}", "timeout": 5},
        Action("wait_template", fields={"wait_template": "{{ x }}", "timeout": 5}),
    ),
    ({"wait_for_trigger": AT}, Action("wait_for_trigger", branches={"wait_for_trigger": (AT_TIME,)})),
    (
        {"event": "mine", "event_data": {"a": 1}},
        Action("event", fields={"event": "mine", "event_data": {"a": 1}}),
    ),
    ({"scene": "scene.film"}, Action("scene", fields={"scene": "scene.film"})),
    ({"variables": {"x": 1}}, Action("variables", fields={"variables": {"x": 1}})),
    ({"stop": "done", "error": True}, Action("stop", fields={"stop": "done", "error": True})),
    (
        {"set_conversation_response": "yes"},
        Action("set_conversation_response", fields={"set_conversation_response": "yes"}),
    ),
    (DARK, IS_DARK),
    ({"or": [DARK]}, Condition("or", branches={"conditions": (IS_DARK,)})),
    (
        {"choose": {"conditions": DARK, "sequence": TURN_ON}, "default": [TURN_ON]},
        Action(
            "choose",
            branches={
                "choose": (Option(branches={"conditions": (IS_DARK,), "sequence": (LAMP,)}),),
                "default": (LAMP,),
            },
        ),
    ),
    (
        {"if": DARK, "then": TURN_ON},
        Action("if", branches={"if": (IS_DARK,), "then": (LAMP,), "else": ()}),
    ),
    (
        {"repeat": {"count": 3, "sequence": TURN_ON}, "alias": "x"},
        Action(
            "repeat",
            fields={"alias": "x", "count": 3},
            branches={"while": (), "until": (), "sequence": (LAMP,)},
        ),
    ),
    (
        {"repeat": {"for_each": ["a"], "until": DARK, "sequence": []}},
        Action(
            "repeat",
            fields={"for_each": ["a"]},
            branches={"while": (), "until": (IS_DARK,), "sequence": ()},
        ),
    ),
    (
        {"parallel": [TURN_ON, [TURN_ON], {"sequence": TURN_ON}]},
        Action(
            "parallel",
            branches={"parallel": (LAMP, *[Action("sequence", branches={"sequence": (LAMP,)})] * 2)},
        ),
    ),
    (
        {"parallel": [None]},
        Action("parallel", branches={"parallel": (Action("sequence", branches={"sequence": ()}),)}),
    ),
    ({"sequence": [TURN_ON]}, Action("sequence", branches={"sequence": (LAMP,)})),
    (
        {"servce": "light.turn_on"},
        Opaque("'servce' is no action that we know", fields={"servce": "light.turn_on"}),
    ),
    (
        {"target": {"entity_id": "light.a"}},
        Opaque(
            "it does not say what is to be done",
            is_refused=True,
            fields={"target": {"entity_id": ["light.a"]}},
        ),
    ),
    (
        {"repeat": 3},
        Opaque("repeat: expected keys with values, got 3", is_refused=True, fields={"repeat": 3}),
    ),
    (
        {"service": 3},
        Opaque(
            "service: 3 does not name a service as in light.turn_on", is_refused=True, fields={"service": 3}
        ),
    ),
    (5, Opaque("5 is no action", is_refused=True, fields={"": 5})),
]


@pytest.mark.parametrize(
    ("section", "sample", "expected"),
    [
        (section, sample, expected)
        for section, samples in (
            ("trigger", SAMPLE_TRIGGERS),
            ("condition", SAMPLE_CONDITIONS),
            ("action", SAMPLE_ACTIONS),
        )
        for sample, expected in samples
    ],
)
def test_what_people_write(section: str, sample: Any, expected: Part) -> None:
    """Parts as they stand in people's automations, from 2024.3 to 2026.11, each as the tree says it."""
    for key in (section, f"{section}s"):
        tree = parse({key: sample})
        assert [*tree.triggers, *tree.conditions, *tree.actions] == [expected]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "an automation is a set of keys such as trigger and action"),
        ([TURN_ON], "an automation is a set of keys such as trigger and action"),
        (
            {"use_blueprint": {"path": "x.yaml"}},
            "it is made from a blueprint, which is not here to be looked at",
        ),
        ({"action": TURN_ON, 1: 2}, "not every key is text"),
        (
            {"action": [{"delay": {1, 2}}]},
            "it holds a set, which is nothing that Home Assistant is given",
        ),
        ({"action": [TURN_ON] * 20_000}, "it is too large or too deeply nested to be looked at"),
    ],
)
def test_what_cannot_be_read_as_a_whole_is_said(config: Any, said: str) -> None:
    """A blueprint, another thing than an automation, or more than anybody writes."""
    tree = parse(config)
    assert tree.opaque is not None
    assert tree.opaque.why == said


def nested(wrap: Any, inner: Any, depth: int = 3_000) -> Any:
    """Return something so many times inside of itself."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def circle() -> Any:
    """Return what YAML makes of an anchor within itself."""
    return yaml.safe_load(
        "action: &a\n- sequence: *a\n- sequence: *a\n- service: light.turn_on\n  data: {x: *a}"
    )


HOSTILE: dict[str, Any] = {
    "deep actions": {"action": nested(lambda inner: {"sequence": [inner]}, TURN_ON)},
    "deep conditions": {"condition": nested(lambda inner: {"and": [inner]}, DARK)},
    "deep triggers": {"trigger": nested(lambda inner: {"triggers": [inner]}, AT)},
    "deep lists": {"action": nested(lambda inner: [inner], TURN_ON)},
    "deep data": {"action": {"service": "a.b", "data": nested(lambda inner: {"x": inner}, 1)}},
    "deep enabled": {"action": {"delay": 1, "enabled": nested(lambda inner: [inner], 1)}},
    "a bomb of actions": {"action": nested(lambda inner: {"sequence": [inner] * 10}, TURN_ON, 30)},
    "a bomb of data": {
        "action": {"service": "a.b", "data": nested(lambda inner: {"x": [inner] * 10}, 1, 30)}
    },
    "a bomb of lists": {"trigger": [nested(lambda inner: [inner] * 10, 1, 30)]},
    "a bomb of options": {"action": {"choose": [nested(lambda inner: [inner] * 10, 1, 30)]}},
    "a circle": circle(),
    "a huge list": {"action": [TURN_ON] * 50_000},
    "a huge text of ids": {"action": {"service": "a.b", "entity_id": "light.a," * 200_000}},
    "a huge number": {"action": {"service": 10**10_000, "x": [10**10_000]}, "trigger": [10**10_000]},
    "many starts and effects": {
        "trigger": [AT] * 5_000,
        "action": [{"service": "light.turn_on", "entity_id": ["light.a", "light.b"]}] * 3_000,
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_configurations_take_no_time(name: str) -> None:
    """Depth, size, circles: read up to a bound, and what lies beyond is said to be opaque."""
    begun = perf_counter()
    tree = parse(HOSTILE[name])
    links(HOSTILE[name])
    assert perf_counter() - begun < 20
    assert sum(1 for _ in parts(tree)) < 50_000
    assert tree == parse(HOSTILE[name])
    assert tree.opaque is not None or why(tree) or name in {"a huge text of ids", "deep enabled"}
    assert all(len(each) < 120 for each in why(tree))


def test_what_is_no_number_equals_itself() -> None:
    """A configuration with a NaN in it is the same when it is read again, and another without it."""
    one, again = ({"action": {"event": "a", "event_data": {"x": [float("nan")]}}} for _ in range(2))
    assert parse(one) == parse(again)
    assert parse(one) != parse({"action": {"event": "a", "event_data": {"x": [0.0]}}})


KEYS = st.sampled_from(
    "trigger triggers platform condition conditions action actions service target data data_template "
    "entity_id choose sequence default if then else repeat while until parallel delay wait_for_trigger scene "
    "enabled and or not use_blueprint variables device_id event stop service_template area_id from".split()
)
SCALARS = (
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.binary(max_size=3)
)
ANYTHING = st.recursive(
    SCALARS | st.dates() | st.just({1, 2}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(KEYS | SCALARS, inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=examples(300))
@given(
    ANYTHING
    | st.dictionaries(
        st.sampled_from(["trigger", "triggers", "condition", "actions", "action", "x"]), ANYTHING
    )
)
def test_anything_is_read(config: Any) -> None:
    """Whatever Python can hold makes a tree that equals itself, and every part of it says what it is."""
    tree = parse(config)
    assert isinstance(tree, Configuration)
    assert tree == parse(config)
    assert all(each and len(each) < 120 for each in why(tree))


@pytest.mark.shared
@pytest.mark.skipif(not RECORDED.exists(), reason="what people wrote is not beside the checkout")
def test_what_people_wrote_has_no_opaque_part() -> None:
    """All parts of several hundred automations are known, of many more kinds than we propose."""
    with gzip.open(RECORDED) as lines:
        trees = [parse(json.loads(line)["automation"]) for line in lines]
    assert len(trees) == 358
    assert [said for tree in trees for said in why(tree)] == []
    kinds = {part.kind for tree in trees for part in parts(tree) if isinstance(part, Action)}
    assert kinds >= {"choose", "if", "repeat", "delay", "wait_for_trigger", "variables", "device", "event"}
