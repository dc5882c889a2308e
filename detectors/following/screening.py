"""Screening of pairs that are worth a replay: what the day tables say when they are added up."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.following.aliases import followers
from detectors.following.day_table import LAG_EDGES_MS, triggers_of
from detectors.following.log import Ids, Log
from detectors.following.trials import Candidates
from detectors.history import Aggregate, History, Millis
from schemas.events import EventType

ACTIVE_SLOT_MS = 900_000
LEAST_HITS = 4
LEAST_DAYS = 3
LEAST_RATE = 0.08
LEAST_COVERAGE = 0.12
LEAST_LIFT = 3.0
LEAST_GAIN = float(np.log(1000))
BLOCK_ROWS = 100_000
READ_ROWS = 3_333
MOST_KEPT_ROWS = 400_000
MOST_NAMES = 10_000

Table = Mapping[str, Aggregate]
Lags = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Sums:
    """Pairs that occurred often enough: numbers of the names of action and trigger, and counts by lag."""

    actions: Ids
    triggers: Ids
    lags: Lags


class Tables:
    """Day tables as arrays; a table that was read once is not read again.

    A cache and no more: the sums are a function of what it was told to read, but for the numbers of `names`.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._read: dict[date, tuple[Table, Millis, Lags]] = {}

    def read(self, dates: Sequence[date], tables: Sequence[Table]) -> Iterator[None]:
        """Read the tables of these days, and forget all others; pauses now and then."""
        if len(self.names) > MOST_NAMES:
            self.names, self._read = {}, {}
        before, self._read, rows = self._read, {}, 0
        for day, table in zip(dates, tables, strict=True):
            entry = before.get(day)
            if entry is None or entry[0] is not table:
                entry = (table, *self._arrays(table))
                rows += len(entry[1])
            self._read[day] = entry
            if rows > READ_ROWS:
                rows = 0
                yield None

    def sums(self) -> Iterator[Sums]:
        """Add up what was read, a block of actions after the other, so that little is held at once."""
        parts = [(codes, lags) for _, codes, lags in self._read.values()]
        rows = sum(len(codes) for codes, _ in parts)
        edges = np.linspace(0, len(self.names), 2 + rows // BLOCK_ROWS).astype(np.int64) << 32
        for low, high in pairwise(edges):
            spans = [slice(*np.searchsorted(codes, (low, high))) for codes, _ in parts]
            chosen = list(zip(parts, spans, strict=True))
            codes = np.concatenate([codes[span] for (codes, _), span in chosen])
            lags = np.concatenate([lags[span] for (_, lags), span in chosen])
            yield _often(codes, lags)
        if rows > MOST_KEPT_ROWS:
            self._read = {}

    def _arrays(self, table: Table) -> tuple[Millis, Lags]:
        names, codes, lags = self.names, [], []
        for action, aggregate in table.items():
            high = names.setdefault(action, len(names)) << 32
            for trigger, counts in triggers_of(aggregate).items():
                codes.append(high | names.setdefault(trigger, len(names)))
                lags.append(counts)
        order = np.argsort(np.array(codes, dtype=np.int64))
        counted = np.array(lags, dtype=np.int64).reshape(len(codes), len(LAG_EDGES_MS))
        return np.array(codes, dtype=np.int64)[order], np.minimum(counted, 255).astype(np.uint8)[order]


def _often(codes: Millis, lags: Lags) -> Sums:
    """Add up equal codes, and keep the pairs that occurred often enough and on days enough."""
    order = np.argsort(codes)
    codes = codes[order]
    firsts = np.nonzero(np.diff(codes, prepend=-1))[0]
    days = np.diff(firsts, append=len(codes))
    sums = np.add.reduceat(lags[order], firsts, axis=0, dtype=np.int64) if len(codes) else lags
    often = (days >= LEAST_DAYS) & (sums.sum(axis=1) >= LEAST_HITS)
    codes = codes[firsts][often]
    return Sums(codes >> 32, codes & 0xFFFFFFFF, sums[often])


def nominate(
    tables: Tables, log: Log, history: History, kind: str
) -> Generator[None, None, tuple[Candidates, Candidates]]:
    """Choose candidates, as `screen` does, from the day tables that the aggregates of this kind are."""
    yield from tables.read([day.date for day in history.days], history.aggregates[kind])
    sums: list[Sums] = []
    for block in tables.sums():
        sums.append(block)
        yield None
    return screen(log, sums, tables.names, frozenset(history.seen_on(LEAST_DAYS)))


def screen(
    log: Log, sums: Sequence[Sums], names: Mapping[str, int], seen: Collection[EventType]
) -> tuple[Candidates, Candidates]:
    """Choose candidates, each with the window in which it stands out most, from all that were tested.

    Returns those that were chosen, and all.

    A pair stands out by ``G = k ln(k / E) - (k - E)``, k co-occurrences in the window, E what the rates of
    both would give while somebody is active.
    """
    number = {event_type.key: i for i, event_type in enumerate(log.types) if event_type in seen}
    known = np.array([number.get(name, -1) for name in names], dtype=np.int64)
    triggers = known[np.concatenate([part.triggers for part in sums])]
    actions = known[np.concatenate([part.actions for part in sums])]
    order = np.nonzero((triggers >= 0) & (actions >= 0))[0]
    order = order[np.lexsort((triggers[order], actions[order]))]
    triggers, actions = triggers[order], actions[order]
    lags = np.concatenate([part.lags for part in sums])[order]
    best, stands_out = _stand_out(log, triggers, actions, np.cumsum(lags, axis=1))
    tested = Candidates(triggers, actions, LAG_EDGES_MS[best])
    return _primary(log, tested.take(stands_out)), tested


def _stand_out(log: Log, triggers: Ids, actions: Ids, k: Lags) -> tuple[Ids, NDArray[np.bool_]]:
    """Return for each pair the lag edge at which it stands out most, and whether that is enough."""
    trigger_uses, action_uses = log.count(log.may_trigger), log.count(log.by_hand)[actions]
    slots = np.zeros(log.end // ACTIVE_SLOT_MS + 1, dtype=np.bool_)
    slots[log.at // ACTIVE_SLOT_MS] = True
    covered = np.outer(trigger_uses[triggers], LAG_EDGES_MS) / (np.count_nonzero(slots) * ACTIVE_SLOT_MS)
    expected = np.maximum(action_uses[:, None] * np.minimum(1.0, covered), 1e-9)
    gain = np.where(k > expected, k * np.log(np.maximum(k, 1) / expected) - (k - expected), 0.0)
    best = np.argmax(gain, axis=1)
    rows = np.arange(len(best))
    most = k[rows, best]
    stands_out = (
        (gain[rows, best] >= LEAST_GAIN)
        & (most >= LEAST_LIFT * expected[rows, best])
        & (most >= LEAST_COVERAGE * action_uses)
    )
    stands_out[stands_out] = most[stands_out] >= LEAST_RATE * _uses_apart(log, triggers[stands_out])
    return best, stands_out


def _primary(log: Log, candidates: Candidates) -> Candidates:
    """Drop what speaks of the second name of a thing."""
    types = np.zeros(len(log.types), dtype=np.bool_)
    types[candidates.triggers] = types[candidates.actions] = True
    doubles = followers(log, types)
    return candidates.take(~doubles[candidates.triggers] & ~doubles[candidates.actions])


def _uses_apart(log: Log, triggers: Ids) -> Ids:
    """Uses of each of these triggers that do not follow another one within the look-back."""
    wanted = np.zeros(len(log.types), dtype=np.bool_)
    wanted[triggers] = True
    rows = np.nonzero(log.may_trigger & wanted[log.type_ids])[0]
    types = log.type_ids[rows]
    order = np.argsort(types, kind="stable")
    types = types[order]
    fresh = np.diff(log.at[rows[order]], prepend=-LAG_EDGES_MS[-1] - 1) > LAG_EDGES_MS[-1]
    fresh[1:] |= types[1:] != types[:-1]
    return np.bincount(types[fresh], minlength=len(log.types))[triggers]
