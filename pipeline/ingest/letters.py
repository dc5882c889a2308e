"""Dead letters within bounds: each one kept with its beginning, in a flood only counted."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from pipeline.ingest.messages import Message, PoisonError
from pipeline.timing.token_bucket import TokenBucket
from schemas.statuses import DeadLetter

EXCERPT_BYTES = 3_072
SHORT_EXCERPT_BYTES = 256
LONGEST_TOPIC = 256
MINUTE_US = 60_000_000
# More than anybody reads, of a device that goes wrong: what is the matter shows in the first of them.
LETTERS_AT_ONCE = 300
LONG_LETTERS_AT_ONCE = 20
LETTERS_A_MINUTE = 0.5
LONG_LETTERS_A_MINUTE = 0.05
# A flood is summed up after a minute, and then ever more seldom: a day of it leaves some 150 letters.
LONGEST_PAUSE_US = 10 * MINUTE_US
# One stream, our own topics, six reasons; topics of the state stream above that share their bounds.
KINDS_AT_MOST = 32
OTHERS = "(several topics)"


@dataclass(slots=True)
class _Kind:
    """Letters of one topic and reason: what may still be kept, and what was counted since when."""

    kept: TokenBucket = field(
        default_factory=lambda: TokenBucket(LETTERS_AT_ONCE, LETTERS_A_MINUTE, MINUTE_US)
    )
    long: TokenBucket = field(
        default_factory=lambda: TokenBucket(LONG_LETTERS_AT_ONCE, LONG_LETTERS_A_MINUTE, MINUTE_US)
    )
    count: int = 0
    since_us: int = 0
    pause_us: int = MINUTE_US
    last: DeadLetter | None = field(default=None)


class Letters:
    """Makes dead letters, as many of each topic and reason as somebody may read; counts the others.

    The first of a kind are kept with three kilobytes of what they were, others with less, `LETTERS_AT_ONCE`
    in all and one in two minutes in the long run. What comes above that costs nothing but its decoding, and
    one letter after a while says how many there were. Constant memory; what was counted and not yet said
    when a process is killed is lost.

    Examples
    --------
    >>> from pipeline.ingest.messages import Reason
    >>> letters, junk = Letters(), Message("events", b"junk", 1)
    >>> poison = PoisonError(Reason.NOT_JSON, "expected JSON")
    >>> made = [letters.take(junk, poison) for _ in range(1_000)]
    >>> sum(letter is not None for letter in made)
    300
    >>> [(letter.reason, letter.count) for letter in letters.due(1 + MINUTE_US)]
    [('not_json', 700)]
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def take(self, message: Message, error: PoisonError) -> DeadLetter | None:
        """Return the letter that is kept of a message, or None where it is counted."""
        kind = self._kind(message.topic, error.reason)
        if kind.kept.take(message.received_us):
            is_long = kind.long.take(message.received_us)
            return dead_letter(message, error, EXCERPT_BYTES if is_long else SHORT_EXCERPT_BYTES)
        if not kind.count:
            kind.since_us = message.received_us
            kind.last = dead_letter(message, error, SHORT_EXCERPT_BYTES)
        kind.count += 1
        return None

    def due(self, now_us: int) -> list[DeadLetter]:
        """Return a letter for each kind of which some were counted for long enough."""
        return [self._sum_up(kind, now_us) for kind in self._kinds.values() if self._is_due(kind, now_us)]

    def rest(self, now_us: int) -> list[DeadLetter]:
        """Return a letter for each kind of which some were counted, before the end."""
        return [self._sum_up(kind, now_us) for kind in self._kinds.values() if kind.count]

    def flooded(self) -> list[str]:
        """Topics from which more comes than is kept one by one."""
        return sorted({topic for (topic, _), kind in self._kinds.items() if kind.count})

    def _kind(self, topic: str, reason: str) -> _Kind:
        key = (topic[:LONGEST_TOPIC], reason)
        if key not in self._kinds and len(self._kinds) >= KINDS_AT_MOST:
            key = (OTHERS, reason)
        return self._kinds.setdefault(key, _Kind())

    def _is_due(self, kind: _Kind, now_us: int) -> bool:
        return bool(kind.count) and abs(now_us - kind.since_us) >= kind.pause_us

    def _sum_up(self, kind: _Kind, now_us: int) -> DeadLetter:
        if kind.last is None:
            raise RuntimeError("expected the first of what was counted")
        count, first = kind.count, kind.last
        seconds = abs(now_us - kind.since_us) // 1_000_000
        identity = blake2b(f"{first.message_id}\x00{kind.since_us}\x00{count}".encode(), digest_size=16)
        kind.count, kind.last = 0, None
        # While it goes on it is told ever more seldom.
        kind.pause_us = min(2 * kind.pause_us, LONGEST_PAUSE_US) if kind.kept.left < 1 else MINUTE_US
        update = {
            "message_id": identity.hexdigest(),
            "detail": f"{count:,} messages in {seconds} s, the first of them: {first.detail}",
            "received_at": _at(now_us),
            "count": count,
        }
        return first.model_copy(update=update)


def dead_letter(message: Message, error: PoisonError, excerpt_bytes: int = EXCERPT_BYTES) -> DeadLetter:
    """The record of a message that cannot be taken; the same message gives the same id."""
    identity = blake2b(message.topic.encode() + b"\x00" + message.payload, digest_size=16).hexdigest()
    return DeadLetter(
        message_id=identity,
        reason=error.reason,
        detail=error.detail,
        topic=message.topic[:LONGEST_TOPIC],
        received_at=_at(message.received_us),
        size_bytes=len(message.payload),
        payload_base64=b64encode(message.payload[:excerpt_bytes]).decode(),
    )


def _at(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
