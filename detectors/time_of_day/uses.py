"""Uses of every event type by logical day, as flat sorted arrays and as bitmaps over days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from detectors.history import Aggregate, Day, History
from schemas.circular_day import MINUTES_A_DAY
from schemas.events import EventType

Bits = NDArray[np.uint64]
Ints = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Columns = tuple[Ints, Ints, Ints]

# Of an aggregate: what people and devices did, and what automations did.
FIELDS = ("seconds", "automated")
DAY_MIN = MINUTES_A_DAY
DAY_S = 86_400
SLOT_S = 300
SLOT_MIN = SLOT_S // 60
SLOTS = DAY_S // SLOT_S
# A window may reach so many slots into the next logical day.
OVERHANG = 24
# People's days end when they sleep, not at midnight.
DAY_START_S = 4 * 3600
DAY_START_MIN = DAY_START_S // 60
# One bit a day in 64, the highest left free.
MOST_DAYS = 63
# With less than this share of a busy day's uses nobody was at home, or we did not see it.
IDLE_SHARE = 0.2
# Below so many uses a day, silence does not say that nobody is at home.
FEW_USES = 10.0


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are judged: index (and bit) i is the logical day that starts at 04:00 of `first` + i.

    Attributes
    ----------
    sun
        Minute from 04:00 of sunrise and sunset, by day.
    live
        Days on which somebody was at home.
    shown
        By day and slot, whether it could be seen; the start of the next day appended.
    """

    first: date
    sun: Mapping[str, Floats]
    live: Bools
    shown: Bools

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.live)

    @property
    def weekdays(self) -> Ints:
        """Weekday on which each day starts, 0 = Monday."""
        return (self.first.weekday() + np.arange(self.days)) % 7

    def date(self, day: int) -> date:
        """Date on which a day starts."""
        return self.first + timedelta(days=day)


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of devices; row i is event type `types[i]`, by people or by automations (`automated[i]`).

    `row`, `day` and `second` (from 04:00) have one element a use, sorted in this order.
    """

    types: tuple[EventType, ...]
    automated: Bools
    row: Ints
    day: Ints
    second: Ints

    def of_row(self, row: int) -> slice:
        """Return the slice of the uses of one row."""
        low, high = np.searchsorted(self.row, (row, row + 1))
        return slice(int(low), int(high))


def pack(days: Bools) -> int:
    """Truth values by day as bits."""
    return sum(1 << int(day) for day in np.nonzero(days)[0])


def bitmaps(row: Ints, day: Ints, second: Ints, rows: int) -> Bits:
    """Return, by row and slot, the days with a use; the start of the next day is appended."""
    bits = np.zeros(rows * SLOTS, dtype=np.uint64)
    order = np.argsort(day, kind="stable")
    cell, day = (row * SLOTS + second // SLOT_S)[order], day[order]
    edges = np.searchsorted(day, np.arange(MOST_DAYS + 1))
    for one in range(MOST_DAYS):
        bits[cell[edges[one] : edges[one + 1]]] |= np.uint64(1 << one)
    return extended(bits.reshape(rows, SLOTS))


def extended(bits: Bits) -> Bits:
    """Append the first slots of the following day, as seen from the day before."""
    return np.concatenate((bits, bits[..., :OVERHANG] >> np.uint64(1)), axis=-1)


def gather(
    history: History, kind: str, wanted: set[EventType], longest: int
) -> Iterator[tuple[Span, Uses] | None]:
    """Read the last `longest` days of a history; what is read comes last."""
    last = history.days[-1].date.toordinal()
    first = max(history.days[0].date.toordinal(), last - longest + 1)
    count = last - first + 1
    recent = [
        (day, aggregates)
        for day, aggregates in zip(history.days, history.aggregates[kind], strict=True)
        if day.date.toordinal() >= first
    ]
    keys = {key for _, aggregates in recent for key in aggregates}
    types = sorted(event_type for event_type in map(EventType.of_key, keys) if event_type in wanted)
    # People's uses in the even rows, automations' in the odd ones; empty rows leave afterwards.
    row_of = {event_type.key: 2 * index for index, event_type in enumerate(types)}
    pieces: list[Columns] = []
    for day, aggregates in recent:
        pieces.append(_columns(day.date.toordinal() - first, aggregates, row_of))
        if len(pieces) % 8 == 0:
            yield None
    raw, day_index, second = (np.concatenate([piece[i] for piece in pieces]) for i in range(3))
    raw, day_index, second = _logical(raw, day_index, second)
    yield None
    steps = np.diff(raw, prepend=-1) > 0
    filled, row = raw[steps], np.cumsum(steps, dtype=np.int32) - 1
    uses = Uses(tuple(types[row // 2] for row in filled.tolist()), filled % 2 == 1, row, day_index, second)
    yield _span([day for day, _ in recent], first, count, history.home.zone, uses), uses


def _columns(day: int, aggregates: Mapping[str, Aggregate], row_of: Mapping[str, int]) -> Columns:
    rows: list[int] = []
    seconds: list[Any] = []
    for key, aggregate in aggregates.items():
        row = row_of.get(key)
        if row is not None:
            for offset, field in enumerate(FIELDS):
                if field in aggregate:
                    rows.append(row + offset)
                    seconds.append(aggregate[field])
    lengths = np.fromiter(map(len, seconds), dtype=np.int64, count=len(seconds))
    total = int(lengths.sum())
    return (
        np.repeat(np.array(rows, dtype=np.int32), lengths),
        np.full(total, day, dtype=np.int32),
        np.fromiter(chain.from_iterable(seconds), dtype=np.int32, count=total),
    )


def _logical(row: Ints, day: Ints, second: Ints) -> Columns:
    """Count seconds from 04:00, in one fixed order; what precedes the first 04:00 is dropped."""
    day = day - (second < DAY_START_S).astype(day.dtype)
    second = (second - DAY_START_S) % DAY_S
    kept = np.nonzero(day >= 0)[0]
    order = row[kept].astype(np.int64) * (MOST_DAYS * DAY_S) + day[kept] * DAY_S + second[kept]
    kept = kept[np.argsort(order, kind="stable")]
    return row[kept], day[kept], second[kept]


def _span(days: Sequence[Day], first: int, count: int, zone: ZoneInfo, uses: Uses) -> Span:
    seen = np.zeros((count + 1) * SLOTS, dtype=np.bool_)
    sun = np.full((2, count), np.nan)
    for day in days:
        index = day.date.toordinal() - first
        sun[:, index] = day.sunrise - DAY_START_MIN, day.sunset - DAY_START_MIN
        seen[index * SLOTS : (index + 1) * SLOTS] = True
        for start_ms, end_ms in day.gaps_ms:
            low, high = _wall_s(start_ms, zone, day.date), _wall_s(end_ms, zone, day.date)
            seen[index * SLOTS + low // SLOT_S : index * SLOTS - (-high // SLOT_S)] = False
    shift = DAY_START_S // SLOT_S
    by_day = np.stack([seen[shift + i * SLOTS :][:SLOTS] for i in range(count)])
    following = np.concatenate((by_day[1:, :OVERHANG], np.zeros((1, OVERHANG), dtype=np.bool_)))
    known = ~np.isnan(sun[0])
    at = np.arange(count)
    return Span(
        first=date.fromordinal(first),
        sun={name: np.interp(at, at[known], sun[i, known]) for i, name in enumerate(("sunrise", "sunset"))},
        live=_live(uses.day, count),
        shown=np.concatenate((by_day, following), axis=1),
    )


def _wall_s(at_ms: int, zone: ZoneInfo, day: date) -> int:
    """Seconds of the wall clock since midnight of `day`."""
    wall = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    since = wall.toordinal() - day.toordinal()
    return since * DAY_S + wall.hour * 3600 + wall.minute * 60 + wall.second


def _live(day: Ints, count: int) -> Bools:
    """Tell by how much was used on which days somebody was at home."""
    counts = np.bincount(day, minlength=count)
    busy = float(np.quantile(counts, 0.75))
    return np.asarray(counts >= (IDLE_SHARE * busy if busy >= FEW_USES else 0.0), dtype=np.bool_)
