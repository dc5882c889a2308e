"""Whatever things and rooms are called: what runs is the same, byte for byte."""

import json
import re
from collections.abc import Iterator
from itertools import cycle, islice, product

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.automations.modify import modified
from pipeline.automations.render import LONGEST_DESCRIPTION, LONGEST_TITLE, Config, as_yaml, render
from pipeline.automations.safety import refusals
from pipeline.automations.validate import problems
from schemas.automations import Automation
from schemas.catalogue import Catalogue, KnownEntity
from schemas.commands import Modification
from tests.fixtures.specimens import ACTIONS, CONDITIONS, LAMP, TRIGGERS
from tests.profiles import examples

# Every trigger, condition and action that there is, in as few automations as that takes.
SUBJECTS = [
    Automation(trigger=trigger, conditions=conditions, actions=actions)
    for trigger, conditions, actions in zip(
        islice(cycle(TRIGGERS.values()), len(ACTIONS)),
        islice(cycle(CONDITIONS.values()), len(ACTIONS)),
        ACTIONS.values(),
        strict=True,
    )
]
PLAIN = "Hall lamp"
YAML_TRICKS = (
    "!secret token",
    "!include /etc/passwd",
    "!!python/object/apply:os.system [id]",
    "&anchor *anchor",
    "*alias",
    "- service: lock.unlock",
    "\n- service: lock.unlock\n  target: {entity_id: lock.front_door}",
    "name: x\naction: []",
    "'\"",
    '"\n"',
    "| \n  block",
    "> folded",
    "# comment",
    "%YAML 1.1\n---",
    "---\n...",
    "@at `tick`",
    "? key : value",
    "[1, 2",
    "<<: *merge",
    "yes",
    "null",
    "~",
    "1e3",
    "0x1F",
    "12:30:45",
    "2026-11-20",
)
JINJA_TRICKS = (
    "{{ states('lock.front_door') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for s in states %}{{ s }}{% endfor %}",
    "{# comment #}",
    "{{'a'*10**9}}",
    "{%- set x = 1 -%}",
    "}}{{",
    "{" * 9,
    "{\x00{ 7*7 }\x00}",
    "{\u200b{ 7*7 }\u200b}",
    "｛｛ 7*7 ｝｝",
    "${jndi:ldap://x}",
)
CONTROLS = tuple(f"a{chr(code)}b" for code in (*range(32), *range(0x7F, 0xA0)))
DIRECTIONS = tuple(
    f"evil{mark}txt.exe" for mark in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
SCRIPTS = (
    "مصباح المطبخ",
    "מנורת מטבח",
    "厨房灯",
    "キッチン",
    "Küchenlicht ß",
    "лампа",
    "💡🏠👨‍👩‍👧",
    "é" * 50,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L",
)
ODD = (
    "",
    " ",
    "\ufeff",
    "\ufffe\uffff",
    "\ud800",
    "\udfff\ud800",
    "\U0010ffff",
    "x" * 10_240,
    "{{" * 5_120,
    "🏠" * 10_000,
)
PLACES = ("{}", "Lamp {}", "{} lamp", "{}\n{}")


def hostile_names() -> list[str]:
    """Return every trick in every place, and then pairs of tricks: 500 in all, no two alike."""
    tricks = (*YAML_TRICKS, *JINJA_TRICKS, *CONTROLS, *DIRECTIONS, *SCRIPTS, *ODD)

    def combined() -> Iterator[str]:
        for place, trick in product(PLACES, tricks):
            yield place.replace("{}", trick)
        for one, other in product(YAML_TRICKS, JINJA_TRICKS):
            yield f"{one} {other}"

    return list(dict.fromkeys(combined()))[:500]


NAMES = hostile_names()


def catalogue(name: str) -> Catalogue:
    """A home in which everything is called the same, and stands in a room of that name."""
    ids = frozenset().union(
        *(automation.entity_ids for automation in SUBJECTS), {"light.kitchen_lamp", "sun.sun"}
    )
    options = {
        "entity_id": [],
        "hvac_modes": ["off", "heat"],
        "min": 0,
        "max": 100,
        "options": ["calm"],
        "preset_modes": ["on"],
        "source_list": ["dvd"],
    }
    entities = {
        entity_id: KnownEntity(
            entity_id,
            name,
            name,
            device_class="shutter" if entity_id.startswith("cover") else "",
            attributes={} if entity_id.startswith("sensor") else options,
        )
        for entity_id in ids
    }
    services = {action.service for automation in SUBJECTS for action in automation.actions}
    return Catalogue((2026, 11), entities, frozenset(services | {"mqtt.publish"}))


def what_runs(config: Config) -> bytes:
    """Everything but the words, as it is sent."""
    return json.dumps(
        {key: part for key, part in config.items() if key not in {"alias", "description"}}
    ).encode()


def outcome(automation: Automation, name: str) -> tuple[bytes, list[str], list[str]]:
    """What comes of an automation in a home where everything bears the name."""
    home = catalogue(name)
    if acts_on_lamp(automation):
        automation = modified(automation, Modification(entity_id="light.kitchen_lamp"), home)
    config = render(automation, title=name, description=f"{name}: {name}")
    return what_runs(config), problems(automation, home), refusals(automation, home)


def acts_on_lamp(automation: Automation) -> bool:
    """Whether it acts on nothing but the hall's lamp."""
    return {action.entity_id for action in automation.actions} == {LAMP.entity_id}


def check_words(config: Config) -> None:
    """Title and description are short, on one line, and no template begins in them."""
    for words, longest in ((config["alias"], LONGEST_TITLE), (config["description"], LONGEST_DESCRIPTION)):
        assert len(words) <= longest
        assert not re.search(
            r"[{}\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", words
        )


def test_the_names_are_five_hundred() -> None:
    """There are as many as promised, of every sort."""
    assert len(NAMES) == len(set(NAMES)) == 500
    assert max(len(name) for name in NAMES) >= 10_240


PLAIN_OUTCOMES = [outcome(automation, PLAIN) for automation in SUBJECTS]


def test_with_plain_names_everything_may_run() -> None:
    """What is compared with is good: nothing is refused."""
    assert [(found, refused) for _, found, refused in PLAIN_OUTCOMES if found or refused] == []


@pytest.mark.parametrize("number", range(0, 500, 50))
def test_hostile_names_change_nothing_that_runs(number: int) -> None:
    """Trigger, conditions and actions of every subject stay byte-identical, and so do its problems."""
    for name in NAMES[number : number + 50]:
        outcomes = [outcome(automation, name) for automation in SUBJECTS]
        assert [each[:2] for each in outcomes] == [each[:2] for each in PLAIN_OUTCOMES]


@pytest.mark.parametrize("number", range(0, 500, 50))
def test_hostile_names_are_words(number: int) -> None:
    """They make titles and descriptions that people can copy, and nothing else."""
    for name in NAMES[number : number + 50]:
        config = render(SUBJECTS[0], title=name, description=f"{name}: {name}")
        check_words(config)
        assert yaml.safe_load(as_yaml(config)) == config


@settings(max_examples=examples(200))
@given(st.text(st.characters(codec=None), max_size=400), st.sampled_from(range(len(SUBJECTS))))
def test_any_text_changes_nothing_that_runs(name: str, number: int) -> None:
    """The same holds for whatever else there is in Unicode."""
    config = render(SUBJECTS[number], title=name, description=name)
    assert outcome(SUBJECTS[number], name)[0] == PLAIN_OUTCOMES[number][0]
    check_words(config)
    assert yaml.safe_load(as_yaml(config)) == config
