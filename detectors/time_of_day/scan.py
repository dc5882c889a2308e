"""Evidence for a habit in every window of the day, for every event type at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import log_e_values
from detectors.time_of_day.background import BESIDE, Activity, Background, elsewhere, running
from detectors.time_of_day.season import CONTRAST, Season
from detectors.time_of_day.uses import SLOTS, Bits, Bools, Floats, Ints, Span, extended, pack

RATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
# A window that is hit in more than 43 % of the days by chance cannot tell a habit.
HIGHEST_EXPECTED = 0.562
LEAST_HITS = 3
LEAST_SHARE = 0.4
# Keeps sums of e-values finite.
LOG_LIMIT = 600.0
ROWS_AT_ONCE = 250


@lru_cache(maxsize=256)
def most_expected(n: int) -> Floats:
    """Return, by number of hits of `n`, the expected uses a day above which the evidence is below 1.

    0 where the hits are too few to matter.
    """
    grid = np.geomspace(1e-4, HIGHEST_EXPECTED, 50)
    hits = np.arange(n + 1)[:, None]
    convincing = (log_e_values(hits, n, -np.expm1(-grid), RATES) >= 0) & (
        hits >= max(LEAST_HITS, LEAST_SHARE * n)
    )
    return np.asarray(np.where(convincing, grid, 0.0).max(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Windows:
    """Of each row the evidence of all windows of a season, and the best one (evidences are logarithms)."""

    total: Floats
    best: Floats
    slot: Ints
    width: Ints
    expected: Floats

    @classmethod
    def none(cls, rows: int) -> "Windows":
        """Return nothing found yet."""
        return cls(
            np.zeros(rows),
            np.full(rows, -np.inf),
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows),
        )

    def add(self, row: Ints, slot: Ints, width: int, logs: Floats, expected: Floats, prior: Floats) -> None:
        """Add the evidence of windows (sorted by row) times `prior`; keep the best."""
        if not len(row):
            return
        self.total[:] += np.bincount(row, np.exp(logs) * prior, minlength=len(self.total))
        edges = np.nonzero(np.diff(row, prepend=-1))[0]
        top = np.maximum.reduceat(logs, edges)
        where = np.nonzero(logs == np.repeat(top, np.diff(edges, append=len(row))))[0]
        where = where[np.diff(row[where], prepend=-1) > 0]
        where = where[logs[where] > self.best[row[where]]]
        filled = row[where]
        self.best[filled], self.slot[filled], self.width[filled] = logs[where], slot[where], width
        self.expected[filled] = expected[where]


class Scanner:
    """Scans rows against the background of the whole home.

    Parameters
    ----------
    span
        The days.
    bits
        By row and slot, the days with a use; rows of one entity are neighbours.
    entity, room
        Of each row, the index of its entity and of its room (-1: none).
    seasons
        What is sought.
    widths
        Of windows, in slots.
    sensed
        Rows of what senses people: whatever they do, it is told.
    """

    def __init__(
        self,
        span: Span,
        bits: Bits,
        entity: Ints,
        room: Ints,
        seasons: Sequence[Season],
        widths: Sequence[int],
        sensed: Bools,
    ) -> None:
        self.entity, self.room, self.bits, self.sensed = entity, room, bits, sensed
        self.seasons, self.widths = seasons, widths
        weights = np.array([1 << day for day in range(span.days)], dtype=np.uint64)
        shown = (span.shown[:, :SLOTS] * weights[:, None]).sum(axis=0, dtype=np.uint64)
        self._shown = shown
        self._hidden = extended(~shown)
        self._starts = np.searchsorted(entity, np.arange(entity[-1] + 1))
        self._by_room = np.argsort(room[self._starts], kind="stable")
        self._rooms = room[self._starts][self._by_room]
        self.activities: list[Activity] = []

    def survey(self) -> Iterator[None]:
        """Count the home's activity in every season, before anything is scanned."""
        for season in self.seasons:
            mask = self._shown & np.uint64(pack(season.days))
            counts = np.concatenate(
                [self._by_entity(mask, *part) for part in _parts(self._starts, len(self.bits))]
            )
            home = counts.sum(axis=0, dtype=np.int32)
            rooms = np.zeros((int(self._rooms[-1]) + 2, SLOTS), dtype=np.int32)
            edges = np.nonzero(np.diff(self._rooms, prepend=-2))[0]
            rooms[self._rooms[edges]] = np.add.reduceat(counts[self._by_room], edges, axis=0, dtype=np.int32)
            # The last one, which -1 finds, is the whole home: the room of what has none.
            rooms[-1] = home
            self.activities.append(Activity(counts, running(rooms), running(home)))
            yield None

    def _by_entity(self, mask: Bits, first: int, last: int, low: int, high: int) -> NDArray[np.int16]:
        uses = np.bitwise_count(self.bits[low:high, :SLOTS] & mask)
        return np.add.reduceat(uses, self._starts[first:last] - low, axis=0, dtype=np.int16)

    def scan(self, rows: Ints, bits: Bits, wanted: Sequence[int]) -> Iterator[Windows]:
        """Weigh all windows of some `rows`, whose uses are `bits`, in the `wanted` seasons, one by one."""
        used = [np.ascontiguousarray(either(bits, width)[:, :: step_of(width)]) for width in self.widths]
        for index in wanted:
            season = self.seasons[index]
            found = Windows.none(len(rows))
            if len(season.weekdays) > 1:
                self._scan(found, np.arange(len(rows)), rows, bits, used, index)
            else:
                kept = np.nonzero(_stands_out(used[-1], season))[0]
                self._scan(found, kept, rows[kept], bits[kept], [each[kept] for each in used], index)
            yield found

    def _scan(
        self, found: Windows, items: Ints, rows: Ints, bits: Bits, used: Sequence[Bits], index: int
    ) -> None:
        """Weigh the windows of one season; `items` says where in `found` each row stands."""
        activity, mask = self.activities[index], np.uint64(pack(self.seasons[index].days))
        background = Background(
            activity,
            own=running(np.bitwise_count(bits[:, :SLOTS] & (mask & self._shown))),
            entity=running(activity.entities[self.entity[rows]]),
            room=self.room[rows],
        )
        for width, days_used in zip(self.widths, used, strict=True):
            step = step_of(width)
            days = ~either(self._hidden, width)[::step] & mask
            n = np.bitwise_count(days).astype(np.int64)
            k = np.bitwise_count(days_used & days)
            row, at = np.nonzero(k >= np.maximum(LEAST_HITS, np.ceil(LEAST_SHARE * n)).astype(np.uint8))
            sensed = self.sensed[rows[row]]
            most = _most_beside(k[row, at], n, at, width)
            kept = sensed | (background.beside(row, at * step, width) <= most)
            row, at, sensed = row[kept], at[kept], sensed[kept]
            expected = background.expected(row, at * step, width, n[at])
            if sensed.any():
                some, there = row[sensed], at[sensed]
                expected[sensed] = elsewhere(k / np.maximum(n, 1), some, there, width, step)
                expected[sensed] += background.unseen(some, there * step, width)
            kept = expected <= HIGHEST_EXPECTED
            row, at, expected = row[kept], at[kept], expected[kept]
            logs = np.minimum(log_e_values(k[row, at], n[at], -np.expm1(-expected), RATES), LOG_LIMIT)
            prior = background.prior(at * step, width) * (step / len(self.widths))
            found.add(items[row], at * step, width, logs, expected, prior)


