"""Reports of runs of deployed automations, from Home Assistant's events on the broker."""

from time import monotonic

from pipeline.suggestions.deployment_messages import Messages
from schemas.deployments import Deployment
from schemas.instants import from_us
from sinks.store import SqlStore

US = 1_000_000
# Whoever may publish can say that an automation ran: what comes of that is bounded.
QUIET_S = 10.0
FRESH_S = 10.0


class RunReporter:
    """Reports the runs of each deployed automation, at most one in ten seconds; on the store's thread.

    Which automations are ours is read at most every ten seconds, unless `forget` is called.

    Parameters
    ----------
    store
        Where it is kept which automations stand.
    messages
        What is said of it.
    """

    def __init__(self, store: SqlStore, messages: Messages) -> None:
        self._store = store
        self._messages = messages
        self._fresh_until_s = 0.0
        self._ours: dict[str, tuple[Deployment, str]] = {}
        self._told_us: dict[str, int] = {}

    def forget(self) -> None:
        """Discard the list of deployed automations, because it has changed."""
        self._fresh_until_s = 0.0

    def tell(self, entity_id: str, now_us: int) -> bool:
        """Report a run if the automation is a deployed one; return whether it was reported."""
        if monotonic() >= self._fresh_until_s:
            self._read()
        row, title = self._ours.get(entity_id, (None, ""))
        if row is None or abs(now_us - self._told_us.get(entity_id, 0)) < QUIET_S * US:
            return False
        said = self._messages.executed(
            "ran", row, f"{title}: it ran", entity_id=entity_id, at=from_us(now_us)
        )
        with self._store.begin() as transaction:
            transaction.enqueue([said], now_us)
        self._told_us[entity_id] = now_us
        return True

    def _read(self) -> None:
        self._fresh_until_s = monotonic() + FRESH_S
        reads = self._store.suggestions
        standing = [(row, reads.get(row.suggestion_id)) for row in reads.deployments() if row.standing]
        self._ours = {
            suggestion.ha_entity_id: (row, suggestion.title)
            for row, suggestion in standing
            if suggestion is not None and suggestion.ha_entity_id is not None
        }
        self._told_us = {each: at_us for each, at_us in self._told_us.items() if each in self._ours}
