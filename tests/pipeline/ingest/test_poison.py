"""Whatever arrives is taken or is a dead letter, and nothing else can come of it."""

import json
from collections import Counter
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.bounds import MAX_BYTES, MAX_DEPTH, StreamClock, WallClock
from pipeline.ingest.eventstream import EventstreamDecoder, microseconds
from pipeline.ingest.messages import Decoded, PoisonError, Reason
from pipeline.ingest.statestream import StatestreamDecoder
from schemas.events import ServiceCall, StateChange

NOW_US = microseconds("2026-11-20T06:00:00+00:00")
LONGEST_DETAIL = 250
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
FIELDS = (
    "event_type",
    "entity_id",
    "old_state",
    "new_state",
    "state",
    "last_updated",
    "attributes",
    "context",
    "id",
)


def take(payload: bytes) -> Decoded | None:
    """Decode a payload and check its time, as a live home's messages are."""
    item = EventstreamDecoder().decode(payload)
    if isinstance(item, StateChange | ServiceCall):
        WallClock().check(item.at_us, NOW_US)
    return item


def test_the_good_payload_is_taken(good_payload: bytes) -> None:
    """What the poisons are made from is good itself, so each is poison by its one fault."""
    assert isinstance(take(good_payload), StateChange)


def test_each_poison_is_a_dead_letter(poison_messages: list[tuple[str, bytes]]) -> None:
    """All 300 are refused, for every reason that a message itself can give."""
    reasons: Counter[Reason] = Counter()
    for kind, payload in poison_messages:
        with pytest.raises(PoisonError) as refused:
            pytest.fail(f"{kind}: took {payload[:200]!r} for {take(payload)}")
        reasons[refused.value.reason] += 1
    counted = {Reason.TOO_MANY_ENTITIES, Reason.TOO_MANY_CHANGES, Reason.FREE_TEXT, Reason.THINNED}
    assert set(reasons) == set(Reason) - counted


def test_poison_leaves_the_decoder_as_it_was(
    poison_messages: list[tuple[str, bytes]], good_payload: bytes
) -> None:
    """Between poisons, one decoder takes every good message the same."""
    decoder = EventstreamDecoder()
    expected = decoder.decode(good_payload)
    for _, payload in poison_messages:
        try:
            decoder.decode(payload)
        except PoisonError:
            assert decoder.decode(good_payload) == expected


def test_a_dead_letter_says_little_of_a_long_payload(poison_messages: list[tuple[str, bytes]]) -> None:
    """The detail stays short, whatever came."""
    for _, payload in poison_messages:
        with pytest.raises(PoisonError) as refused:
            take(payload)
        assert 10 < len(refused.value.detail) <= LONGEST_DETAIL


def _put(value: Any, name: str, odd: Any) -> Any:
    """Replace a field, wherever it is in an event."""
    if not isinstance(value, dict):
        return value
    return {key: odd if key == name else _put(inner, name, odd) for key, inner in value.items()}


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_dead(payload: bytes) -> None:
    """Noise raises nothing but a poison."""
    assert _taken_or_dead(payload)


@given(name=st.sampled_from(FIELDS), odd=JSON)
def test_any_field_may_be_anything(good_payload: bytes, name: str, odd: Any) -> None:
    """An event with one field replaced by any JSON raises nothing but a poison."""
    assert _taken_or_dead(json.dumps(_put(json.loads(good_payload), name, odd)).encode("utf-8", "replace"))


@given(place=st.integers(0, 400), drop=st.integers(0, 3), put=st.binary(max_size=4))
def test_any_bytes_may_be_exchanged(good_payload: bytes, place: int, drop: int, put: bytes) -> None:
    """An event with a few bytes exchanged raises nothing but a poison."""
    assert _taken_or_dead(good_payload[:place] + put + good_payload[place + drop :])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("light/hall", "light/bed", "Light/hall", "light", "light/hall/deep", "", "#")),
            st.sampled_from(("state", "last_updated", "last_changed", "brightness")),
            st.binary(max_size=40)
            | st.sampled_from((b"on", b"", b'"on"', b"2026-11-20T06:00:00+00:00", b"2026-11-20")),
            st.integers(0, 5_000_000),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_any_topics_are_taken_or_dead(messages: list[tuple[str, str, bytes, int, bool]]) -> None:
    """Any sequence on the topics of a statestream gives changes that keep their order, or poisons."""
    decoder = StatestreamDecoder()
    poisons = 0
    for path, name, payload, received_us, retain in messages:
        topic = f"homeassistant_state/{path}/{name}"
        try:
            if retain:
                decoder.snapshot(topic, payload)
            else:
                change = decoder.decode(topic, payload, received_us)
                assert change is None or change.entity_id in ("light.hall", "light.bed")
        except PoisonError:
            poisons += 1
    assert 0 <= decoder.unpaired + poisons <= len(messages)


