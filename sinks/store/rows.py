"""Between what crosses our boundaries and the rows that hold it."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from schemas.anomalies import Anomaly
from schemas.events import ServiceCall, StateChange
from schemas.instants import from_us, to_us
from schemas.outgoing import Outgoing
from schemas.patterns import Pattern
from schemas.statuses import DeadLetter

_EMPTY = dict.fromkeys(("service", "entity_ids", *StateChange._fields)) | {"mark": False}


def storable(words: str) -> str:
    r"""Return a text as every database takes it: no NUL, no half of a surrogate pair.

    Examples
    --------
    >>> storable("so\x00 it \ud83d is")
    'so\ufffd it ? is'
    """
    return words.replace("\x00", "\ufffd").encode(errors="replace").decode()


def journal_row(home: str, key: bytes, received_us: int, event: StateChange | ServiceCall) -> dict[str, Any]:
    """Return the row of a state change or service call."""
    row: dict[str, Any] = {"home": home, "key": key, "received_us": received_us, **_EMPTY, **event._asdict()}
    if isinstance(event, StateChange):
        row["attributes"] = json.dumps(event.attributes) if event.attributes else None
    else:
        row["entity_ids"] = json.dumps(event.entity_ids)
    return row


def journal_event(row: Row[Any]) -> StateChange | ServiceCall:
    """Read back what `journal_row` wrote."""
    if row.service is not None:
        return ServiceCall(row.at_us, tuple(json.loads(row.entity_ids)), row.service)
    pairs = json.loads(row.attributes) if row.attributes else ()
    return StateChange(
        row.at_us,
        row.entity_id,
        row.old,
        row.new,
        row.context_id,
        row.parent_id,
        row.user_id,
        tuple((name, value) for name, value in pairs),
        row.mark,
    )


def packed_aggregates(aggregates: Mapping[str, Mapping[str, object]]) -> bytes:
    """Return a detector's aggregates of a day as compressed canonical JSON, the same for equal ones.

    Examples
    --------
    >>> packed = packed_aggregates({"light.hall=on": {"n": 2}})
    >>> unpacked_aggregates(packed)
    {'light.hall=on': {'n': 2}}
    """
    plain = {key: dict(aggregate) for key, aggregate in aggregates.items()}
    return zlib.compress(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode(), 6)


def unpacked_aggregates(packed: bytes) -> dict[str, dict[str, Any]]:
    """Read back what `packed_aggregates` wrote."""
    aggregates: dict[str, dict[str, Any]] = json.loads(zlib.decompress(packed))
    return aggregates


def pattern_row(pattern: Pattern, at_us: int) -> dict[str, Any]:
    """Return the row of a pattern; its entity is the one that is acted on."""
    detail = pattern.detail
    return {
        "home": pattern.home,
        "id": pattern.id,
        "pattern_type": pattern.pattern_type.value,
        "entity_id": detail.principal,
        "metadata": pattern.exact(),
        "status": pattern.status,
        "confidence": pattern.confidence,
        "occurrences": pattern.occurrences,
        "first_seen_us": to_us(pattern.first_seen),
        "last_seen_us": to_us(pattern.last_seen),
        "changed_us": at_us,
    }


def read_patterns(rows: Iterable[Row[Any, Any]]) -> tuple[list[Pattern], dict[str, str]]:
    """Return the patterns in rows of id and content, and by id the reason of each that cannot be read."""
    found, unread = list[Pattern](), dict[str, str]()
    for identity, whole in rows:
        try:
            found.append(Pattern.model_validate_json(whole))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            unread[identity] = f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg'][:200]}"
    return found, unread


def anomaly_row(anomaly: Anomaly) -> dict[str, Any]:
    """Return the row of something out of order."""
    return {
        "home": anomaly.home,
        "id": anomaly.id,
        "kind": anomaly.detail.kind.value,
        "entity_id": anomaly.detail.entity_id,
        "at_us": to_us(anomaly.detail.at),
        "metadata": anomaly.exact(),
    }


def outbox_row(home: str, message: Outgoing, at_us: int) -> dict[str, Any]:
    """Return the row of a message that is to be published."""
    return {"home": home, "created_us": at_us, **message._asdict()}


def dead_letter_row(home: str, letter: DeadLetter) -> dict[str, Any]:
    """Return the row of a message that could not be taken."""
    return {
        "home": home,
        "id": letter.message_id,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "received_us": to_us(letter.received_at),
        "size_bytes": letter.size_bytes,
        "messages": letter.count,
        "payload": b64decode(letter.payload_base64),
    }


def dead_letter(row: Row[Any]) -> DeadLetter:
    """Read back what `dead_letter_row` wrote."""
    return DeadLetter(
        message_id=row.id,
        reason=row.reason,
        detail=row.detail,
        topic=row.topic,
        received_at=from_us(row.received_us),
        size_bytes=row.size_bytes,
        count=row.messages,
        payload_base64=b64encode(row.payload).decode(),
    )


def snapshot_checksum(name: str, version: int, applied_seq: int, payload: bytes) -> bytes:
    """Return 16 bytes that change with anything in the snapshot."""
    digest = blake2b(f"{name}\x00{version}\x00{applied_seq}\x00".encode(), digest_size=16)
    digest.update(payload)
    return digest.digest()
