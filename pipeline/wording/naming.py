"""Names and states of entities, as they may stand in what people read."""

import unicodedata

from pipeline.wording.plain_text import harmless
from pipeline.wording.sentences import name
from schemas.catalogue import KnownAutomation

LONGEST_WORD = 40
LONGEST_NAME = 80
MORE = "…"
# A name that ends in one of these says by itself what it is, where the entity is of that kind.
TELLING = {
    "binary_sensor": ("door", "window", "motion"),
    "climate": ("heating", "heater", "radiator", "thermostat"),
    "cover": ("blind", "blinds", "shutter", "shutters", "curtain", "curtains", "awning"),
    "fan": ("fan",),
    "light": ("light", "lights", "lamp", "lamps"),
    "lock": ("lock",),
    "media_player": ("tv", "speaker", "radio"),
    "switch": ("plug", "socket", "switch", "lamp", "light", "heater", "kettle", "fan"),
    "vacuum": ("vacuum",),
}


def whole_name(entity_id: str) -> str:
    """An entity's name with its kind; cut where it is too long for a sentence."""
    return cut(name(entity_id), LONGEST_NAME)


def title_of(automation: KnownAutomation) -> str:
    """Return the words for somebody else's automation in a sentence: its name, as far as there is room."""
    return f"the automation “{harmless(automation.name or automation.entity_id, LONGEST_NAME)}”"


def short_name(entity_id: str, room: int = LONGEST_NAME) -> str:
    """An entity's name in at most `room` characters; with its kind if the name does not tell it.

    Examples
    --------
    >>> short_name("light.hall_lamp"), short_name("light.hall")
    ('hall lamp', 'hall (light)')
    >>> short_name("sensor.bath_humidity", room=15)
    'bath humidity'
    """
    domain, _, object_id = entity_id.partition(".")
    words = object_id.replace("_", " ").split()
    tells = bool(words) and words[-1] in TELLING.get(domain, ())
    with_kind = name(entity_id)
    return with_kind if not tells and len(with_kind) <= room else cut(" ".join(words) or object_id, room)


def cut(words: str, longest: int) -> str:
    """As much of the words as there is room for.

    Examples
    --------
    >>> cut("front door", 10), cut("front garden door", 10)
    ('front door', 'front gar…')
    """
    return words if len(words) <= longest else f"{words[: longest - 1].rstrip()}{MORE}"


def plain(text: str) -> str:
    """A state or an option as letters, digits and spaces: nothing but words, wherever it is shown.

    Examples
    --------
    >>> plain("armed_home"), plain("21.5"), plain("<b>[x](http://a.b)</b>")
    ('armed home', '21.5', 'b x http a b b')
    """
    composed = unicodedata.normalize("NFC", text)
    kept = (
        character if character.isalnum() or _is_of_number(composed, place) else " "
        for place, character in enumerate(composed)
    )
    return cut(" ".join("".join(kept).split()), LONGEST_WORD) or "something else"


def _is_of_number(text: str, place: int) -> bool:
    """Return whether a character is the sign or the point of a number."""
    behind, ahead = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    if text[place] == ".":
        return behind.isdecimal() and ahead.isdecimal()
    return text[place] == "-" and not behind and ahead.isdecimal()
