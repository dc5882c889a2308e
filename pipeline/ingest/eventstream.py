"""Home Assistant's ``mqtt_eventstream``: one JSON message an event, old and new state together."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Discriminator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from pipeline.ingest.bounds import check_size
from pipeline.ingest.messages import Decoded, PoisonError, Reason, Signal
from schemas.events import ATTRIBUTES, UNNAMED, Attribute, ServiceCall, StateChange
from schemas.instants import from_us, to_us

MOST_TARGETS = 100
SIGNALS = {
    "homeassistant_started": Signal.STARTED,
    "homeassistant_stop": Signal.STOPPED,
    "homeassistant_final_write": Signal.STOPPED,
}

EntityId = Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
# PostgreSQL keeps no NUL in text.
StateText = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
Identifier = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scalar = Finite | Annotated[str, Field(max_length=64)] | None


class _Context(TypedDict):
    id: Identifier | None
    parent_id: NotRequired[Identifier | None]
    user_id: NotRequired[Identifier | None]


class _Attributes(TypedDict):
    brightness: NotRequired[Scalar]
    temperature: NotRequired[Scalar]
    percentage: NotRequired[Scalar]
    current_position: NotRequired[Scalar]
    volume_level: NotRequired[Scalar]
    current_temperature: NotRequired[Scalar]
    device_class: NotRequired[Scalar]
    unit_of_measurement: NotRequired[Scalar]


class _OldState(TypedDict):
    state: StateText


class _NewState(TypedDict):
    state: StateText
    last_updated: Annotated[str, Field(max_length=40)]
    attributes: NotRequired[_Attributes]
    context: NotRequired[_Context]


class _Change(TypedDict):
    entity_id: EntityId
    old_state: _OldState | None
    new_state: _NewState | None


class _StateChanged(TypedDict):
    event_type: Literal["state_changed"]
    event_data: _Change


class _Call(TypedDict):
    domain: Identifier
    service: Identifier
    service_data: NotRequired[dict[str, Any]]


class _CallService(TypedDict):
    event_type: Literal["call_service"]
    event_data: _Call


class _Event(TypedDict):
    event_type: Identifier


_BOUNDED = ConfigDict(allow_inf_nan=False)
_STREAM: TypeAdapter[_StateChanged | _CallService] = TypeAdapter(
    Annotated[_StateChanged | _CallService, Discriminator("event_type")]
)
_OTHER: TypeAdapter[_Event] = TypeAdapter(_Event)


def microseconds(text: str) -> int:
    """UTC microseconds of an ISO 8601 time with its offset.

    Examples
    --------
    >>> microseconds("2026-11-20T03:58:07.603481+00:00")
    1795147087603481
    """
    try:
        return to_us(datetime.fromisoformat(text))
    except (ValueError, TypeError, OverflowError) as error:
        raise PoisonError(
            Reason.WRONG_SHAPE, f"expected a time with its offset, got {text[:40]!r}"
        ) from error


class EventstreamDecoder:
    """Decodes one stream; `call_service` events, which carry no time, get that of the change before them.

    Parameters
    ----------
    latest_us
        Time of the change before the first event; 0 where there is none, and calls then tell nothing.
    """

    def __init__(self, *, latest_us: int = 0) -> None:
        self._latest_us = latest_us

    def decode(self, payload: bytes) -> Decoded | None:
        """One event, or None where it is none of ours.

        Raises
        ------
        PoisonError
            Where the payload is not an event: too large, too deep, not JSON, or of another shape.
        """
        check_size(payload)
        try:
            event = _STREAM.validate_json(payload)
        except ValidationError as error:
            return self._other(payload, error)
        if event["event_type"] == "state_changed":
            return self._changed(event["event_data"])
        return self._called(event["event_data"])

    def _changed(self, data: _Change) -> StateChange | None:
        new = data["new_state"]
        if new is None:
            return None
        at_us = microseconds(new["last_updated"])
        self._latest_us = at_us
        old = data["old_state"]
        context = new.get("context")
        return StateChange(
            at_us,
            data["entity_id"],
            old["state"] if old is not None else None,
            new["state"],
            context["id"] if context else None,
            context.get("parent_id") if context else None,
            context.get("user_id") if context else None,
            _allowed(new.get("attributes")),
        )

    def _called(self, data: _Call) -> ServiceCall | None:
        targets = data.get("service_data", {}).get("entity_id", ())
        entity_ids = [targets] if isinstance(targets, str) else targets
        if not self._latest_us:
            return None
        if not isinstance(entity_ids, list | tuple):
            entity_ids = ()
        known = tuple(sorted({name for name in entity_ids if isinstance(name, str) and len(name) <= 255}))
        # An area, a device or a label as target names no entity, but tells that something was commanded.
        if not 0 < len(known) <= MOST_TARGETS:
            known = (UNNAMED,)
        return ServiceCall(self._latest_us, known, f"{data['domain']}.{data['service']}")

    def _other(self, payload: bytes, error: ValidationError) -> Signal | None:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise PoisonError(Reason.NOT_JSON, f"expected JSON, got {first['msg'][:120]}") from error
        if not first["loc"] and first["type"] != "union_tag_invalid":
            raise PoisonError(
                Reason.WRONG_SHAPE, "expected an object with event_type and event_data"
            ) from error
        if first["type"] != "union_tag_invalid":
            where = ".".join(map(str, first["loc"]))
            raise PoisonError(Reason.WRONG_SHAPE, f"at {where[:80]}: {first['msg'][:120]}") from error
        try:
            other = _OTHER.validate_json(payload)
        except ValidationError:
            raise PoisonError(
                Reason.WRONG_SHAPE, "expected an event_type of at most 64 characters"
            ) from error
        return SIGNALS.get(other["event_type"])


def _allowed(attributes: _Attributes | None) -> tuple[Attribute, ...]:
    if not attributes:
        return ()
    found = ((name, attributes.get(name)) for name in ATTRIBUTES)
    return tuple((name, value) for name, value in found if isinstance(value, float | str))


def as_eventstream(change: StateChange) -> bytes:
    """Return the ``mqtt_eventstream`` payload of a change.

    Examples
    --------
    >>> change = StateChange(1_795_154_400_500_000, "light.hall", "off", "on", context_id="01")
    >>> EventstreamDecoder().decode(as_eventstream(change)) == change
    True
    """
    stamp = from_us(change.at_us).isoformat()
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
