"""Explanation of a pattern or an anomaly: why it is believed, for a person without statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import singledispatch
from zoneinfo import ZoneInfo

from pipeline.wording.pictures import DayMark, calendar, picture
from pipeline.wording.sentences import (
    EVERY_DAY,
    FEW,
    NOTICED,
    becomes,
    claim,
    condition_in_words,
    counted,
    days_in_words,
    deed,
    expectation,
    mostly,
    name,
    short_time,
    sun_in_words,
)
from schemas.anomalies import Anomaly
from schemas.patterns import (
    Condition,
    CoOccurrenceDetail,
    Detail,
    DurationDetail,
    Evidence,
    Pattern,
    SequenceDetail,
    Target,
    TimeOfDayDetail,
)
from schemas.payload import clock

LARGEST_ODDS = 1e9
HARDLY_EVER = 0.05
# What is said in whole per cent is no other for less.
ROUNDED = 0.005


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Answer to one question."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is said of one finding: in words, as a picture, and day by day."""

    claim: str
    picture: tuple[str, ...]
    paragraphs: tuple[Paragraph, ...]
    days: tuple[DayMark, ...]


def explain(found: Pattern | Anomaly, zone: ZoneInfo) -> Explanation:
    """Explain a finding; times are told in the home's `zone`, UTC is named."""
    told = _of_anomaly(found, zone) if isinstance(found, Anomaly) else _of_pattern(found, zone)
    return Explanation(
        claim=claim(found),
        picture=() if isinstance(found, Anomaly) else tuple(picture(found)),
        paragraphs=tuple(Paragraph(title, tuple(sentences)) for title, sentences in told if sentences),
        days=tuple(calendar(found.evidence)),
    )


def _of_pattern(pattern: Pattern, zone: ZoneInfo) -> Iterator[tuple[str, list[str]]]:
    detail, found = pattern.detail, pattern.evidence
    yield "What was seen", [*_seen(detail, found), _between(pattern, zone)]
    yield "What chance alone would give", [*_chance(detail, found), _odds(found.e_value)]
    yield "When it holds", list(_holds(detail, pattern))
    yield "What changed", list(_changed(pattern))
    yield "The next time", _next_time(pattern)
    yield "Automations", [_automated(pattern)]


@singledispatch
def _seen(detail: Detail, found: Evidence) -> list[str]:
    """Say on how many occasions it could have shown, and on how many it did."""
    del detail
    n, k, m = found.opportunities, found.hits, found.misses
    return [f"It could have shown {_times(n)}.", f"It did {_every(k, m)}{_but(m, 'it did not')}."]


@_seen.register
def _days_seen(detail: TimeOfDayDetail, found: Evidence) -> list[str]:
    del detail
    n, k, m = found.opportunities, found.hits, found.misses
    could = f"It could have shown on {counted(n, 'day')}."
    did = f"It did on {k} of them, on {m} it did not." if m else "It did on every one of them."
    rest = "Days on which nobody was there, or the home could not be seen, count neither way."
    return [could, did, rest]


@_seen.register
def _pairs_seen(detail: CoOccurrenceDetail, found: Evidence) -> list[str]:
    n, k, m = found.opportunities, found.hits, found.misses
    when = f"{name(detail.trigger.entity_id)} {becomes(detail.trigger)}"
    free = f"{name(detail.action.entity_id)} is not {detail.action.state} already"
    could = f"It could have shown {_times(n)}: {when}, and {free}."
    return [could, f"It did {_every(k, m)}{_but(m, 'it did not')}."]


@_seen.register
def _chains_seen(detail: SequenceDetail, found: Evidence) -> list[str]:
    n, k, m = found.opportunities, found.hits, found.misses
    first = detail.steps[0]
    when = f"{name(first.entity_id)} {becomes(first)}"
    could = f"It could have shown {_times(n)}: {when}, and nothing of the rest is done already."
    usual = f"nine times in ten within {short_time(detail.within_seconds)}"
    return [could, f"All steps followed in this order {_every(k, m)}, {usual}{_but(m, 'they did not')}."]


@_seen.register
def _durations_seen(detail: DurationDetail, found: Evidence) -> list[str]:
    n, k, m = found.opportunities, found.hits, found.misses
    usual = mostly(detail.seconds.p10, detail.seconds.p90)
    checked = f"It was foreseen {_times(n)}, from what was seen on other days: now {usual}."
    return [checked, f"That was right {_every(k, m)}{_but(m, 'it lasted shorter or longer')}."]


