"""The device that stands for one suggestion: its ids, its words with their proof, the buttons to press."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pipeline.discovery.discovery import Component, Device, Discovery, availability, entity
from pipeline.wording.plain_text import line
from pipeline.wording.suggestions import experience_in_words, proof
from schemas.commands import Press, PressVerb
from schemas.statuses import SuggestionState
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics

LONGEST_TITLE = 255
LONGEST_NAME = 100
LONGEST_WORDS = 2_000
LONGEST_YAML = 6_000
MOST_CONFLICTS = 10
LONGEST_CONFLICT = 200
MOST_DATES = 40
TOO_LONG = "It is too long to be shown here; `ha-ai suggestions` prints it."
SHOWN = frozenset({Status.PENDING, Status.APPROVED, Status.DEPLOYED})
BUTTONS = {
    Status.PENDING: (PressVerb.APPROVE, PressVerb.NOT_NOW, PressVerb.REJECT),
    Status.APPROVED: (PressVerb.UNDO,),
    Status.DEPLOYED: (PressVerb.UNDO,),
}
NAMES = {
    PressVerb.APPROVE: ("Approve", "mdi:check"),
    PressVerb.NOT_NOW: ("Not now", "mdi:clock-outline"),
    PressVerb.REJECT: ("Reject", "mdi:close"),
    PressVerb.UNDO: ("Undo", "mdi:undo"),
}
HASH_DIGITS = 8


def device_of(suggestion: Suggestion) -> str:
    """The identifier of a suggestion's device, which stays the same when its content changes."""
    return f"haai_{suggestion.id}"


def content_of(suggestion: Suggestion) -> str:
    """Return what tells a suggestion's content from what was proposed before, in every id that shows it."""
    return _content(suggestion.id, suggestion.content_hash)


def words_of(suggestion: Suggestion) -> str:
    """The unique id of the sensor that shows what is proposed."""
    return f"haai_{content_of(suggestion)}"


def button_of(press: Press) -> str:
    """The unique id of the button that publishes this: each version of a suggestion has buttons of its own.

    Examples
    --------
    >>> button_of(Press(suggestion_id="0123456789abcdef", verb="not_now", content_hash="ab" * 32))
    'haai_0123456789abcdef_abababab_not_now'
    """
    return f"haai_{_content(press.suggestion_id, press.content_hash)}_{press.verb.value}"


def _content(suggestion_id: str, content_hash: str) -> str:
    return f"{suggestion_id}_{content_hash[:HASH_DIGITS]}"


def is_shown(suggestion: Suggestion, now: datetime) -> bool:
    """Return whether it has a device: it is not settled, and nobody has said `Not now` for this time."""
    return suggestion.status in SHOWN and not _is_snoozed(suggestion, now)


def is_waiting(suggestion: Suggestion, now: datetime) -> bool:
    """Return whether it waits for a person to say something."""
    return suggestion.status is Status.PENDING and not _is_snoozed(suggestion, now)


def suggestion_device(suggestion: Suggestion, discovery: Discovery, topics: Topics) -> Device:
    """A suggestion's device, named by its content: what was proposed before it was changed is another one.

    So a button that showed other content can never be pressed for this one.
    """
    about = {
        "identifiers": [device_of(suggestion)],
        "name": device_name(suggestion),
        "manufacturer": "ha-ai",
        "model": "Suggestion",
        "via_device": discovery.node,
    }
    pressed = BUTTONS.get(suggestion.status, ())
    return Device(
        content_of(suggestion),
        about,
        (_words(suggestion, topics), *(_button(suggestion, verb, topics) for verb in pressed)),
        tuple(("button", verb.value) for verb in PressVerb if verb not in pressed),
    )


def device_name(suggestion: Suggestion) -> str:
    """The name of a suggestion's device."""
    return line(suggestion.title, LONGEST_NAME) or suggestion.id


def suggestion_state(suggestion: Suggestion) -> bytes:
    """Return what the device shows, as it is retained on `Topics.suggestion_state`."""
    title = line(suggestion.title, LONGEST_TITLE) or suggestion.id
    shown = SuggestionState(title=title, attributes=_attributes(suggestion))
    return json.dumps(shown.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _is_snoozed(suggestion: Suggestion, now: datetime) -> bool:
    return suggestion.status is Status.PENDING and suggestion.is_snoozed(now)


def _words(suggestion: Suggestion, topics: Topics) -> Component:
    """The sensor whose state is the title; nothing that a suggestion says is ever part of a template."""
    topic = topics.suggestion_state(suggestion.id)
    config = {
        **entity("sensor", f"ha_ai_{content_of(suggestion)}", words_of(suggestion), None),
        **availability(topics),
        "icon": "mdi:lightbulb-on-outline",
        "state_topic": topic,
        "value_template": "{{ value_json.title }}",
        "json_attributes_topic": topic,
        "json_attributes_template": "{{ value_json.attributes | tojson }}",
    }
    return Component("sensor", "suggestion", config)


def _button(suggestion: Suggestion, verb: PressVerb, topics: Topics) -> Component:
    name, icon = NAMES[verb]
    press = Press(suggestion_id=suggestion.id, verb=verb, content_hash=suggestion.content_hash)
    config = {
        **entity("button", f"ha_ai_{content_of(suggestion)}_{verb.value}", button_of(press), name),
        **availability(topics),
        "icon": icon,
        "command_topic": topics.press,
        "payload_press": press.exact(),
    }
    return Component("button", verb.value, config)


def _attributes(suggestion: Suggestion) -> dict[str, Any]:
    trial, told = suggestion.trial, suggestion.told()
    return {
        "description": line(suggestion.description, LONGEST_WORDS),
        "proof": proof(trial),
        "experience": experience_in_words(suggestion.experience),
        "status": suggestion.status.value,
        "category": suggestion.category.value,
        "priority": suggestion.priority.value,
        "confidence": told["confidence"],
        "conflicts": [line(each, LONGEST_CONFLICT) for each in suggestion.conflicts[:MOST_CONFLICTS]],
        "tried_from": trial.first_day.isoformat(),
        "tried_to": trial.last_day.isoformat(),
        "would_have_run": trial.fired,
        "wanted": trial.wanted,
        "unwanted": trial.unwanted,
        "missed": trial.missed,
        "wanted_dates": _dates(trial.wanted_dates),
        "unwanted_dates": _dates(trial.unwanted_dates),
        "missed_dates": _dates(trial.missed_dates),
        "wanted_per_day": told["trial"]["wanted_per_day"],
        "unwanted_per_day": told["trial"]["unwanted_per_day"],
        "yaml": suggestion.automation_yaml if len(suggestion.automation_yaml) <= LONGEST_YAML else TOO_LONG,
        "automation": suggestion.ha_entity_id or "",
        "suggestion_id": suggestion.id,
        "version": suggestion.version,
    }


def _dates(dates: Sequence[date]) -> list[str]:
    """The latest dates, latest first: Home Assistant's recorder keeps no more than 16 kB of attributes."""
    return [each.isoformat() for each in sorted(dates, reverse=True)[:MOST_DATES]]
