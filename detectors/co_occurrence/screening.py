"""Which pairs are worth a replay: what the day tables say when they are added up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detectors.co_occurrence.day_table import LAG_EDGES_MS, triggers_of
from detectors.co_occurrence.timeline import Ids, Timeline
from detectors.co_occurrence.trials import Candidates
from detectors.history import Aggregate
from schemas.events import EventType

ACTIVE_SLOT_MS = 900_000
LEAST_HITS = 4
LEAST_DAYS = 3
LEAST_PRECISION = 0.08
LEAST_COVERAGE = 0.15
LEAST_LIFT = 3.0
LEAST_GAIN = float(np.log(1000))
MAX_NAMES = 100_000

Table = Mapping[str, Aggregate]


@dataclass(frozen=True, slots=True)
class Sums:
    """Pairs with their counts over all days: names' numbers of action and trigger, days, counts by lag."""

    actions: Ids
    triggers: Ids
    days: Ids
    lags: NDArray[np.int64]


class Tables:
    """Day tables as arrays; a table that was read once is not read again.

    A cache and no more: what `add_up` returns is a function of its argument, up to the numbers of `names`.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._read: dict[date, tuple[Table, Ids, NDArray[np.uint16]]] = {}

    def add_up(self, dates: Sequence[date], tables: Sequence[Table]) -> Sums:
        """Sum the tables of these days."""
        if len(self.names) > MAX_NAMES:
            self.names, self._read = {}, {}
        read = {day: self._take(day, table) for day, table in zip(dates, tables, strict=True)}
        self._read = read
        codes = np.concatenate([entry[1] for entry in read.values()])
        lags = np.concatenate([entry[2] for entry in read.values()])
        order = np.argsort(codes)
        codes = codes[order]
        firsts = np.nonzero(np.diff(codes, prepend=-1))[0]
        sums = (
            np.add.reduceat(lags[order], firsts, axis=0, dtype=np.int64)
            if len(codes)
            else lags.astype(np.int64)
        )
        days = np.diff(firsts, append=len(codes))
        return Sums(codes[firsts] >> 32, codes[firsts] & 0xFFFFFFFF, days, sums)

    def _take(self, day: date, table: Table) -> tuple[Table, Ids, NDArray[np.uint16]]:
        entry = self._read.get(day)
        if entry is not None and entry[0] is table:
            return entry
        names, codes, lags = self.names, [], []
        for action, aggregate in table.items():
            high = names.setdefault(action, len(names)) << 32
            for trigger, counts in triggers_of(aggregate).items():
                codes.append(high | names.setdefault(trigger, len(names)))
                lags.append(counts)
        shape = (len(codes), len(LAG_EDGES_MS))
        return table, np.array(codes, dtype=np.int64), np.array(lags, dtype=np.uint16).reshape(shape)


def screen(
    timeline: Timeline, sums: Sums, names: Mapping[str, int], seen: Collection[EventType]
) -> tuple[Candidates, int]:
    """Choose candidates, each with the window in which it stands out most, and count all that were tested.

    A pair stands out by ``G = k ln(k / E) - (k - E)``, k co-occurrences in the window, E what the rates of
    both would give while somebody is active.
    """
    number = {event_type.key: i for i, event_type in enumerate(timeline.types) if event_type in seen}
    known = np.array([number.get(name, -1) for name in names], dtype=np.int64)
    triggers, actions = known[sums.triggers], known[sums.actions]
    hits = sums.lags.sum(axis=1)
    frequent = (triggers >= 0) & (actions >= 0) & (hits >= LEAST_HITS) & (sums.days >= LEAST_DAYS)
    order = np.nonzero(frequent)[0]
    order = order[np.lexsort((triggers[order], actions[order]))]
    triggers, actions, lags = triggers[order], actions[order], sums.lags[order]
    expected = _expected(timeline, triggers, actions)
    k = np.cumsum(lags, axis=1)
    gain = np.where(k > expected, k * np.log(np.maximum(k, 1) / expected) - (k - expected), 0.0)
    best = np.argmax(gain, axis=1)
    rows = np.arange(len(order))
    most = k[rows, best]
    stands_out = (
        (gain[rows, best] >= LEAST_GAIN)
        & (most >= LEAST_LIFT * expected[rows, best])
        & (most >= LEAST_PRECISION * _apart(timeline)[triggers])
        & (most >= LEAST_COVERAGE * timeline.actions.counts()[actions])
    )
    return Candidates(triggers, actions, LAG_EDGES_MS[best]).take(stands_out), len(order)


def _expected(timeline: Timeline, triggers: Ids, actions: Ids) -> NDArray[np.float64]:
    """Co-occurrences within each lag edge if both were independent while somebody is active."""
    active_ms = max(1, len(np.unique(timeline.triggers.times // ACTIVE_SLOT_MS))) * ACTIVE_SLOT_MS
    covered = np.minimum(1.0, np.outer(timeline.triggers.counts()[triggers], LAG_EDGES_MS) / active_ms)
    return np.maximum(timeline.actions.counts()[actions][:, None] * covered, 1e-9)


def _apart(timeline: Timeline) -> Ids:
    """Uses of each trigger that do not follow another one within the look-back."""
    gaps = np.diff(timeline.triggers.codes, prepend=-timeline.triggers.stride)
    fresh = np.cumsum(np.append(0, gaps > LAG_EDGES_MS[-1]))
    return np.asarray(
        fresh[timeline.triggers.starts[1:]] - fresh[timeline.triggers.starts[:-1]], dtype=np.int64
    )