def _between(pattern: Pattern, zone: ZoneInfo) -> str:
    first, last = (_day(at.astimezone(zone).date()) for at in (pattern.first_seen, pattern.last_seen))
    return f"First seen on {first}, last on {last}{' (UTC)' * _is_utc(zone)}."


@singledispatch
def _chance(detail: Detail, found: Evidence) -> list[str]:
    """Say how often it would show without a habit, and how that is known."""
    del detail
    return [f"If it were no habit, it would show {_expected(found, 'times')}; it did {_times(found.hits)}."]


@_chance.register
def _day_by_chance(detail: TimeOfDayDetail, found: Evidence) -> list[str]:
    what = deed(Target(entity_id=detail.entity_id, state=detail.state), automated=detail.automated)
    without = f"If {what} at any time somebody is up, it falls into this time {_expected(found, 'days')}"
    known = f"how busy room and home are about {clock(detail.minute)}"
    return [
        f"{without}; it did on {found.hits}.",
        f"That follows from its uses at other times, and from {known}.",
    ]


@_chance.register
def _pair_by_chance(detail: CoOccurrenceDetail, found: Evidence) -> list[str]:
    what = f"{name(detail.action.entity_id)} {becomes(detail.action)}"
    times = _expected(found, "times")
    without = f"If {name(detail.trigger.entity_id)} had nothing to do with it, {what} so soon {times}"
    known = "because somebody is busy there, or because it is due"
    return [
        f"{without}; it did {_times(found.hits)}.",
        f"That is how often it does at other moments, {known}.",
    ]


@_chance.register
def _chain_by_chance(detail: SequenceDetail, found: Evidence) -> list[str]:
    del detail
    times = _expected(found, "times")
    without = f"If the steps had nothing to do with each other, they would come so {times}"
    return [f"{without}; they did {_times(found.hits)}.", "That is how often each does at other moments."]


@_chance.register
def _duration_by_chance(detail: DurationDetail, found: Evidence) -> list[str]:
    del detail
    without = "If it ended at any moment, however long it has lasted, the forecast would be right"
    return [f"{without} {_expected(found, 'times')}; it was {_times(found.hits)}."]


def _odds(e_value: float) -> str:
    """Say how often chance looks as convincing: the expected evidence of no habit is 1."""
    if e_value < 2:
        return "As seen so far, it may well be chance."
    if e_value >= LARGEST_ODDS:
        return "Chance looks as convincing as this less than once in a billion."
    # Rounded down: "at most" holds of the figure that is said, too.
    digit = 10 ** (len(str(int(e_value))) - 1)
    return f"Chance looks as convincing as this at most once in {int(e_value) // digit * digit:,}."


@singledispatch
def _holds(detail: Detail, pattern: Pattern) -> Iterator[str]:
    """Say on which days and under which conditions it holds; nothing where it always does."""
    del detail, pattern
    yield from ()


@_holds.register
def _time_holds(detail: TimeOfDayDetail, pattern: Pattern) -> Iterator[str]:
    if detail.days != EVERY_DAY:
        yield f"It is a habit {days_in_words(detail.days)}; the other days count neither way."
    yield _anchored(detail, (pattern.last_seen.date() - pattern.first_seen.date()).days + 1)


@_holds.register
def _pair_holds(detail: CoOccurrenceDetail, pattern: Pattern) -> Iterator[str]:
    del pattern
    yield from _only(detail.conditions, "it rarely follows")


@_holds.register
def _duration_holds(detail: DurationDetail, pattern: Pattern) -> Iterator[str]:
    del pattern
    yield from _only(detail.conditions, "it lasts differently")


def _only(conditions: Sequence[Condition], otherwise: str) -> Iterator[str]:
    for condition in conditions:
        yield (
            f"Only {condition_in_words(condition)}: otherwise {otherwise}, "
            "so what happens then counts neither way."
        )


def _anchored(detail: TimeOfDayDetail, days: int) -> str:
    seen = f"As far as {counted(days, 'day')} can tell"
    if detail.anchor == "undetermined":
        return "Whether it keeps to the clock or to the sun, these days cannot tell yet."
    if detail.anchor == "clock":
        return f"{seen}, it keeps to the clock, {clock(detail.minute)}, and not to the sun."
    return (
        f"{seen}, it keeps to the sun and not to the clock: "
        f"{sun_in_words(detail.anchor, detail.offset_minutes or 0.0)}, "
        f"which now is {clock(detail.minute)} and moves with the year."
    )


