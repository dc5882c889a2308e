"""The search for habits: scan all windows, believe the convincing ones, explain them away, scan again."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log

import numpy as np

from detectors.evidence import accept
from detectors.time_of_day.course import Near
from detectors.time_of_day.habit import Candidates, Habit, trace
from detectors.time_of_day.scan import CLASSES, ROWS_AT_ONCE, Scanner, Season, Windows
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

ROUNDS = 3
# What is left of the evidence once a habit's final window and days are taken, as a logarithm.
SLACK = 1.0
CLASS_OF = {days: index for index, (days, _) in enumerate(CLASSES)}


def search(
    span: Span, uses: Uses, room: Ints, seasons: Sequence[Season], widths: Sequence[int], alpha: float
) -> Iterator[list[Habit] | None]:
    """Find the habits of all rows; None between slices, what was found comes last."""
    names = [event_type.entity_id for event_type in uses.types]
    entity = np.cumsum([0, *(a != b for a, b in pairwise(names))])
    rows = np.arange(len(names))
    bits = bitmaps(uses.row, uses.day, uses.second, len(rows))
    scanner = Scanner(span, bits, entity, room, seasons, widths)
    yield None
    yield from scanner.survey()
    kept = np.ones(len(uses.row), dtype=np.bool_)
    found: list[Habit] = []
    least = 0.0
    for turn in range(ROUNDS):
        wanted = [i for i, season in enumerate(seasons) if not turn or len(season.weekdays) > 1]
        parts: list[list[Windows]] = []
        for low in range(0, len(rows), ROWS_AT_ONCE):
            parts.append([])
            for scanned in scanner.scan(
                rows[low : low + ROWS_AT_ONCE], bits[low : low + ROWS_AT_ONCE], wanted
            ):
                parts[-1].append(scanned)
                yield None
        windows = [_joined(each) for each in zip(*parts, strict=True)]
        sought = [seasons[index] for index in wanted]
        total = sum(
            (each.total * season.prior for each, season in zip(windows, sought, strict=True)),
            start=np.zeros(len(rows)),
        )
        if not turn:
            believed = accept(total, alpha)
            least = len(names) / (alpha * max(1, int(believed.sum())))
        else:
            believed = total >= least
        chosen = np.nonzero(believed)[0]
        if not len(chosen):
            break
        candidates = _candidates(chosen, rows, windows, sought, total, least, span)
        near, position = _near(candidates.row, uses, kept)
        yield None
        traced = trace(candidates, near, span, log(least) - SLACK)
        yield None
        followed = np.array([habit is not None for habit in traced])
        found += [habit for habit in traced if habit is not None]
        kept[position[_explained(traced, near)]] = False
        rows = candidates.row[followed]
        if not len(rows):
            break
        bits = _bits_of(rows, uses, kept)
        yield None
    yield found


def _joined(parts: Sequence[Windows]) -> Windows:
    return Windows(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("total", "best", "slot", "width", "expected")
        )
    )


def _candidates(
    chosen: Ints,
    rows: Ints,
    windows: Sequence[Windows],
    seasons: Sequence[Season],
    total: Floats,
    least: float,
    span: Span,
) -> Candidates:
    """Take each row's best window of the shortest look-back that convinces: what people do now."""
    look_backs = np.array([season.look_back for season in seasons])
    lengths = np.unique(look_backs)
    weighed = np.array(
        [each.total[chosen] * season.prior for each, season in zip(windows, seasons, strict=True)]
    )
    alone = np.array([weighed[look_backs == length].sum(axis=0) for length in lengths]) * len(lengths)
    convincing = alone >= least
    length = np.where(convincing.any(axis=0), np.argmax(convincing, axis=0), np.argmax(alone, axis=0))
    best = np.array(
        [each.best[chosen] + log(season.prior) for each, season in zip(windows, seasons, strict=True)]
    )
    best = np.where(look_backs[:, None] == lengths[length][None, :], best, -np.inf)
    season = np.argmax(best, axis=0)
    at = (season, np.arange(len(chosen)))
    slot, width, expected = (
        np.array([getattr(each, name)[chosen] for each in windows])[at]
        for name in ("slot", "width", "expected")
    )
    days = np.arange(span.days)
    recent = span.live[None, :] & (days[None, :] >= span.days - look_backs[season][:, None])
    return Candidates(
        row=rows[chosen],
        centre=(slot + width / 2) * SLOT_MIN % DAY_MIN,
        width=width * SLOT_MIN,
        recent=recent,
        kind=np.array([CLASS_OF[seasons[index].weekdays] for index in season]),
        expected=expected,
        log_e=np.log(total[chosen]),
    )


def _near(rows: Ints, uses: Uses, kept: Bools) -> tuple[Near, Ints]:
    """Uses of the candidates, and where they stand among all."""
    item_of = np.full(len(uses.types), -1)
    item_of[rows] = np.arange(len(rows))
    position = np.nonzero(kept & (item_of[uses.row] >= 0))[0]
    return Near(item_of[uses.row[position]], uses.day[position], uses.second[position] / 60), position


def _explained(traced: Sequence[Habit | None], near: Near) -> Bools:
    """Tell which uses the habits explain."""
    explained = np.zeros(len(near.item), dtype=np.bool_)
    edges = np.searchsorted(near.item, np.arange(len(traced) + 1))
    for item, habit in enumerate(traced):
        if habit is not None:
            part = slice(int(edges[item]), int(edges[item + 1]))
            distance = near.minute[part] - habit.centre[near.day[part]]
            explained[part] = np.abs((distance + DAY_MIN / 2) % DAY_MIN - DAY_MIN / 2) <= habit.reach
    return explained


def _bits_of(rows: Ints, uses: Uses, kept: Bools) -> Bits:
    near, position = _near(rows, uses, kept)
    return bitmaps(near.item, near.day, uses.second[position], len(rows))
