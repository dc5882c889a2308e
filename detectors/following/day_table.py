"""The pair table of one day: how often each trigger shortly preceded each action."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.history import Aggregate, Day, Millis
from schemas.events import Cause, EventType

Rows = NDArray[np.intp]
Counts = NDArray[np.int64]

LAG_EDGES_MS = np.array([5_000, 10_000, 20_000, 40_000, 80_000, 120_000], dtype=np.int64)
"""Upper ends of the lag bins; the last one is how far a table looks back."""

ACTUATORS = frozenset(
    (
        "climate cover fan humidifier input_boolean input_select lawn_mower light lock media_player remote "
        "select siren switch vacuum valve water_heater"
    ).split()
)
NO_TRIGGERS = frozenset("automation calendar script sun update weather zone".split())
"""Domains whose changes nobody reacts to: the sun is the time-of-day detector's, the others are programs."""

MAX_USES = 500
MAX_EVENTS_BACK = 64
MAX_TRIGGERS = 12
LEAST_SHARE = 0.05


def is_action(event_type: EventType) -> bool:
    """Tell whether people bring it about with a device."""
    return event_type.entity_id.partition(".")[0] in ACTUATORS


def is_trigger(event_type: EventType) -> bool:
    """Tell whether people may react to it."""
    return event_type.entity_id.partition(".")[0] not in NO_TRIGGERS


def tabulate(
    day: Day, *, triggers_are: Callable[[EventType], bool] = is_trigger, most_triggers: int = MAX_TRIGGERS
) -> dict[str, Aggregate]:
    """Count the triggers before each action of the day: ``{"n": uses, "triggers": {key: counts by lag}}``.

    Of each trigger only the last one before an action counts. A trigger that preceded the action in less than
    a twentieth of its own uses is left out (no habit hides there, and most chance pairs are such), and of the
    others at most `most_triggers` an action are kept, so that the table stays small.
    """
    actions, triggers = _rows(day, triggers_are)
    uses = np.bincount(day.type_ids[actions], minlength=len(day.types))
    pairs, lags = _count_lags(day, *_nearest(day, actions, triggers))
    kept = _worth_keeping(day, pairs, lags, triggers, most_triggers)
    keys = [intern(event_type.key) for event_type in day.types]
    preceding: dict[int, dict[str, Sequence[int]]] = {int(action): {} for action in np.nonzero(uses)[0]}
    for pair, counts in zip(pairs[kept].tolist(), lags[kept].tolist(), strict=True):
        action, trigger = divmod(pair, len(keys))
        preceding[action][keys[trigger]] = _shared(tuple(counts))
    return {keys[a]: {"n": int(uses[a]), "triggers": counts} for a, counts in preceding.items()}


@lru_cache(maxsize=1024)
def _shared(counts: tuple[int, ...]) -> tuple[int, ...]:
    """One object for equal counts: nearly all are a single one, and months of tables are held in memory."""
    return counts


def triggers_of(aggregate: Aggregate) -> Mapping[str, Sequence[int]]:
    """Lag counts by trigger."""
    triggers = aggregate["triggers"]
    if not isinstance(triggers, Mapping):
        raise TypeError(f"expected lag counts by trigger, got {triggers!r}")
    return triggers


def _rows(day: Day, triggers_are: Callable[[EventType], bool]) -> tuple[Rows, Rows]:
    """Return the rows of actions that people brought about, and of events that may be their triggers."""
    primary = ~day.derived
    acts = np.array([is_action(t) for t in day.types], dtype=np.bool_)
    triggers = np.array([triggers_are(t) for t in day.types], dtype=np.bool_)
    by_hand = primary & acts[day.type_ids] & (day.causes != Cause.AUTOMATION)
    uses = np.bincount(day.type_ids[by_hand], minlength=len(day.types))
    by_hand &= uses[day.type_ids] <= MAX_USES
    return np.nonzero(by_hand)[0], np.nonzero(primary & triggers[day.type_ids])[0]


def _nearest(day: Day, actions: Rows, triggers: Rows) -> tuple[Rows, Rows]:
    """Pair every action with the last event of each trigger type before it, as rows of the day."""
    at = day.at_ms[triggers]
    last = np.searchsorted(at, day.at_ms[actions], side="left")
    first = np.searchsorted(at, day.at_ms[actions] - LAG_EDGES_MS[-1], side="left")
    length = np.minimum(last - first, MAX_EVENTS_BACK)
    ends = np.cumsum(length)
    nth_action = np.repeat(np.arange(len(actions)), length)
    back = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - length, length)
    nth_trigger = last[nth_action] - 1 - back
    code = nth_action * np.int64(len(day.types)) + day.type_ids[triggers[nth_trigger]]
    _, nearest = np.unique(code, return_index=True)
    return actions[nth_action[nearest]], triggers[nth_trigger[nearest]]


def _count_lags(day: Day, actions: Rows, triggers: Rows) -> tuple[Counts, Counts]:
    """Return the pairs (action id times number of types plus trigger id), sorted, and their counts by lag."""
    names = {event_type.entity_id: i for i, event_type in enumerate(day.types)}
    entity_ids = np.array([names[event_type.entity_id] for event_type in day.types], dtype=np.int64)
    a, b = day.type_ids[triggers], day.type_ids[actions]
    other = entity_ids[a] != entity_ids[b]
    actions, triggers, a, b = actions[other], triggers[other], a[other], b[other]
    pairs, nth = np.unique(b * np.int64(len(day.types)) + a, return_inverse=True)
    bins = np.searchsorted(LAG_EDGES_MS, day.at_ms[actions] - day.at_ms[triggers], side="left")
    counts = np.bincount(nth * len(LAG_EDGES_MS) + bins, minlength=len(pairs) * len(LAG_EDGES_MS))
    return pairs, counts.reshape(len(pairs), len(LAG_EDGES_MS))


def _worth_keeping(day: Day, pairs: Counts, lags: Counts, triggers: Rows, most: int) -> Rows:
    """Return the rows of pairs whose trigger led to the action often enough, the rarest triggers first."""
    if not len(pairs):
        return np.zeros(0, dtype=np.intp)
    together = lags.sum(axis=1)
    trials = count_apart(day.at_ms[triggers], day.type_ids[triggers], len(day.types))[pairs % len(day.types)]
    action = pairs // len(day.types)
    order = np.lexsort((pairs, together / trials, -action))[::-1]
    firsts = np.searchsorted(action[order], action[order], side="left")
    order = order[(np.arange(len(order)) - firsts < most)]
    return np.sort(order[together[order] >= LEAST_SHARE * trials[order]])


def count_apart(at_ms: Millis, type_ids: NDArray[np.integer[Any]], types: int) -> Counts:
    """Count each type's events that do not follow another one of it within the look-back."""
    order = np.lexsort((at_ms, type_ids))
    at, ids = at_ms[order], type_ids[order]
    fresh = np.ones(len(at), dtype=np.bool_)
    fresh[1:] = (ids[1:] != ids[:-1]) | (np.diff(at) > LAG_EDGES_MS[-1])
    return np.bincount(ids[fresh], minlength=types)
