"""Evidence for a habit in every window of the day, for every event type at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import log_e_values
from detectors.time_of_day.uses import OVERHANG, SLOTS, Bits, Bools, Floats, Ints, Span, extended, pack

Counts = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.uint8]

RATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
# A window that is hit in more than 43 % of the days by chance cannot tell a habit.
HIGHEST_EXPECTED = 0.562
LEAST_HITS = 3
LEAST_SHARE = 0.4
# Own uses up to two hours beside a window tell how often it is hit by chance.
BESIDE = 24
FLANK = 36
# Expected uses a day, spread as the home's activity is, for what the past has not shown yet.
UNSEEN_PER_DAY = 0.2
# Uses, spread evenly, that a room's or home's profile is smoothed with.
EVEN_USES = 30.0
# Keeps sums of e-values finite.
LOG_LIMIT = 600.0
ROWS_AT_ONCE = 256

EVERY_DAY = tuple(range(7))
CLASSES: tuple[tuple[tuple[int, ...], float], ...] = (
    (EVERY_DAY, 0.3),
    ((0, 1, 2, 3, 4), 0.2),
    ((5, 6), 0.1),
    *(((day,), 0.4 / 7) for day in EVERY_DAY),
)
"""Classes of weekdays, with how likely a habit keeps to each."""


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
class Season:
    """Days among which a habit is sought: a look-back and a class of weekdays; `prior` sums to 1."""

    look_back: int
    weekdays: tuple[int, ...]
    prior: float
    days: Bools


@dataclass(frozen=True, slots=True)
class Activity:
    """Uses by slot in one season: of each entity, and running sums of each room and of the home."""

    entities: NDArray[np.int16]
    rooms: NDArray[np.int32]
    home: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Windows:
    """Of each row the evidence of all windows of a season, and the best one (evidences are logarithms)."""

    total: Floats
    best: Floats
    slot: Ints
    width: Ints
    expected: Floats


def seasons(span: Span, look_backs: Sequence[int], weekly_from: int) -> list[Season]:
    """What is sought; single weekdays only where a look-back has enough of each."""
    lengths = sorted({min(length, span.days) for length in look_backs})
    # Two look-backs of nearly the same length would only share the evidence.
    lengths = [a for i, a in enumerate(lengths) if lengths[-1] == a or lengths[i + 1] >= 1.25 * a]
    found = []
    for length in lengths:
        recent = span.live & (np.arange(span.days) >= span.days - length)
        weekly = length == lengths[-1] and length >= weekly_from
        classes = [each for each in CLASSES if len(each[0]) > 1 or weekly]
        weight = sum(prior for _, prior in classes) * len(lengths)
        found += [
            Season(length, weekdays, prior / weight, recent & np.isin(span.weekdays, weekdays))
            for weekdays, prior in classes
        ]
    return found


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
    """

    def __init__(
        self,
        span: Span,
        bits: Bits,
        entity: Ints,
        room: Ints,
        seasons: Sequence[Season],
        widths: Sequence[int],
    ) -> None:
        self.entity, self.room, self.bits = entity, room, bits
        self.seasons, self.widths = seasons, widths
        weights = np.array([1 << day for day in range(span.days)], dtype=np.uint64)
        shown = (span.shown[:, :SLOTS] * weights[:, None]).sum(axis=0, dtype=np.uint64)
        self._shown = shown
        self._hidden = extended(~shown)
        self._starts = np.searchsorted(entity, np.arange(entity[-1] + 1))
        first_room = room[self._starts]
        self._in_room = np.zeros((int(room.max(initial=0)) + 1, len(self._starts)), dtype=np.float32)
        known = np.nonzero(first_room >= 0)[0]
        self._in_room[first_room[known], known] = 1
        self.activities: list[Activity] = []

    def survey(self) -> Iterator[None]:
        """Count the home's activity in every season, before anything is scanned."""
        for season in self.seasons:
            mask = self._shown & np.uint64(pack(season.days))
            counts = np.concatenate(
                [self._by_entity(mask, *part) for part in _parts(self._starts, len(self.bits))]
            )
            by_room = (self._in_room @ counts.astype(np.float32)).astype(np.int32)
            home = counts.sum(axis=0, dtype=np.int32)
            self.activities.append(Activity(counts, running(by_room), running(home)))
            yield None

    def _by_entity(self, mask: Bits, first: int, last: int, low: int, high: int) -> NDArray[np.int16]:
        uses = np.bitwise_count(self.bits[low:high, :SLOTS] & mask)
        return np.add.reduceat(uses, self._starts[first:last] - low, axis=0, dtype=np.int16)

    def scan(self, rows: Ints, bits: Bits, wanted: Sequence[int]) -> Iterator[Windows]:
        """Weigh all windows of some `rows`, whose uses are `bits`, in the `wanted` seasons, one by one."""
        used = [either(bits, width) for width in self.widths]
        for index in wanted:
            yield self._scan(rows, bits, used, index)

    def _scan(self, rows: Ints, bits: Bits, used: Sequence[Bits], index: int) -> Windows:
        activity, mask = self.activities[index], np.uint64(pack(self.seasons[index].days))
        background = _Background(
            activity,
            own=running(np.bitwise_count(bits[:, :SLOTS] & (mask & self._shown))),
            entity=running(activity.entities[self.entity[rows]]),
            room=self.room[rows],
        )
        floats = [np.zeros(len(rows)) for _ in range(3)]
        ints = [np.zeros(len(rows), dtype=np.int64) for _ in range(2)]
        found = Windows(floats[0], floats[1] - np.inf, ints[0], ints[1], floats[2])
        for width, days_used in zip(self.widths, used, strict=True):
            days = ~either(self._hidden, width) & mask
            n = np.bitwise_count(days).astype(np.int64)
            k = np.bitwise_count(days_used & days)
            row, slot = np.nonzero(background.beside(width) <= self._most_beside(k, n, width))
            expected = background.expected(row, slot, width, n[slot])
            kept = np.nonzero(expected <= HIGHEST_EXPECTED)[0]
            row, slot, expected = row[kept], slot[kept], expected[kept]
            logs = log_e_values(k[row, slot], n[slot], -np.expm1(-expected), RATES)
            self._keep(found, row, slot, width, np.minimum(logs, LOG_LIMIT), expected)
        return found

    @staticmethod
    def _most_beside(k: NDArray[np.uint8], n: Ints, width: int) -> NDArray[np.int32]:
        """Own uses beside a window above which its hits say nothing, below 0 where there are too few hits."""
        per_use = 2 * BESIDE / width
        kinds, which = np.unique(n, return_inverse=True)
        tables = np.full((len(kinds), int(kinds[-1]) + 1), -1, dtype=np.int32)
        for table, number in zip(tables, kinds.tolist(), strict=True):
            limit = most_expected(number)
            table[: number + 1] = np.where(limit > 0, np.floor(limit * number * per_use), -1)
        return tables[0][k] if len(kinds) == 1 else tables[which[None, :], k]

    def _keep(
        self, found: Windows, row: Ints, slot: Ints, width: int, logs: Floats, expected: Floats
    ) -> None:
        """Add the evidence of all windows of a width, and take the best where it beats what was found."""
        if not len(row):
            return
        evidence = np.bincount(row, np.exp(logs), minlength=len(found.total))
        found.total[:] += evidence / (SLOTS * len(self.widths))
        edges = np.nonzero(np.diff(row, prepend=-1))[0]
        top = np.maximum.reduceat(logs, edges)
        lengths = np.diff(edges, append=len(row))
        where = np.nonzero(logs == np.repeat(top, lengths))[0]
        where = where[np.diff(row[where], prepend=-1) > 0]
        where = where[logs[where] > found.best[row[where]]]
        filled = row[where]
        found.best[filled], found.slot[filled], found.width[filled] = logs[where], slot[where], width
        found.expected[filled] = expected[where]


