"""What a look at a deployed automation means: it runs, or what was done to it by hand."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pipeline.suggestions.config_diff import Whose, whose


class Look(StrEnum):
    """How an automation of ours was found."""

    FINE = ""
    GONE = "gone"
    OFF = "off"
    EDITED = "edited"
    STRAY = "stray"


WORDS = {
    Look.GONE: "it was removed by hand in Home Assistant, and is not deployed again by itself",
    Look.OFF: "it was switched off by hand in Home Assistant, and is left so",
    Look.EDITED: "it was changed by hand in Home Assistant, and is left so",
}


def look_of(
    found: Mapping[str, Any] | None,
    entity: Mapping[str, Any] | None,
    standing: Mapping[str, Any] | None,
    known: Iterable[Mapping[str, Any]],
) -> Look:
    """Judge what was found in place of what is to stand there, None where that is nothing.

    A `STRAY` is of ours, but not what is to stand there: a write that came late. Removed is what has left
    both the configuration and the entities; while one of them is there, Home Assistant is still at it, or
    the entity was disabled.
    """
    if standing is None:
        is_ours = found is not None and whose(found, {}, known) is Whose.OURS
        return Look.STRAY if is_ours else Look.FINE
    if found is None:
        return Look.GONE if entity is None else Look.FINE
    match whose(found, standing, known):
        case Whose.OURS:
            return Look.STRAY
        case Whose.SOMEBODYS:
            return Look.EDITED
    return Look.FINE if entity is not None and entity.get("state") != "off" else Look.OFF
