"""Patterns in pictures of characters: a day, a lag, a chain, a calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import singledispatch
from math import exp
from typing import Protocol

from pipeline.wording.sentences import DAY_NAMES, after, becomes, mostly, name, short_time
from schemas.circular_day import MINUTES_A_DAY, apart
from schemas.patterns import (
    CoOccurrenceDetail,
    Detail,
    DurationDetail,
    Evidence,
    Pattern,
    Quantiles,
    SequenceDetail,
    TimeOfDayDetail,
)

HEIGHTS = "▁▂▃▄▅▆▇█"
NOT_HERE = "·"
HIT, MISS, BOTH, NO_OCCASION = "●", "○", "◐", "·"
LEGEND = f"{HIT} it did   {MISS} it did not   {BOTH} both   {NO_OCCASION} no occasion"
WEEKS_AT_MOST = 6
# Detectors tell at least so many of the last days, where there are more.
TOLD_AT_LEAST = 5
SPREADS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day of the calendar: how often the habit showed on it, and how often it could have and did not."""

    day: date
    hits: int
    misses: int

    @property
    def mark(self) -> str:
        """One character."""
        if self.hits and self.misses:
            return BOTH
        if self.hits:
            return HIT
        return MISS if self.misses else NO_OCCASION


class Marked(Protocol):
    """A day that has its sign in a calendar, of one character."""

    @property
    def day(self) -> date:
        """Day of the sign."""

    @property
    def mark(self) -> str:
        """Its sign."""


def strip(pattern: Pattern, width: int = 48) -> str:
    """A day from midnight to midnight: where the habit lies, how wide it is, how sure.

    What has no place in the day shows the time it takes: a pair its lag, on two minutes; a chain its last
    step's, a duration its length. Of other kinds it is the share of the occasions on which they showed.
    """
    mark = HEIGHTS[max(1, round(pattern.confidence * 8)) - 1]
    return _strip(pattern.detail, pattern.evidence, width, mark)


@singledispatch
def _strip(detail: Detail, found: Evidence, width: int, mark: str) -> str:
    del detail
    filled = round(width * found.hits / found.opportunities) if found.opportunities else 0
    return f"0 {mark * filled}{NOT_HERE * (width - filled)} {found.opportunities:,}"


@_strip.register
def _place_in_day(detail: TimeOfDayDetail, found: Evidence, width: int, mark: str) -> str:
    del found
    reach = max(detail.spread_minutes, MINUTES_A_DAY / width / 2)
    middles = [(place + 0.5) * MINUTES_A_DAY / width for place in range(width)]
    within = [apart(middle, detail.minute) <= reach for middle in middles]
    return f"00 {''.join(mark if near else NOT_HERE for near in within)} 24"


@_strip.register
def _lag(detail: CoOccurrenceDetail, found: Evidence, width: int, mark: str) -> str:
    del found
    return _span(detail.lag_seconds, 120, width, mark)


@_strip.register
def _last_lag(detail: SequenceDetail, found: Evidence, width: int, mark: str) -> str:
    del found
    lag = detail.steps[-1].lag_seconds or Quantiles(p10=0, p50=0, p90=0)
    return _span(lag, max(120.0, detail.within_seconds), width, mark)


@_strip.register
def _length(detail: DurationDetail, found: Evidence, width: int, mark: str) -> str:
    del found
    return _span(detail.seconds, max(1.0, 2 * detail.seconds.p90), width, mark)


def picture(pattern: Pattern, width: int = 60) -> list[str]:
    """Draw a habit as closely as characters can show it, a line each; by its strip if there is no closer."""
    return _picture(pattern.detail, strip(pattern, width))


@singledispatch
def _picture(detail: Detail, strip_of: str) -> list[str]:
    del detail
    return [strip_of]


@_picture.register
def _minutes(detail: TimeOfDayDetail, strip_of: str) -> list[str]:
    del strip_of
    return minutes_of_day(detail)


@_picture.register
def _steps(detail: SequenceDetail, strip_of: str) -> list[str]:
    del strip_of
    return chain(detail)


@_picture.register
def _length_and_hours(detail: DurationDetail, strip_of: str) -> list[str]:
    return [strip_of, *_hours(detail)]


