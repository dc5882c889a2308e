"""Which state changes are somebody's behaviour."""

from schemas.events import StateChange

AWAY = frozenset({"unavailable", "unknown"})
MARK_DOMAINS = ("automation.", "script.")
OWN_PREFIXES = ("ha_ai_", "haai_")


def is_own(entity_id: str) -> bool:
    """Whether an entity is one of ours: our device's, or an automation that we deployed.

    Examples
    --------
    >>> is_own("sensor.ha_ai_patterns"), is_own("automation.haai_1f3c"), is_own("light.hall")
    (True, True, False)
    """
    return entity_id.partition(".")[2].startswith(OWN_PREFIXES)


def behaviour(change: StateChange) -> StateChange | None:
    """The change as learning sees it, or None where it is no behaviour.

    Not behaviour: an entity that appears (a start-up burst), comes from or goes to ``unavailable`` or
    ``unknown``, repeats its state, or is ours. A run of an automation or script is a mark: it tells who
    caused what follows.
    """
    if change.entity_id.startswith(MARK_DOMAINS):
        return change._replace(mark=True) if change.old is not None and change.context_id else None
    if change.old is None or change.old == change.new or change.old in AWAY or change.new in AWAY:
        return None
    return None if is_own(change.entity_id) else change