@dataclass(frozen=True, slots=True)
class _Background:
    """How often a window is hit by chance; all arrays but `room` are running sums along the wrapped day."""

    activity: Activity
    own: NDArray[np.int32]
    entity: NDArray[np.int32]
    room: Ints

    def inside(self, width: int) -> NDArray[np.int32]:
        """Own uses in the window from each slot on."""
        return self.own[:, FLANK + width : FLANK + width + SLOTS] - self.own[:, FLANK : FLANK + SLOTS]

    def beside(self, width: int) -> NDArray[np.int32]:
        """Own uses beside the window from each slot on."""
        middle = FLANK + width // 2
        reach = BESIDE + width // 2
        around = self.own[:, middle + reach :][:, :SLOTS] - self.own[:, middle - reach :][:, :SLOTS]
        return np.asarray(around - self.inside(width))

    def expected(self, row: Ints, slot: Ints, width: int, n: Ints) -> Floats:
        """Uses a day that chance puts into the window, by three ways of reckoning."""
        start, end, low, high = FLANK, FLANK + SLOTS, slot + FLANK, slot + FLANK + width
        in_window = self.own[row, high] - self.own[row, low]
        outside = (self.own[row, end] - self.own[row, start] - in_window) / n
        middle, reach = FLANK + width // 2 + slot, BESIDE + width // 2
        beside = self.own[row, middle + reach] - self.own[row, middle - reach] - in_window
        mine = self.entity[row, high + 1] - self.entity[row, low - 1]
        mine_all = self.entity[row, end] - self.entity[row, start]

        def share(wide: NDArray[np.int32], everything: NDArray[np.int32]) -> Floats:
            # Windows are taken a slot wider on both sides: the profile smoothed over a quarter of an hour.
            use = np.asarray(wide - mine, dtype=np.float64) * (width / (width + 2))
            return np.asarray((use + EVEN_USES * width / SLOTS) / (everything - mine_all + EVEN_USES))

        home, rooms, there = self.activity.home, self.activity.rooms, self.room[row]
        g_home = share(home[high + 1] - home[low - 1], home[end] - home[start])
        g_room = share(
            rooms[there, high + 1] - rooms[there, low - 1], rooms[there, end] - rooms[there, start]
        )
        g = np.minimum(np.maximum(g_home, np.where(there >= 0, g_room, 0.0)), 0.9)
        # lambda_W = max(flank, r_out G_home(W), r_out G_room(W)) + 0.2 G_home(W), r_out = outside / (1 - G)
        flank = beside * (width / (2 * BESIDE)) / n
        return np.asarray(np.maximum(flank, outside * g / (1 - g)) + UNSEEN_PER_DAY * g_home)


def either(bits: Bits, width: int) -> Bits:
    """Days on which any of `width` slots from each slot on is set."""
    reach = 1
    while reach * 2 <= width:
        bits = bits[..., :-reach] | bits[..., reach:]
        reach *= 2
    if reach < width:
        bits = bits[..., : reach - width] | bits[..., width - reach :]
    return bits[..., :SLOTS]


def running(counts: Counts) -> NDArray[np.int32]:
    """Sum along a day that is wrapped by `FLANK` slots before and `FLANK + OVERHANG` after."""
    parts = (counts[..., SLOTS - FLANK :], counts, counts[..., : FLANK + OVERHANG])
    length = FLANK + SLOTS + FLANK + OVERHANG
    out = np.zeros((*counts.shape[:-1], length + 1), dtype=np.int32)
    np.cumsum(np.concatenate(parts, axis=-1), axis=-1, out=out[..., 1:])
    return out


def _parts(starts: Ints, rows: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of whole entities with about `ROWS_AT_ONCE` rows: first and end entity, first and end row."""
    edges = np.append(starts, rows)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + ROWS_AT_ONCE, side="right")) - 1)
        yield first, last, int(edges[first]), int(edges[last])
        first = last
