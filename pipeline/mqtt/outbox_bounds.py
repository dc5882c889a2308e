"""Bounds of the outbox, and whether anything leaves it: kept, counted and said in health."""

from collections import Counter

import structlog

from pipeline.health import Health, Metrics
from pipeline.mqtt.client import SteadyClient
from pipeline.timing.clock import monotonic_s, wall_us
from sinks.store import SqlStore

log = structlog.get_logger(__name__)

LOOK_S = 5.0
# Long enough that somebody reads of it.
SAY_FOR_S = 86_400.0
# Three times what a publish may take.
STANDSTILL_S = 60.0
TOPICS_TOLD = 3
SUBJECT = "outbox"


class OutboxBounds:
    """Keeps the outbox within its bounds, and says what that cost.

    A clock that jumped ahead since this process began makes no message expire or old.
    """

    def __init__(self, store: SqlStore, health: Health, metrics: Metrics) -> None:
        self._store = store
        self._health = health
        self._metrics = metrics
        self._offset_s = wall_us() / 1e6 - monotonic_s()
        self._next_s = 0.0
        self._forget_s = 0.0
        self._dropped: Counter[str] = Counter()

    def keep(self) -> None:
        """Look, every few seconds; in the store's thread.

        Raises
        ------
        sinks.store.StoreUnavailableError
            The store is locked, full or away.
        """
        now_s = monotonic_s()
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        dropped = self._store.bound_outbox(now_us=int(self._unjumped_s(now_s) * 1e6))
        if dropped:
            for each in dropped:
                self._dropped[each.topic] += each.messages
                self._metrics.dropped.labels(each.reason).inc(each.messages)
                log.warning(
                    "messages dropped unsent", topic=each.topic, count=each.messages, reason=each.reason
                )
            self._forget_s = now_s + SAY_FOR_S
            self._health.notices[SUBJECT] = self._words()
        elif self._dropped and now_s > self._forget_s:
            self._dropped.clear()
            self._health.notices.pop(SUBJECT, None)

    def _unjumped_s(self, now_s: float) -> float:
        jumped_s = wall_us() / 1e6 - now_s - self._offset_s
        return wall_us() / 1e6 - max(0.0, jumped_s)

    def _words(self) -> str:
        most = self._dropped.most_common(TOPICS_TOLD)
        topics = ", ".join(f"{count:,} on {topic}" for topic, count in most)
        others = sum(self._dropped.values()) - sum(count for _, count in most)
        more = f", {others:,} on others" if others else ""
        return (
            f"messages waited too long for the broker and were dropped unsent: {topics}{more}; "
            "see that the broker is there and takes them"
        )


class Standstill:
    """Detects that a broker that is there takes nothing at all: a fault, since nobody hears of us then."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._acknowledged = 0
        self._since_s: float | None = None

    def look(self, client: SteadyClient | None, *, is_waiting: bool) -> None:
        """Compare what was acknowledged with the last look."""
        now_s = monotonic_s()
        acknowledged = client.acknowledged if client is not None else 0
        if not is_waiting or acknowledged != self._acknowledged or self._since_s is None:
            self._since_s = now_s if is_waiting else None
            self._health.faults.pop(SUBJECT, None)
        elif now_s - self._since_s > STANDSTILL_S and self._health.publishing:
            self._health.faults[SUBJECT] = (
                f"the broker has taken no message of ours for {now_s - self._since_s:.0f} s, and some wait: "
                "see its log, and the notices"
            )
        self._acknowledged = acknowledged
