"""Home Assistant's ``mqtt_statestream``: one retained topic a field, put together into changes.

A change arrives as ``state``, ``last_updated``, ``last_changed`` and attributes, each sent once the one
before was acknowledged, so that several changes of one entity interleave: ``on, off, on`` and only then three
times ``last_updated``. The k-th state belongs to the k-th ``last_updated``, never to its neighbour.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.ingest.eventstream import microseconds
from pipeline.ingest.messages import PoisonError, Reason
from schemas.events import DESCRIPTIONS, Attribute, StateChange
from schemas.instants import from_us
from schemas.topics import STATESTREAM

ENTITY_ID = re.compile(r"[a-z0-9_]{1,63}\.[a-z0-9_]{1,190}")
STATE_CHARACTERS = 255
STAMP_BYTES = 40
DESCRIPTION_BYTES = 64
# Measured: 51 ms between a state and its time stamp at most, in bursts of 20 changes too.
ABANDONED_AFTER_US = 2_000_000
WAITING_STATES = 256
REMEMBERED_STAMPS = 8


@dataclass(slots=True)
class _Entity:
    """States whose time stamp has not come yet, with their times of receipt; the last that had one.

    `described` is what the entity says that it is: its device class and unit.
    """

    last: str | None = None
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    stamps: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_STAMPS))
    described: dict[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """What it says that it is, in the order of `DESCRIPTIONS`."""
        return tuple((name, self.described[name]) for name in DESCRIPTIONS if name in self.described)


class StatestreamDecoder:
    """Decodes the topics ``<base>/<domain>/<object_id>/<field>`` of one home.

    After an outage of the broker Home Assistant sends the states that queued meanwhile without their time
    stamps. So that the pairing finds its step again, a state is given up when a further one comes
    `ABANDONED_AFTER_US` later, or when `WAITING_STATES` wait. It does not count as the old state either,
    because an attribute that is called ``state`` looks the same. A time stamp whose state came before we
    listened is passed over. `unpaired` counts both.

    There is no context in this input: the cause of every change is uncertain. Of the attributes
    device class and unit are taken up. Constant memory an entity.

    Parameters
    ----------
    base
        Topic prefix that Home Assistant publishes under.
    entity_cap
        Entities remembered at most; the least recently seen are forgotten.

    Examples
    --------
    >>> decoder = StatestreamDecoder()
    >>> for k, value in enumerate((b"off", b"on")):
    ...     decoder.decode("homeassistant_state/light/hall/state", value, k)
    >>> for stamp in (b"2026-11-20T06:00:00+00:00", b"2026-11-20T06:00:01+00:00"):
    ...     change = decoder.decode("homeassistant_state/light/hall/last_updated", stamp, 3)
    ...     print(change.entity_id, change.old, change.new)
    light.hall None off
    light.hall off on
    """

    def __init__(self, base: str = STATESTREAM, *, entity_cap: int = 5_000) -> None:
        self.unpaired = 0
        self._levels = base.split("/")
        self._entity_cap = entity_cap
        self._entities: dict[str, _Entity] = {}

    def decode(self, topic: str, payload: bytes, received_us: int) -> StateChange | None:
        """Take one live message; return the change that it completes.

        Raises
        ------
        PoisonError
            Where a state or time stamp is none.
        """
        entity_id, name = self._split(topic)
        if name == "state":
            self._wait(entity_id, _state(payload), received_us)
        elif name == "last_updated" and payload:
            return self._complete(entity_id, microseconds(_text(payload, STAMP_BYTES)))
        elif name in DESCRIPTIONS:
            self._describe(entity_id, name, payload)
        return None

    def recall(self, states: Mapping[str, str]) -> None:
        """Take what was known of entities that were not seen live yet, before anything else."""
        for entity_id, state in states.items():
            self._entity(entity_id).last = state

    def snapshot(self, topic: str, payload: bytes) -> None:
        """Take one retained message: the old state of an entity that was not seen live yet.

        Raises
        ------
        PoisonError
            Where a state is none.
        """
        entity_id, name = self._split(topic)
        if name == "state":
            entity = self._entity(entity_id)
            if not entity.stamps and not entity.waiting:
                entity.last = _state(payload)
        elif name in DESCRIPTIONS:
            self._describe(entity_id, name, payload)

    def _split(self, topic: str) -> tuple[str, str]:
        """Entity id and field of a topic; an empty field where it is none of ours."""
        levels = topic.split("/")
        prefix = len(self._levels)
        if len(levels) != prefix + 3 or levels[:prefix] != self._levels:
            return "", ""
        domain, object_id, name = levels[prefix:]
        return f"{domain}.{object_id}", name

    def _entity(self, entity_id: str) -> _Entity:
        entity = self._entities.pop(entity_id, None)
        if entity is None:
            if not ENTITY_ID.fullmatch(entity_id):
                raise PoisonError(Reason.WRONG_SHAPE, f"expected an entity id, got {entity_id[:80]!r}")
            entity = _Entity()
            if len(self._entities) >= self._entity_cap:
                del self._entities[next(iter(self._entities))]
        self._entities[entity_id] = entity
        return entity

    def _describe(self, entity_id: str, name: str, payload: bytes) -> None:
        """Note a description, which is a JSON string; anything else describes nothing."""
        try:
            told = json.loads(payload) if len(payload) <= DESCRIPTION_BYTES else None
        except ValueError:
            told = None
        if isinstance(told, str) and "\x00" not in told:
            self._entity(entity_id).described[name] = told

    def _wait(self, entity_id: str, state: str, received_us: int) -> None:
        waiting = self._entity(entity_id).waiting
        while waiting and (
            received_us - waiting[0][1] > ABANDONED_AFTER_US or len(waiting) >= WAITING_STATES
        ):
            waiting.popleft()
            self.unpaired += 1
        waiting.append((state, received_us))

    def _complete(self, entity_id: str, at_us: int) -> StateChange | None:
        entity = self._entity(entity_id)
        if at_us in entity.stamps:
            # A broker that sends again does so in order, from the first unacknowledged on: whatever waits
            # comes again too.
            entity.waiting.clear()
            return None
        if not entity.waiting:
            self.unpaired += 1
            return None
        new, _ = entity.waiting.popleft()
        entity.stamps.append(at_us)
        old, entity.last = entity.last, new
        return StateChange(at_us, entity_id, old, new, attributes=entity.attributes)


def _state(payload: bytes) -> str:
    """The state in a payload; an empty payload is an empty state."""
    text = _text(payload, 4 * STATE_CHARACTERS)
    if len(text) > STATE_CHARACTERS:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected at most {STATE_CHARACTERS} characters of state")
    # PostgreSQL keeps no NUL in text.
    if "\x00" in text:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected a state without NUL, got {text[:40]!r}")
    return text


def _text(payload: bytes, most_bytes: int) -> str:
    """The plain text in a payload; a JSON string is an attribute of that name, published over the field."""
    if len(payload) > most_bytes:
        raise PoisonError(Reason.OVERSIZE, f"expected at most {most_bytes} bytes, got {len(payload)}")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected UTF-8, got {payload[:40]!r}") from error
    if text.startswith('"') and _is_json(text):
        raise PoisonError(Reason.WRONG_SHAPE, f"expected plain text, got the JSON string {text[:40]}")
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def as_statestream(change: StateChange, base: str) -> list[tuple[str, bytes]]:
    """Return the ``mqtt_statestream`` topics and payloads of a change, in their order."""
    domain, _, object_id = change.entity_id.partition(".")
    stamp = from_us(change.at_us).isoformat().encode()
    fields = (("state", change.new.encode()), ("last_updated", stamp), ("last_changed", stamp))
    return [(f"{base}/{domain}/{object_id}/{name}", payload) for name, payload in fields]
