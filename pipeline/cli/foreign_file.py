"""Automations that others wrote, from a YAML file as Home Assistant has them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from pipeline.cli import UserError

LARGEST_CHARACTERS = 2_000_000
LONGEST_DETAIL = 160
STDIN = "-"


class Tagged(NamedTuple):
    """A value that is written elsewhere, or given later: ``!secret``, ``!input``, ``!include``."""

    tag: str


class Loader(yaml.SafeLoader):
    """Plain YAML, in which a tag of Home Assistant's own stands for itself."""


def _keep_tag(_loader: yaml.SafeLoader, suffix: str, _node: yaml.Node) -> Tagged:
    return Tagged(f"!{suffix}")


Loader.add_multi_constructor("!", _keep_tag)


def read_automations(place: str) -> list[object]:
    """The automations in a file, or on standard input: one, a list, or what stands below ``automation``.

    Raises
    ------
    UserError
        The file cannot be read, is too large, or is no YAML.
    """
    named = "standard input" if place == STDIN else place
    try:
        found = yaml.load(_text(place, named), Loader)  # noqa: S506 it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"expected YAML in {named}, got: {_in_short(error)}") from error
    if isinstance(found, dict) and "automation" in found:
        found = found["automation"]
    automations = found if isinstance(found, list) else [found]
    if not automations or automations == [None]:
        raise UserError(f"expected an automation in {named}, got none")
    return automations


def tags(config: object) -> list[str]:
    """Return the tags of Home Assistant's own that an automation uses."""
    return sorted({value.tag for value in _values(config) if isinstance(value, Tagged)})


def _in_short(error: Exception) -> str:
    """Return what is wrong with YAML, and where, on one line."""
    match error:
        case yaml.MarkedYAMLError(problem=str(problem), problem_mark=yaml.Mark() as mark):
            said = f"{problem} at line {mark.line + 1}, column {mark.column + 1}"
        case yaml.reader.ReaderError():
            said = f"a character that YAML does not allow at position {error.position}"
        case _:
            said = str(error) or type(error).__name__
    return " ".join(said.split())[:LONGEST_DETAIL]


def _text(place: str, named: str) -> str:
    try:
        if place == STDIN:
            text = sys.stdin.read(LARGEST_CHARACTERS + 1)
        else:
            with Path(place).open(encoding="utf-8") as file:
                text = file.read(LARGEST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"expected a file of YAML at {named}, got: {error}") from error
    if len(text) > LARGEST_CHARACTERS:
        raise UserError(f"expected at most {LARGEST_CHARACTERS:,} characters in {named}, got more")
    return text


def _values(config: object) -> Iterator[object]:
    """Every value once: anchors can make endlessly much of little."""
    waiting, seen = [config], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | set | tuple):
            waiting += value