def _changed(pattern: Pattern) -> Iterator[str]:
    if pattern.status == "retired":
        yield "It is a habit no more; this is what was known of it last."
    if pattern.change is not None:
        now, before = clock(pattern.change.minute_after), clock(pattern.change.minute_before)
        yield f"Since {_day(pattern.change.since)} it is at {now}; before, it was at {before}."


def _next_time(pattern: Pattern) -> list[str]:
    found, sure = pattern.evidence, pattern.confidence
    true = f"of a hundred forecasts that say so, about {sure * 100:.0f} come true"
    said = [f"It will {_happens(pattern.detail)} with a probability of {sure:.0%}: {true}."]
    rate = found.hits / found.opportunities if found.opportunities else 0.0
    if abs(sure - rate) > NOTICED:
        said.append(_leaning(pattern, rate))
    low, high = found.interval
    said.append(
        f"What was seen alone, {found.hits} of {found.opportunities}, would put it "
        f"somewhere from {low:.0%} to {high:.0%}, as nine of ten such ranges are right."
    )
    if sure < low - ROUNDED:
        said.append("The forecast is below that on purpose: it is more cautious than what was seen.")
    elif sure > high + ROUNDED:
        said.append("The forecast is above that, as it goes by more than these occasions alone.")
    return said


@singledispatch
def _happens(detail: Detail) -> str:
    """Say in a verb what is forecast."""
    return "come as foreseen" if detail.is_forecast else "show"


@_happens.register
def _lasts(detail: DurationDetail) -> str:
    del detail
    return "last as foreseen"


def _leaning(pattern: Pattern, rate: float) -> str:
    """Say why the forecast is not the share that was seen."""
    found = pattern.evidence
    side = "less" if pattern.confidence < rate else "more"
    said = f"That is {side} than {found.hits} of {found.opportunities}"
    if pattern.detail.is_forecast:
        return f"{said}: it leans on how often such forecasts come true in this home."
    if side == "less":
        return f"{said}: few occasions are not trusted to the full, and the last ones count most."
    usual = "few occasions say little, and such habits usually hold"
    return f"{said}: {usual if found.opportunities < FEW else 'the last occasions count most'}."


def _automated(pattern: Pattern) -> str:
    if pattern.detail.automated:
        return "An automation does this already: it is nobody's habit, and there is nothing left to automate."
    return "As far as Home Assistant tells who did it, no automation does this: what one did is not counted."


def _of_anomaly(anomaly: Anomaly, zone: ZoneInfo) -> Iterator[tuple[str, list[str]]]:
    detail, found = anomaly.detail, anomaly.evidence
    at = detail.at.astimezone(zone)
    since = f"{_day(at.date())} at {at:%H:%M}{' UTC' * _is_utc(zone)}"
    yield "What happened", [claim(anomaly), f"It has been out of order since {since}."]
    yield "What was expected", [expectation(anomaly)]
    unusual = [f"Severity: {detail.severity}. {_rarity(detail.score)}"]
    if found.opportunities:
        like_it = counted(found.opportunities, "occasion")
        unusual.append(f"Of {like_it} like it, {found.hits:,} went as expected.")
    yield "How unusual that is", unusual


def _rarity(score: float) -> str:
    odds = 10 ** min(score, 9)
    if odds < 2:
        return "It is hardly unusual: it may well happen when all is in order."
    digits = max(0, len(str(int(odds))) - 1)
    return f"When all is in order, it happens about once in {round(odds, -digits):,.0f} such occasions."


def _expected(found: Evidence, occasions: str) -> str:
    """Say how often it would show by chance, among days or among times."""
    n, expected = found.opportunities, found.base_rate * found.opportunities
    if expected < HARDLY_EVER:
        return f"hardly ever in {n} {occasions}"
    if expected < 0.95:
        return f"less than once in {n} {occasions}"
    return f"{'on ' if occasions == 'days' else ''}about {expected:.0f} of {n} {occasions}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _every(hits: int, misses: int) -> str:
    return _times(hits) if misses or not hits else "every time"


def _but(misses: int, what: str) -> str:
    return f"; {_times(misses)} {what}" if misses else ""


def _is_utc(zone: ZoneInfo) -> bool:
    return zone.key == "UTC"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
