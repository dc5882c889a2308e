"""The search for habits: scan all windows, believe the convincing ones, explain them away, scan again."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log

import numpy as np

from detectors.evidence import accept
from detectors.time_of_day.course import Near
from detectors.time_of_day.habit import Candidates, Habit, trace
from detectors.time_of_day.scan import ROWS_AT_ONCE, Scanner, Windows
from detectors.time_of_day.season import CLASSES, Season
from detectors.time_of_day.uses import (
    DAY_MIN,
    SLOT_MIN,
    Bits,
    Bools,
    Floats,
    Ints,
    Span,
    Uses,
    bitmaps,
)
from schemas.circular_day import wrapped

ROUNDS = 6
# Where few types are judged, e-BH alone would be content with little.
LEAST_EVIDENCE = 30.0
# What senses people, and its share in what may be believed: a home has many such and few habits of theirs.
SENSED = ("binary_sensor.",)
SENSED_WEIGHT = 0.5
# Keeps a slice short and the arrays of days by days small.
FOLLOWED_AT_ONCE = 64
# What is left of the evidence once a habit's final window and days are taken, as a logarithm.
SLACK = 1.0
CLASS_OF = {days: index for index, (days, _) in enumerate(CLASSES)}


class Search:
    """Finds the habits of all rows.

    Parameters
    ----------
    span, uses
        The days, and who used what when.
    room
        Of each row, the index of its room; -1: none.
    seasons, widths
        What is sought, and the widths of windows in slots.
    alpha
        The false discovery rate over the rows.
    """

    def __init__(
        self,
        span: Span,
        uses: Uses,
        room: Ints,
        seasons: Sequence[Season],
        widths: Sequence[int],
        alpha: float,
    ) -> None:
        names = [event_type.entity_id for event_type in uses.types]
        entity = np.cumsum([0, *(a != b for a, b in pairwise(names))])
        self._span, self._uses, self._seasons, self._alpha = span, uses, seasons, alpha
        self._bits = bitmaps(uses.row, uses.day, uses.second, len(names))
        self._sensed = np.array([name.startswith(SENSED) for name in names])
        self._scanner = Scanner(span, self._bits, entity, room, seasons, widths, self._sensed)
        self._kept = np.ones(len(uses.row), dtype=np.bool_)
        self._least = 0.0

    def run(self) -> Iterator[list[Habit] | None]:
        """Scan, believe, follow, explain away, and scan what is left; None between slices, habits last."""
        yield from self._scanner.survey()
        rows, bits = np.arange(len(self._uses.types)), self._bits
        found: list[Habit] = []
        for turn in range(ROUNDS):
            sought = [i for i, season in enumerate(self._seasons) if not turn or len(season.weekdays) > 1]
            windows: list[Windows] = []
            for scanned in self._scan(rows, bits, sought):
                windows = scanned or windows
                yield None
            candidates = self._candidates(rows, windows, [self._seasons[index] for index in sought])
            for habits in self._follow(candidates):
                found += habits
                yield None
            rows = candidates.row
            if not len(rows):
                break
            near, position = _near(rows, self._uses, self._kept)
            bits = bitmaps(near.item, near.day, self._uses.second[position], len(rows))
            yield None
        yield found

    def _scan(self, rows: Ints, bits: Bits, sought: Sequence[int]) -> Iterator[list[Windows] | None]:
        parts: list[list[Windows]] = [[] for _ in sought]
        for low in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(low, low + ROWS_AT_ONCE)
            for windows, scanned in zip(
                parts, self._scanner.scan(rows[part], bits[part], sought), strict=True
            ):
                windows.append(scanned)
                yield None
        yield [_joined(windows) for windows in parts]

    def _candidates(self, rows: Ints, windows: Sequence[Windows], seasons: Sequence[Season]) -> Candidates:
        """Believe rows by their mean evidence: by e-BH at first, above its bar what is left afterwards."""
        weighed = np.array([each.total * season.prior for each, season in zip(windows, seasons, strict=True)])
        weighed = weighed * np.where(self._sensed[rows], SENSED_WEIGHT, 1.0)
        total = weighed.sum(axis=0)
        if not self._least:
            believed = int(accept(total, self._alpha).sum())
            # The background is only about right, and the more days there are, the more its errors weigh.
            floor = max(LEAST_EVIDENCE, self._span.days)
            self._least = max(floor, len(rows) / (self._alpha * max(1, believed)))
        chosen = np.nonzero(total >= self._least)[0]
        return _best(
            chosen, rows, windows, seasons, weighed[:, chosen], self._least, self._span, self._sensed
        )

    def _follow(self, candidates: Candidates) -> Iterator[list[Habit]]:
        for low in range(0, len(candidates.row), FOLLOWED_AT_ONCE):
            part = candidates.part(slice(low, low + FOLLOWED_AT_ONCE))
            near, position = _near(part.row, self._uses, self._kept)
            habits = trace(part, near, self._span, log(self._least) - SLACK)
            self._kept[position[_explained(habits, near, part)]] = False
            yield [habit for habit in habits if habit is not None]


def _joined(parts: Sequence[Windows]) -> Windows:
    return Windows(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("total", "best", "slot", "width", "expected")
        )
    )


def _best(
    chosen: Ints,
    rows: Ints,
    windows: Sequence[Windows],
    seasons: Sequence[Season],
    weighed: Floats,
    least: float,
    span: Span,
    sensed: Bools,
) -> Candidates:
    """Take each row's best window of the shortest look-back that convinces: what people do now."""
    look_backs = np.array([season.look_back for season in seasons])
    lengths = np.unique(look_backs)
    shares = np.array([season.prior for season in seasons])
    alone = np.array(
        [weighed[look_backs == length].sum(axis=0) / shares[look_backs == length].sum() for length in lengths]
    )
    convincing = alone >= least
    length = lengths[
        np.where(convincing.any(axis=0), np.argmax(convincing, axis=0), np.argmax(alone, axis=0))
    ]
    prior = np.log([season.prior for season in seasons])
    best = np.array([each.best[chosen] for each in windows]) + prior[:, None]
    season = np.argmax(np.where(look_backs[:, None] == length, best, -np.inf), axis=0)
    at = (season, np.arange(len(chosen)))
    slot, width, expected = (
        np.array([getattr(each, name)[chosen] for each in windows])[at]
        for name in ("slot", "width", "expected")
    )
    return Candidates(
        row=rows[chosen],
        centre=(slot + width / 2) * SLOT_MIN % DAY_MIN,
        width=width * SLOT_MIN,
        recent=span.live & (np.arange(span.days) >= span.days - look_backs[season][:, None]),
        kind=np.array([CLASS_OF[seasons[index].weekdays] for index in season], dtype=np.int64),
        expected=expected,
        log_e=np.log(weighed.sum(axis=0)),
        sensed=sensed[rows[chosen]],
    )


def _near(rows: Ints, uses: Uses, kept: Bools) -> tuple[Near, Ints]:
    """Uses of the candidates, and where they stand among all."""
    item_of = np.full(len(uses.types), -1)
    item_of[rows] = np.arange(len(rows))
    position = np.nonzero(kept & (item_of[uses.row] >= 0))[0]
    return Near(item_of[uses.row[position]], uses.day[position], uses.second[position] / 60), position


def _explained(traced: Sequence[Habit | None], near: Near, candidates: Candidates) -> Bools:
    """Tell which uses are spoken for: those of the habits, and those in windows that bore none out."""
    explained = np.zeros(len(near.item), dtype=np.bool_)
    edges = np.searchsorted(near.item, np.arange(len(traced) + 1))
    for item, habit in enumerate(traced):
        part = slice(int(edges[item]), int(edges[item + 1]))
        if habit is None:
            distance, reach = near.minute[part] - candidates.centre[item], candidates.width[item] / 2
        else:
            distance, reach = near.minute[part] - habit.centre[near.day[part]], habit.reach
        explained[part] = np.abs(wrapped(distance)) <= reach
    return explained
