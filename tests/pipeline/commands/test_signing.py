from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.signing import LARGEST_BYTES, CommandError, Fault, new_command, sign, verified
from pipeline.runtime.nonces import new_nonce
from schemas.automations import InState
from schemas.commands import Modification, SignedCommand, Verb

KEY = bytes(range(32))
NOW_MS = 1_795_154_400_000
SUBJECT = ("0123456789abcdef", "ab" * 32)


def command(**fields: Any) -> SignedCommand:
    """A command to approve, as it is made."""
    return new_command(
        fields.pop("nonce", None) or new_nonce(), Verb.APPROVE, SUBJECT, "Anna", KEY, NOW_MS, **fields
    )


def payload(made: SignedCommand) -> bytes:
    """What is published."""
    return made.model_dump_json().encode()


def fault_of(content: bytes, *, verb: Verb = Verb.APPROVE, key: bytes = KEY, now_ms: int = NOW_MS) -> Fault:
    """Why a payload does not count."""
    with pytest.raises(CommandError) as caught:
        verified(content, verb, key, now_ms)
    return caught.value.fault


@pytest.mark.parametrize("verb", list(Verb))
def test_what_was_signed_comes_out_as_it_went_in(verb: Verb) -> None:
    """A command of every verb, with everything that it may hold, is verified and equal."""
    change = Modification(minute=390, condition=InState(entity_id="person.anna", state="home"))
    made = new_command(
        new_nonce(), verb, SUBJECT, "Änna", KEY, NOW_MS, text="so, ja ✓", change=change, version=3
    )
    assert verified(payload(made), verb, KEY, NOW_MS + 1_000) == made


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_any_flipped_bit_is_refused(place: int, bit: int) -> None:
    """No single bit of a command can be another."""
    content = bytearray(payload(command(text="because")))
    content[place % len(content)] ^= 1 << bit
    fault_of(bytes(content))


@pytest.mark.parametrize(
    "other",
    [
        {"suggestion_id": "f" * 16},
        {"content_hash": "f" * 64},
        {"approver": "Bert"},
        {"nonce": "f" * 32},
        {"issued_at_ms": NOW_MS + 1},
        {"expires_at_ms": NOW_MS + 119_999},
        {"text": "no"},
        {"change": Modification(minute=390)},
        {"version": 0},
        {"verb": Verb.DEPLOY},
    ],
)
def test_any_other_content_is_refused(other: dict[str, Any]) -> None:
    """A signature of one content does not fit another."""
    assert fault_of(payload(command().model_copy(update=other))) is Fault.SIGNATURE


def test_another_key_is_refused() -> None:
    """Whoever holds another key has no say."""
    forged = new_command(new_nonce(), Verb.APPROVE, SUBJECT, "Anna", bytes(32), NOW_MS)
    assert fault_of(payload(forged)) is Fault.SIGNATURE


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.APPROVE])
def test_a_topic_takes_only_its_own_verb(verb: Verb) -> None:
    """A command that is sent to the topic of another does not count there."""
    assert fault_of(payload(command()), verb=verb) is Fault.VERB


@pytest.mark.parametrize(
    ("issued_ms", "expires_ms", "fault"),
    [
        (-120_000, 0, None),
        (-120_001, -1, Fault.EXPIRED),
        (5_000, 125_000, None),
        (5_001, 125_001, Fault.FUTURE),
        (0, 120_000, None),
        (0, 120_001, Fault.VALIDITY),
        (0, 0, Fault.VALIDITY),
        (1, 0, Fault.VALIDITY),
    ],
)
def test_times_are_bounded(issued_ms: int, expires_ms: int, fault: Fault | None) -> None:
    """At most 120 s, at most 5 s ahead of our clock, and not a millisecond after it has expired."""
    made = command(issued_at_ms=NOW_MS + issued_ms, expires_at_ms=NOW_MS + expires_ms)
    if fault is None:
        assert verified(payload(made), Verb.APPROVE, KEY, NOW_MS) == made
    else:
        assert fault_of(payload(made)) is fault


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"approve",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"verb": "approve"}',
        b"[" * LARGEST_BYTES,
        b'{"a":' * 3_000,
        payload(command()).replace(b'"schema_version":1', b'"schema_version":2'),
        payload(command()).replace(b'"issued_at_ms":1', b'"issued_at_ms":"1').replace(b"000,", b'000",', 1),
        payload(command())[:-1] + b',"more":1}',
        payload(command()).replace(b'"Anna"', b'"\\u0000"'),
    ],
)
def test_anything_else_is_malformed(content: bytes) -> None:
    """Whatever bytes come, the words are plain and short."""
    with pytest.raises(CommandError, match=r"^expected a signed command, got another") as caught:
        verified(content, Verb.APPROVE, KEY, NOW_MS)
    assert caught.value.fault is Fault.MALFORMED
    assert len(str(caught.value)) < 400
    assert caught.value.claimed is None


def test_what_is_too_large_is_not_read() -> None:
    """A byte above the bound is refused, whatever it holds; a byte below is read."""
    content = payload(command())
    whole = content + b" " * (LARGEST_BYTES - len(content))
    assert verified(whole, Verb.APPROVE, KEY, NOW_MS) == command(nonce=verified_nonce(whole))
    assert fault_of(whole + b" ") is Fault.OVERSIZE


def verified_nonce(content: bytes) -> str:
    """The nonce of a command that counts."""
    return verified(content, Verb.APPROVE, KEY, NOW_MS).nonce


def test_no_nonce_comes_twice() -> None:
    """Each command has a nonce of its own."""
    assert len({command().nonce for _ in range(1_000)}) == 1_000


def test_what_it_claims_is_told_with_the_fault() -> None:
    """A forged command names its suggestion, so that the refusal can be answered."""
    forged = sign(command(), bytes(32))
    with pytest.raises(CommandError) as caught:
        verified(payload(forged), Verb.APPROVE, KEY, NOW_MS)
    assert caught.value.claimed == forged