def minutes_of_day(detail: TimeOfDayDetail) -> list[str]:
    r"""The hours about a habit, a line each and a character a minute: where its hits mostly fall.

    Examples
    --------
    >>> detail = TimeOfDayDetail(
    ...     entity_id="light.hall", state="on", minute=1437, spread_minutes=1, days=(0,), anchor="clock"
    ... )
    >>> print("\n".join(minutes_of_day(detail)))
    23h ·······················································▁▅█▅▁
    00h ····························································
        0         10        20        30        40        50
    """
    spread = max(detail.spread_minutes, 0.5)
    reach = min(SPREADS_SHOWN * spread, MINUTES_A_DAY / 2 - 60)
    first, last = (int((detail.minute + side * reach) // 60) for side in (-1, 1))
    rows = {
        hour % 24: "".join(_height(60 * hour + minute, detail.minute, spread) for minute in range(60))
        for hour in range(first, last + 1)
    }
    return [
        *(f"{hour:02d}h {row}" for hour, row in rows.items()),
        "    " + "".join(f"{tens:<10}" for tens in range(0, 60, 10)).rstrip(),
    ]


def chain(detail: SequenceDetail) -> list[str]:
    """The steps of a chain below one another, with the time between them."""
    lines: list[str] = []
    for step in detail.steps:
        lag = step.lag_seconds
        if lag is not None:
            lines += ["│", f"│  {after(lag.p50)}, {mostly(lag.p10, lag.p90)}", "▼"]
        lines.append(f"{HIT}  {name(step.entity_id)} {becomes(step)}")
    return lines


def calendar(evidence: Evidence) -> list[DayMark]:
    """Each day of the last weeks, oldest first, as far back as what happened on it is told."""
    hits, misses = evidence.recent_hits, evidence.recent_misses
    if not hits and not misses:
        return []
    last = max((*hits, *misses))
    # Of the days before the first that is told, where not all are, nothing is known.
    told = [
        days[0]
        for days, count in ((hits, evidence.hits), (misses, evidence.misses))
        if TOLD_AT_LEAST <= len(days) < count
    ]
    first = max([last - timedelta(weeks=WEEKS_AT_MOST), *(told or [min((*hits, *misses))])])
    days = [first + timedelta(number) for number in range((last - first).days + 1)]
    return [DayMark(day, hits.count(day), misses.count(day)) for day in days]


def weeks(marks: Sequence[Marked]) -> Iterator[str]:
    """A calendar with a line a week, below the names of the days."""
    if not marks:
        return
    yield " " * 8 + " ".join(day[:2] for day in DAY_NAMES)
    monday = marks[0].day - timedelta(marks[0].day.weekday())
    of_day = {mark.day: mark.mark for mark in marks}
    while monday <= marks[-1].day:
        days = [of_day.get(monday + timedelta(number), " ") for number in range(7)]
        yield f"{monday.day:>2} {monday:%b}  {'  '.join(days)}".rstrip()
        monday += timedelta(weeks=1)


def _height(minute: int, middle: float, spread: float) -> str:
    """Return the sign for the share of hits that falls on a minute; the densest is the highest."""
    density = exp(-0.5 * (apart(minute, middle) / spread) ** 2)
    step = round(density * len(HEIGHTS))
    return HEIGHTS[step - 1] if step else (HEIGHTS[0] if density > 0.02 else NOT_HERE)


def _hours(detail: DurationDetail) -> list[str]:
    hours = "".join(HEIGHTS[-1] if hour in detail.typical_hours else NOT_HERE for hour in range(24))
    return [f"00 {hours} 24  (hours at which it begins)"]


def _span(quantiles: Quantiles, end_s: float, width: int, mark: str) -> str:
    """Mark where eight of ten lie on a line from 0 to `end_s` seconds."""
    middles = [(place + 0.5) * end_s / width for place in range(width)]
    middle = int(quantiles.p50 * width / end_s)
    line = "".join(
        mark if quantiles.p10 <= second <= quantiles.p90 or place == middle else NOT_HERE
        for place, second in enumerate(middles)
    )
    return f"0 s {line} {short_time(end_s)}"
