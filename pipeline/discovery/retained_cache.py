"""Cache of what is known to be retained of ours, in bounded memory, whoever published it."""

from collections.abc import Mapping

from pipeline.discovery.discovery_diff import digest
from pipeline.timing.token_bucket import TokenBucket

# What others leave on our topics is removed; what is more than this waits for the next connection.
MOST_STRAYS = 2_000
LONGEST_TOPIC = 256
REPAIRS_AT_ONCE = 20
REPAIR_AGAIN_S = 5.0


class RetainedCache:
    """The digest of what is retained on each topic, and on which connection that was learned.

    Examples
    --------
    >>> known = RetainedCache()
    >>> known.want({"status": b"ours"})
    >>> known.note("status", b"ours", 1), known.note("status", b"theirs", 1), known.note("status", b"", 1)
    (True, False, False)
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[bytes, int | None]] = {}
        self._wanted: dict[str, bytes] = {}
        self._ours: dict[str, tuple[bytes, bytes]] = {}
        self._foreign: set[str] = set()

    def want(self, wanted: Mapping[str, bytes]) -> None:
        """Know what should be retained."""
        self._wanted = {topic: digest(payload) for topic, payload in wanted.items()}
        # Another instance may have known it before us.
        self._foreign = {each for each in self._foreign if not self._is_right(each)}

    def note(self, topic: str, payload: bytes, connection: int | None) -> bool:
        """Remember what somebody has published; whether it is as it should be."""
        self._foreign.discard(topic)
        if not payload:
            self._found.pop(topic, None)
            return topic not in self._wanted
        found = digest(payload)
        if topic in self._wanted or self._has_room(topic):
            self._found[topic] = (found, connection)
        # What we have just replaced may come back to us late.
        if topic in self._wanted and found not in (self._wanted[topic], *self._ours.get(topic, ())):
            self._foreign.add(topic)
        return self._wanted.get(topic) == found

    def published(self, topic: str, payload: bytes, connection: int | None) -> None:
        """Remember what we have published."""
        self._foreign.discard(topic)
        if not payload:
            self._found.pop(topic, None)
            self._ours.pop(topic, None)
            return
        _, before = self._ours.get(topic, (b"", b""))
        self._ours[topic] = (before, digest(payload))
        self._found[topic] = (digest(payload), connection)

    def retained(self, connection: int | None) -> dict[str, bytes]:
        """The digest by topic; what was learned on another connection may be gone, and has none.

        A broker need not keep what it retains over its restart.
        """
        return {topic: found if known == connection else b"" for topic, (found, known) in self._found.items()}

    @property
    def foreign(self) -> frozenset[str]:
        """Topics of what we show on which somebody has published something else since."""
        return frozenset(self._foreign)

    def _is_right(self, topic: str) -> bool:
        found, _ = self._found.get(topic, (b"", None))
        return found == self._wanted.get(topic)

    def _has_room(self, topic: str) -> bool:
        if topic in self._found:
            return True
        return len(topic) <= LONGEST_TOPIC and len(self._found) < len(self._wanted) + MOST_STRAYS


def repair_bucket() -> TokenBucket:
    """Return how often what others publish on our topics is put right: two that disagree go on for ever."""
    return TokenBucket(REPAIRS_AT_ONCE, 1, REPAIR_AGAIN_S)
