"""What is said of automations that others wrote."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

Command = Any

GOOD = """
alias: Hall
trigger:
  - platform: time
    at: "07:05:00"
action:
  - service: light.turn_on
    target:
      entity_id: light.hall
"""
BAD = GOOD.replace("07:05:00", "07:65:00")
SECRET = GOOD.replace("light.hall", "!secret lamp")


@pytest.fixture
def judged(ha_ai: Command) -> Any:
    """Have a text judged."""

    def run(text: str, *options: str) -> Any:
        Path("automations.yaml").write_text(text)
        return ha_ai("validate", "automations.yaml", *options)

    return run


def indented(text: str) -> str:
    """An automation as an item of a list."""
    first, *others = text.strip().splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" for line in others)])


def test_valid(judged: Any) -> None:
    """One automation, a list of them, and a list below its key are read."""
    for text in (GOOD, indented(GOOD), "automation:\n" + indented(GOOD)):
        outcome = judged(text)
        assert (outcome.code, outcome.out) == (0, "1. Hall: valid\n")


def test_invalid_says_why(judged: Any) -> None:
    """One that Home Assistant would refuse is named, with why; the others are judged too."""
    outcome = judged(f"{indented(GOOD)}\n{indented(BAD)}\n")
    assert outcome.code == 1
    assert outcome.out.startswith("1. Hall: valid\n2. Hall: invalid\n  ")
    assert "07:65:00" in outcome.out


@pytest.mark.parametrize("tag", ["!secret lamp", "!input lamp", "!include lamp.yaml", "!env_var LAMP"])
def test_tags_of_home_assistant_are_outside(judged: Any, tag: str) -> None:
    """What only Home Assistant can fill in is outside, wherever it stands, and is never followed."""
    outcome = judged(GOOD.replace("light.hall", tag))
    name = tag.split(maxsplit=1)[0]
    assert outcome.code == 0
    assert outcome.out == (
        f"1. Hall: outside what we handle\n  it uses {name}, which only Home Assistant can fill in\n"
    )


def test_tag_of_python_makes_nothing(judged: Any) -> None:
    """A tag that could make an object is no YAML to us."""
    outcome = judged("alias: !!python/object/apply:os.getcwd []")
    assert outcome.code == 2
    assert "expected YAML in automations.yaml" in outcome.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "alias: [",
            "got: expected the node content, but found '<stream end>' at line 1, column 9\n",
        ),
        ("", "expected an automation in automations.yaml, got none"),
        ("automation: []", "got none"),
        ("[" * 100_000, "expected YAML in automations.yaml"),
        (
            "a: \x01",
            "expected YAML in automations.yaml, got: a character that YAML does not allow at position 3\n",
        ),
        ("a: b\n" * 500_001, "expected at most 2,000,000 characters"),
    ],
)
def test_what_is_no_automation(judged: Any, text: str, why: str) -> None:
    """Broken YAML, or none, is told as that."""
    outcome = judged(text)
    assert outcome.code == 2
    assert why in outcome.err


def test_anchors_that_make_much_of_little(judged: Any) -> None:
    """A few lines that stand for a billion values, or for themselves, are judged in no time."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for text in ("\n".join(lines), GOOD.replace("light.hall", "&t [*t]")):
        outcome = judged(text)
        assert outcome.code == 0
        assert "outside what we handle" in outcome.out


def test_standard_input_and_json(ha_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hyphen reads standard input; JSON is a line an automation."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{indented(GOOD)}\n{indented(SECRET)}"))
    outcome = ha_ai("validate", "-", "--json")
    kinds = [json.loads(line)["kind"] for line in outcome.out.splitlines()]
    assert kinds == ["valid", "outside"]


def test_standard_input_is_named_in_words(ha_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hyphen is said as what it stands for."""
    monkeypatch.setattr("sys.stdin", io.StringIO("alias: ["))
    assert "expected YAML in standard input, got: " in ha_ai("validate", "-").err


def test_without_a_name(judged: Any) -> None:
    """An automation without a name goes by its number."""
    assert judged(GOOD.replace("alias: Hall", "")).out == "automation 1: valid\n"


def test_no_file(ha_ai: Command) -> None:
    """A file that is not there is named."""
    outcome = ha_ai("validate", "missing.yaml")
    assert outcome.code == 2
    assert "expected a file of YAML at missing.yaml" in outcome.err
