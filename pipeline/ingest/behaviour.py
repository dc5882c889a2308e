"""Behaviour in a stream of changes: which are somebody's, and the gate that lets only those pass."""

from typing import TypeVar

from pipeline.ingest.bounds import Clock
from pipeline.ingest.messages import Decoded, Signal, UntimelyError
from schemas.events import ServiceCall, StateChange

_Value = TypeVar("_Value")

AWAY = frozenset({"unavailable", "unknown"})
MARK_DOMAINS = ("automation.", "script.")
OWN_PREFIXES = ("ha_ai_", "haai_")
# Measured: entities of a starting Home Assistant change once more within 0.4 s of their appearance, and once
# more when it has started.
SETTLED_AFTER_US = 10_000_000
START_US = 600_000_000


def is_own(entity_id: str) -> bool:
    """Return whether an entity is one of ours: our device's, or an automation that we deployed.

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


class BehaviourFilter:
    """Lets behaviour pass, and holds back what merely follows from entities that appear or return.

    While Home Assistant starts or a broker comes back, entities settle: one that has just appeared changes
    once more, perhaps not before Home Assistant has started, and what is computed from one that returned (a
    template, a group) changes under its context. What a user called is behaviour all the same.

    Parameters
    ----------
    memory
        Appearances, and contexts of returns, remembered at most; the oldest are forgotten.

    Examples
    --------
    >>> passing = BehaviourFilter()
    >>> for at_us, old, new in ((0, None, "off"), (400_000, "off", "on"), (60_000_000, "on", "off")):
    ...     print(passing.behaviour(StateChange(at_us, "light.hall", old, new, "c1")) is not None)
    False
    False
    True
    """

    def __init__(self, memory: int = 5_000) -> None:
        self._memory = memory
        self._appeared_us: dict[str, int] = {}
        self._returns: dict[str, None] = {}
        self._latest_us = 0
        self._started_us = 0
        self._starting = False

    def hear(self, signal: Signal) -> None:
        """Home Assistant stops or has started: what appears in between settles after the start."""
        if signal is Signal.ONLINE:
            return
        self._starting = signal is Signal.STOPPED
        self._started_us = self._latest_us

    def behaviour(self, change: StateChange) -> StateChange | None:
        """The change as learning sees it, or None where it is no behaviour, nor a mark."""
        self._latest_us = max(self._latest_us, change.at_us)
        # Without contexts, as in the state stream, it is merely seen for the first time.
        if change.old is None and change.context_id:
            self._remember(self._appeared_us, change.entity_id, change.at_us)
        elif AWAY.intersection((change.old, change.new)) and not (change.user_id or change.parent_id):
            self._remember(self._returns, change.context_id or "", None)
        passed = behaviour(change)
        if passed is None or passed.mark or not self._follows(change):
            return passed
        return None

    def _follows(self, change: StateChange) -> bool:
        if change.user_id:
            return False
        if change.context_id and change.context_id in self._returns:
            return True
        appeared_us = self._appeared_us.get(change.entity_id)
        if appeared_us is None or change.at_us < appeared_us:
            return False
        started_us = change.at_us if self._starting else self._started_us
        on_the_way = appeared_us <= started_us < appeared_us + START_US
        return change.at_us - (started_us if on_the_way else appeared_us) < SETTLED_AFTER_US

    def _remember(self, known: dict[str, _Value], key: str, value: _Value) -> None:
        known.pop(key, None)
        known[key] = value
        if len(known) > self._memory:
            del known[next(iter(known))]


class Gate:
    """Lets pass what learning wants to see of one stream, live or from a log.

    Parameters
    ----------
    clock
        What event times are checked against.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._filter = BehaviourFilter()

    def admit(self, item: Decoded | None, received_us: int) -> Decoded | None:
        """The item if it counts, else None; service calls and signals do.

        Raises
        ------
        PoisonError
            Where the event time cannot be true.
        UntimelyError
            Where it cannot be true by our clock: the error holds what would count.
        """
        if isinstance(item, Signal):
            self._filter.hear(item)
        counts = self._filter.behaviour(item) if isinstance(item, StateChange) else item
        if isinstance(counts, StateChange | ServiceCall):
            self._check(counts, received_us)
        return counts

    def _check(self, entry: StateChange | ServiceCall, received_us: int) -> None:
        try:
            self._clock.check(entry.at_us, received_us)
        except UntimelyError as error:
            error.entry = entry
            raise