def _taken_or_dead(payload: bytes) -> bool:
    try:
        take(payload)
    except PoisonError as error:
        return error.reason in Reason and len(error.detail) <= LONGEST_DETAIL
    return True


@pytest.mark.parametrize(("levels", "is_taken"), [(MAX_DEPTH - 3, True), (MAX_DEPTH + 1, False)])
def test_depth_is_bounded(good_payload: bytes, levels: int, is_taken: bool) -> None:  # noqa: FBT001 a parameter
    """An attribute may nest, up to 32 levels of the whole."""
    payload = good_payload.replace(b'"Hall"', b"[" * (levels - 1) + b"]" * (levels - 1))
    if is_taken:
        assert take(payload)
    else:
        with pytest.raises(PoisonError, match="too_deep"):
            take(payload)


def test_brackets_in_text_are_no_depth(good_payload: bytes) -> None:
    """A name full of brackets is a name."""
    assert take(good_payload.replace(b'"Hall"', b'"' + b'[{\\"' * 1_000 + b'"'))


def test_a_string_without_end_costs_no_more_than_its_length() -> None:
    """Each of its escaped quotes could begin a string; whoever tried them all would need minutes."""
    payload = b"[" * (MAX_DEPTH + 1) + b'"' + b'\\"' * ((MAX_BYTES - MAX_DEPTH - 2) // 2)
    started_s = process_time()
    with pytest.raises(PoisonError, match="too_deep"):
        take(payload)
    assert process_time() - started_s < 2.0


def test_size_is_bounded(good_payload: bytes) -> None:
    """256 KiB are taken, a byte more is not."""
    payload = good_payload.replace(b'"Hall"', b'"' + b"x" * (MAX_BYTES - len(good_payload) + 4) + b'"')
    assert len(payload) == MAX_BYTES
    assert take(payload)
    with pytest.raises(PoisonError, match="oversize"):
        take(payload + b" ")


@pytest.mark.parametrize(("at_us", "reason"), [(300_000_001, "future"), (-30 * 86_400_000_001, "too_old")])
def test_a_live_time_is_within_five_minutes_and_thirty_days(at_us: int, reason: str) -> None:
    """A microsecond beyond either bound is refused, the bound itself is taken."""
    WallClock().check(NOW_US + at_us - (1 if at_us > 0 else -30), NOW_US)
    with pytest.raises(PoisonError, match=reason):
        WallClock().check(NOW_US + at_us, NOW_US)


DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("before_us", "at_us", "received_us", "reason"),
    [
        (NOW_US, NOW_US - 30 * DAY_US, 0, None),
        (NOW_US, NOW_US - 30 * DAY_US - 1, 0, "too_old"),
        (NOW_US, NOW_US + 366 * DAY_US, 0, None),
        (NOW_US, NOW_US + 366 * DAY_US + 1, 0, "future"),
        (NOW_US, NOW_US + 300_000_000, NOW_US, None),
        (NOW_US, NOW_US + 300_000_001, NOW_US, "future"),
        (NOW_US, NOW_US - DAY_US, NOW_US, None),
    ],
)
def test_the_clock_of_a_log_is_its_latest_time(
    before_us: int, at_us: int, received_us: int, reason: str | None
) -> None:
    """A log may go back 30 days and leap a year; where arrivals are told, an event is not after its own."""
    clock = StreamClock()
    clock.check(before_us, 0)
    clock.check(before_us - DAY_US, 0)
    if reason is None:
        clock.check(at_us, received_us)
        return
    with pytest.raises(PoisonError, match=reason):
        clock.check(at_us, received_us)


def test_a_time_far_ahead_does_not_move_the_clock_of_a_log() -> None:
    """After a refused time the next good one is still taken, also where the refused one came first."""
    for before in ((), (NOW_US,)):
        clock = StreamClock()
        for at_us in before:
            clock.check(at_us, 0)
        with pytest.raises(PoisonError, match="future"):
            clock.check(microseconds("2100-01-01T00:00:00+00:00"), 0)
        clock.check(NOW_US + 1, 0)


def test_a_time_far_ahead_does_not_date_the_calls_after_the_next_change(good_payload: bytes) -> None:
    """A call gets the time of the change before it, not the latest that was ever told."""
    decoder = EventstreamDecoder()
    decoder.decode(good_payload.replace(b'last_updated": "2026', b'last_updated": "2099'))
    change = decoder.decode(good_payload)
    assert isinstance(change, StateChange)
    called = {"domain": "light", "service": "turn_on", "service_data": {"entity_id": ["light.hall"]}}
    call = decoder.decode(json.dumps({"event_type": "call_service", "event_data": called}).encode())
    assert call == ServiceCall(change.at_us, ("light.hall",), "light.turn_on")
