"""Commands that are signed with the key, and the checks without which none counts."""

import hashlib
import hmac
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from schemas.commands import LONGEST_VALIDITY_MS, SignedCommand, Verb
from schemas.suggestions import Suggestion

LARGEST_BYTES = 16_384
CLOCK_SKEW_MS = 5_000


class Fault(StrEnum):
    """Faults for which a message is no command: the short name under which each is counted."""

    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    VERB = "verb"
    VALIDITY = "validity"
    FUTURE = "future"
    EXPIRED = "expired"
    NO_KEY = "no key"


class CommandError(Exception):
    """A message that is no valid command; says what was expected and what came.

    `claimed` is what it says it is, where it can be read at all: its sender may be anybody.
    """

    def __init__(self, fault: Fault, text: str, claimed: SignedCommand | None = None) -> None:
        super().__init__(text)
        self.fault = fault
        self.claimed = claimed


def new_command(
    nonce: str,
    verb: Verb,
    suggestion: Suggestion | tuple[str, str],
    approver: str,
    key: bytes,
    now_ms: int,
    **fields: Any,
) -> SignedCommand:
    """Make a command on a suggestion, or on an id and content hash, valid once and for 120 s from now.

    Examples
    --------
    >>> key = bytes(32)
    >>> what = ("0123456789abcdef", "0" * 64)
    >>> command = new_command("3f" * 16, Verb.REJECT, what, "anna", key, 1_000, text="no")
    >>> verified(command.exact().encode(), Verb.REJECT, key, 2_000) == command
    True
    """
    identity, content_hash = (
        (suggestion.id, suggestion.content_hash) if isinstance(suggestion, Suggestion) else suggestion
    )
    plain = {
        "verb": verb,
        "suggestion_id": identity,
        "content_hash": content_hash,
        "approver": approver,
        "nonce": nonce,
        "issued_at_ms": now_ms,
        "expires_at_ms": now_ms + LONGEST_VALIDITY_MS,
    }
    return sign(SignedCommand.model_validate({**plain, **fields}), key)


def sign(command: SignedCommand, key: bytes) -> SignedCommand:
    """Return the command with its signature."""
    return command.model_copy(update={"signature": _signature(command, key)})


def is_signed(command: SignedCommand, key: bytes) -> bool:
    """Return whether somebody who holds the key has said exactly this, whenever that was."""
    return hmac.compare_digest(_signature(command, key), command.signature)


def verified(payload: bytes, verb: Verb, key: bytes, now_ms: int) -> SignedCommand:
    """Return the command that a payload holds, if it counts now.

    Parameters
    ----------
    payload
        What was received; bounded before it is read.
    verb
        What its topic stands for.
    key
        What it has to be signed with.
    now_ms
        UTC milliseconds.

    Raises
    ------
    CommandError
        It is too large, no command, of another topic, not signed with the key, or not valid now.
    """
    command = _read(payload)
    if not is_signed(command, key):
        raise CommandError(Fault.SIGNATURE, "expected a signature made with our key, got another", command)
    if command.verb is not verb:
        raise CommandError(
            Fault.VERB, f"expected a command to {verb.value}, got one to {command.verb.value}", command
        )
    _check_times(command, now_ms)
    return command


def _read(payload: bytes) -> SignedCommand:
    if len(payload) > LARGEST_BYTES:
        raise CommandError(Fault.OVERSIZE, f"expected at most {LARGEST_BYTES} bytes, got {len(payload)}")
    try:
        return SignedCommand.read(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = f"{place[:80]}: {first['msg'][:200]}" if place else first["msg"][:200]
        raise CommandError(Fault.MALFORMED, f"expected a signed command, got another ({said})") from error


def _check_times(command: SignedCommand, now_ms: int) -> None:
    validity_ms = command.expires_at_ms - command.issued_at_ms
    if not 0 < validity_ms <= LONGEST_VALIDITY_MS:
        raise CommandError(
            Fault.VALIDITY,
            f"expected a validity of at most {LONGEST_VALIDITY_MS} ms, got {validity_ms}",
            command,
        )
    ahead_ms = command.issued_at_ms - now_ms
    if ahead_ms > CLOCK_SKEW_MS:
        raise CommandError(
            Fault.FUTURE, f"expected a command of now, got one of {ahead_ms} ms ahead of our clock", command
        )
    late_ms = now_ms - command.expires_at_ms
    if late_ms > 0:
        raise CommandError(
            Fault.EXPIRED, f"expected a command that is still valid, got one {late_ms} ms too late", command
        )


def _signature(command: SignedCommand, key: bytes) -> str:
    return hmac.new(key, command.signed_bytes, hashlib.sha256).hexdigest()
