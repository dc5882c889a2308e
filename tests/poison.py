"""Messages that may not be taken for events, and the good one that they are made from."""

import gzip
import json
import random
from collections.abc import Iterable, Iterator


def state_changed(**fields: object) -> dict[str, object]:
    """A good eventstream payload of a light that was switched on, but for what `fields` replace."""
    new_state = {
        "entity_id": "light.hall",
        "state": fields.pop("state", "on"),
        "attributes": fields.pop("attributes", {"brightness": 120, "friendly_name": "Hall"}),
        "last_changed": "2026-11-20T06:00:00.250000+00:00",
        "last_updated": fields.pop("last_updated", "2026-11-20T06:00:00.250000+00:00"),
        "context": fields.pop("context", {"id": "01M7VHPEH3TA", "parent_id": None, "user_id": None}),
    }
    event_data = {"entity_id": "light.hall", "old_state": {"state": "off"}, "new_state": new_state} | fields
    return {"event_type": "state_changed", "event_data": event_data}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _bad_text(rng: random.Random) -> Iterator[bytes]:
    good = _json(state_changed())
    for bad in (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\xa1\xa1\xa1", b"\x80"):
        for place in (0, good.index(b'"on"') + 1, len(good)):
            yield good[:place] + bad + good[place:]
    for length in (1, 7, 64, 1000):
        yield b"\xfe" + rng.randbytes(length)
    yield good.decode().encode("utf-16")
    yield good.decode().encode("utf-32")
    yield good.replace(b'"on"', b'"\\ud800"')
    yield gzip.compress(good)


def _cut(rng: random.Random) -> Iterator[bytes]:
    good = _json(state_changed())
    yield from (
        b"",
        b" ",
        b"\x00",
        b"null",
        b"true",
        b"0",
        b'"on"',
        b"[]",
        b"{}",
        b"[{}]",
        b"on",
        b"{'a': 1}",
    )
    yield from (good[:place] for place in sorted(rng.sample(range(1, len(good)), 59)))
    yield from (good + rest for rest in (b"}", b",", b"x", good, b"\x00"))
    yield b"[" + good + b"]"


def _deep_or_huge() -> Iterator[bytes]:
    for levels in (33, 40, 100, 999, 5_000, 100_000):
        yield b"[" * levels + b"]" * levels
        yield b'{"a":' * levels + b"1" + b"}" * levels
        nested = b"[" * levels + b"]" * levels
        yield _json(state_changed()).replace(b'"Hall"', nested)
        yield b"[" * levels
    for size in (262_145, 400_000, 1_000_000):
        yield _json(state_changed(attributes={"friendly_name": "x" * size}))
        yield b" " * size
        yield b"[" + b"1," * (size // 2) + b"1]"
    yield _json(state_changed(state=0)).replace(b'"state": 0', b'"state": ' + b"9" * 5_000)


def _no_numbers() -> Iterator[bytes]:
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"nan", b"inf", b"0x10", b"1" * 400):
        for name in (b"brightness", b"temperature", b"current_temperature", b"device_class"):
            told = b'"%s": %s' % (name, word)
            yield _json(state_changed(attributes={"brightness": 1})).replace(b'"brightness": 1', told)
        yield _json(state_changed(state=0)).replace(b'"state": 0', b'"state": ' + word)


# fmt: off
WRONG_TIMES: tuple[object, ...] = (
    "2100-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00", "2027-11-20T06:00:00+00:00",
    "1969-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00",
    "2025-11-20T06:00:00+00:00", "2026-13-01T00:00:00+00:00", "2026-02-30T00:00:00+00:00",
    "2026-11-20T25:00:00+00:00", "2026-11-20T06:00:00", "2026-11-20", "06:00", "now", "", " ", "NaN",
    "1795154400", "+10000-01-01T00:00:00+00:00", "2026-11-20T06:00:00+99:00", "x" * 1000,
    None, 0, 1795154400, 1e300, [], {}, True,
)
ABSURD_NAMES: tuple[object, ...] = (
    "", " ", ".", "light", "light.", ".hall", "light.hall.lamp", "Light.hall", "light.Hall", "light.hall ",
    "light.hall\n", "light.ha\x00ll", "light/hall", "light.#", "light.+", "licht.küche", "light.\u202ehall",
    "light.hall; DROP TABLE journal", "../../etc/passwd", "light." + "x" * 250, "x" * 100_000,
    "light.{{ 1 }}", "\uff4c.hall", "light.hall\u0301", "-.-", "light. hall",
    None, 1, 1.5, True, [], {}, ["light.hall"],
)
WRONG_FIELDS: dict[str, tuple[object, ...]] = {
    "state": (None, 0, 1.5, True, [], {}, "x" * 256, "\x00" * 300),
    "old_state": (0, True, "off", [], {}, [{"state": "off"}], {"state": 1}, {"state": "x" * 256}),
    "new_state": (0, True, "off", [], {}, [{"state": "off"}], {"state": None}, {"state": "on"}),
    "context": (0, "x", [], {}, {"id": "x" * 65}, {"id": 5}, {"id": "1", "user_id": []},
                {"id": "1", "parent_id": 2}),
    "attributes": (0, "x", [1], {"brightness": []}, {"temperature": {}}, {"device_class": "x" * 65}),
}
WRONG_EVENTS: dict[str, tuple[object, ...]] = {
    "event_data": (None, 0, "", "on", [], [{}], True),
    "event_type": (None, 0, [], {}, "x" * 65, True),
}
WRONG_CALLS: tuple[object, ...] = (
    {}, {"domain": "light"}, {"domain": 1, "service": "x"}, {"domain": "x" * 65, "service": "y"}, None, "on",
    {"domain": "light", "service": "turn_on", "service_data": "light.hall"},
    {"domain": "light", "service": "turn_on", "service_data": []},
)
# fmt: on


def _wrong_fields() -> Iterator[bytes]:
    for name, values in WRONG_FIELDS.items():
        yield from (_json(state_changed(**{name: value})) for value in values)
    for name, values in WRONG_EVENTS.items():
        yield from (_json(state_changed() | {name: value}) for value in values)
    yield from (_json({"event_type": "call_service", "event_data": data}) for data in WRONG_CALLS)
    yield _json({"event_data": {}})


def good_payload() -> bytes:
    """An eventstream payload with nothing wrong; its time is 2026-11-20T06:00:00.25Z."""
    return _json(state_changed())


def poison_messages() -> list[tuple[str, bytes]]:
    """300 payloads none of which may be taken for an event, each with the name of its kind."""
    rng = random.Random(7)
    kinds: dict[str, Iterable[bytes]] = {
        "bad text": _bad_text(rng),
        "cut": _cut(rng),
        "deep or huge": _deep_or_huge(),
        "no number": _no_numbers(),
        "wrong time": (_json(state_changed(last_updated=stamp)) for stamp in WRONG_TIMES),
        "absurd name": (_json(state_changed(entity_id=name)) for name in ABSURD_NAMES),
        "wrong field": _wrong_fields(),
    }
    messages = [(kind, payload) for kind, payloads in kinds.items() for payload in payloads]
    assert len(messages) == 300
    return messages