def step_of(width: int) -> int:
    """Slots between the starts of neighbouring windows: wide ones need not be tried at every slot."""
    return max(1, width // 8)


def _stands_out(used: Bits, season: Season) -> Bools:
    """Tell which rows are used, in some window, much oftener on the days of a class than on the others."""
    days, others = (np.uint64(pack(part)) for part in (season.days, season.others))
    k = np.bitwise_count(used & days).astype(np.int32)
    k_out = np.bitwise_count(used & others).astype(np.int32)
    n, n_out = int(season.days.sum()), int(season.others.sum())
    apart = (k >= max(LEAST_HITS, LEAST_SHARE * n)) & (k_out * n < CONTRAST * k * n_out)
    return np.asarray(apart.any(axis=1))


def _most_beside(hits: NDArray[np.uint8], n: Ints, at: Ints, width: int) -> Ints:
    """Own uses beside each window above which its hits say nothing; `n` counts the days by window."""
    kinds, which = np.unique(n, return_inverse=True)
    tables = np.zeros((len(kinds), int(kinds[-1]) + 1))
    for table, number in zip(tables, kinds.tolist(), strict=True):
        table[: number + 1] = most_expected(number) * number
    return np.asarray(np.floor(tables[which[at], hits] * (2 * BESIDE / width)), dtype=np.int64)


def either(bits: Bits, width: int) -> Bits:
    """Days on which any of `width` slots from each slot on is set."""
    reach = 1
    while reach * 2 <= width:
        bits = bits[..., :-reach] | bits[..., reach:]
        reach *= 2
    if reach < width:
        bits = bits[..., : reach - width] | bits[..., width - reach :]
    return bits[..., :SLOTS]


def _parts(starts: Ints, rows: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of whole entities with about `ROWS_AT_ONCE` rows: first and end entity, first and end row."""
    edges = np.append(starts, rows)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + ROWS_AT_ONCE, side="right")) - 1)
        yield first, last, int(edges[first]), int(edges[last])
        first = last
