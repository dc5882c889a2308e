"""Messages that Home Assistant would have published for the lines of a log."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.ingest.logs import LogEntry
from pipeline.ingest.messages import Message, PoisonError, Reason
from schemas.events import StateChange
from schemas.instants import from_us


class Publication(NamedTuple):
    """One message on its way to a broker."""

    topic: str
    payload: bytes


Form = Callable[[LogEntry], list[Publication]]


def form_of(kind: str, eventstream_topic: str, statestream_topic: str) -> Form:
    """The form that ``eventstream`` or ``statestream`` names; `PoisonError` on a line that is none."""
    if kind == "statestream":
        return lambda entry: as_statestream(entry, statestream_topic)
    return lambda entry: as_eventstream(entry, eventstream_topic)


def as_eventstream(entry: LogEntry, topic: str) -> list[Publication]:
    """``mqtt_eventstream``: the payload as it stands, or made from a CSV row.

    Examples
    --------
    >>> as_eventstream(LogEntry(1, 0, b'{"event_type": "x"}'), "homeassistant_events")
    [Publication(topic='homeassistant_events', payload=b'{"event_type": "x"}')]
    """
    content = entry.content
    if isinstance(content, StateChange):
        return [Publication(topic, json.dumps(_state_changed(content), separators=(",", ":")).encode())]
    if isinstance(content, bytes):
        return [Publication(topic, content)]
    return _captured(content)


def as_statestream(entry: LogEntry, base: str) -> list[Publication]:
    """``mqtt_statestream`` with its time stamps; nothing for what it does not publish.

    The messages are not retained, though Home Assistant's are: a replay must not replace what a broker keeps
    of the real home.
    """
    content = entry.content
    if isinstance(content, StateChange):
        new: dict[str, Any] | None = _state(content)
        entity_id = content.entity_id
    elif isinstance(content, bytes):
        entity_id, new = _new_state(content)
    else:
        return _captured(content)
    if new is None:
        return []
    place = f"{base}/{entity_id.replace('.', '/', 1)}"
    names = ("state", "last_updated", "last_changed")
    return [Publication(f"{place}/{name}", str(new.get(name, "")).encode()) for name in names]


def _captured(content: Message | PoisonError) -> list[Publication]:
    """A capture's line goes to its own topic; what was retained then is a snapshot, no event."""
    if isinstance(content, PoisonError):
        raise content
    return [] if content.retain else [Publication(content.topic, content.payload)]


def _new_state(payload: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        event = json.loads(payload)
        if event["event_type"] != "state_changed":
            return "", None
        return str(event["event_data"]["entity_id"]), event["event_data"]["new_state"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected an event, got {payload[:40]!r}") from error


def _state_changed(change: StateChange) -> dict[str, Any]:
    old = None if change.old is None else {"entity_id": change.entity_id, "state": change.old}
    data = {"entity_id": change.entity_id, "old_state": old, "new_state": _state(change)}
    return {"event_type": "state_changed", "event_data": data}


def _state(change: StateChange) -> dict[str, Any]:
    stamp = from_us(change.at_us).isoformat()
    return {
        "entity_id": change.entity_id,
        "state": change.new,
        "attributes": dict(change.attributes),
        "last_changed": stamp,
        "last_updated": stamp,
        "context": {"id": change.context_id, "parent_id": change.parent_id, "user_id": change.user_id},
    }
