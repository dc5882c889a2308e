"""State changes as Home Assistant would publish them, for replays of logs that hold no payloads."""

import json

from schemas.events import StateChange
from schemas.instants import from_us


def as_eventstream(change: StateChange) -> bytes:
    """Return the ``mqtt_eventstream`` payload of a change.

    Examples
    --------
    >>> from pipeline.ingest.eventstream import EventstreamDecoder
    >>> change = StateChange(1_795_154_400_500_000, "light.hall", "off", "on", context_id="01")
    >>> EventstreamDecoder().decode(as_eventstream(change)) == change
    True
    """
    stamp = _iso(change.at_us)
    context = {"id": change.context_id, "parent_id": change.parent_id, "user_id": change.user_id}
    new = {
        "entity_id": change.entity_id,
        "state": change.new,
        "attributes": dict(change.attributes),
        "last_changed": stamp,
        "last_updated": stamp,
        "context": context,
    }
    old = None if change.old is None else {"entity_id": change.entity_id, "state": change.old}
    data = {"entity_id": change.entity_id, "old_state": old, "new_state": new}
    return json.dumps({"event_type": "state_changed", "event_data": data}).encode()


def as_statestream(change: StateChange, base: str) -> list[tuple[str, bytes]]:
    """Return the ``mqtt_statestream`` topics and payloads of a change, in their order."""
    domain, _, object_id = change.entity_id.partition(".")
    stamp = _iso(change.at_us).encode()
    fields = (("state", change.new.encode()), ("last_updated", stamp), ("last_changed", stamp))
    return [(f"{base}/{domain}/{object_id}/{name}", payload) for name, payload in fields]


def _iso(at_us: int) -> str:
    return from_us(at_us).isoformat()
