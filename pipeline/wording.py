"""Patterns and anomalies in words, for people without statistics."""

from schemas.anomalies import Anomaly
from schemas.patterns import (
    AtHome,
    Condition,
    CoOccurrenceDetail,
    Dark,
    Detail,
    DurationDetail,
    Hours,
    Pattern,
    SequenceDetail,
    Target,
    Temperature,
    TimeOfDayDetail,
    Weekday,
)

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY, WEEKDAYS, WEEKEND = tuple(range(7)), tuple(range(5)), (5, 6)
MINUTES_A_DAY = 1440
# What nobody sets: it tells what people do.
OBSERVED = ("person.", "device_tracker.", "binary_sensor.", "sensor.")


def clock(minute: float) -> str:
    """A local minute as clock time.

    Examples
    --------
    >>> clock(425.4), clock(1439.7)
    ('07:05', '00:00')
    """
    whole = round(minute) % MINUTES_A_DAY
    return f"{whole // 60:02d}:{whole % 60:02d}"


def name(entity_id: str) -> str:
    """An entity id as one would say it.

    Examples
    --------
    >>> name("light.hall_ceiling")
    'hall ceiling (light)'
    """
    domain, _, object_id = entity_id.partition(".")
    return f"{object_id.replace('_', ' ')} ({domain.replace('_', ' ')})"


def days_in_words(days: tuple[int, ...]) -> str:
    """Days of the week as one would say them.

    Examples
    --------
    >>> days_in_words((0, 1, 2, 3, 4)), days_in_words((2,)), days_in_words((0, 1, 5))
    ('on weekdays', 'on Wednesdays', 'on Mondays, Tuesdays and Saturdays')
    """
    known = {EVERY_DAY: "every day", WEEKDAYS: "on weekdays", WEEKEND: "at weekends"}
    if days in known:
        return known[days]
    names = [f"{DAY_NAMES[day]}s" for day in days]
    return "on " + " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def seconds_in_words(seconds: float) -> str:
    """A lag as one would say it.

    Examples
    --------
    >>> seconds_in_words(0.4), seconds_in_words(42.2), seconds_in_words(150)
    ('at once', '42 seconds', '2.5 minutes')
    """
    if seconds < 1:
        return "at once"
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def sentence(found: Pattern | Anomaly) -> str:
    """What the household does, and how we know; or what is out of order, and what was expected.

    A habit is said as one; what an automation does already is said as that.
    """
    if isinstance(found, Anomaly):
        return f"{claim(found)} {expectation(found)}"
    return f"{claim(found)} {evidence(found)}"


def _said(detail: Detail) -> str:
    match detail:
        case TimeOfDayDetail():
            return _time_of_day(detail)
        case CoOccurrenceDetail():
            return _co_occurrence(detail)
        case SequenceDetail():
            return _sequence(detail)
        case DurationDetail():
            return _duration(detail)


def claim(found: Pattern | Anomaly) -> str:
    """What the household does, or what is out of order; without how we know."""
    if isinstance(found, Anomaly):
        return said_of(name(found.detail.entity_id), found.detail.observed)
    return _said(found.detail)


def expectation(anomaly: Anomaly) -> str:
    """What was expected instead of what is out of order."""
    return said_of("it", anomaly.detail.expected)


def said_of(subject: str, predicate: str) -> str:
    """What is said of something as a sentence; what is one already stays as it is.

    Examples
    --------
    >>> said_of("oven (switch)", "has been on for 9 h"), said_of("it", "The oven is usually off.")
    ('Oven (switch) has been on for 9 h.', 'The oven is usually off.')
    """
    words = predicate if predicate[:1].isupper() else f"{subject} {predicate}"
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def evidence(pattern: Pattern) -> str:
    """The evidence in words."""
    found = pattern.evidence
    expected = found.base_rate * found.opportunities
    by_chance = f"by chance it would be {f'{expected:.0f}' if expected >= 1 else 'less than one'}"
    moved = ""
    if pattern.change is not None:
        before, after = clock(pattern.change.minute_before), clock(pattern.change.minute_after)
        moved = f" It moved from {before} to {after} around {pattern.change.since}."
    return (
        f"Seen {found.hits} of {found.opportunities} times, {by_chance}; "
        f"next time with {pattern.confidence:.0%} probability.{moved}"
    )


def short_time(seconds: float) -> str:
    """A span of time in short.

    Examples
    --------
    >>> short_time(42), short_time(120), short_time(5400)
    ('42s', '2m', '1.5h')
    """
    if seconds < 100:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 5400 else f"{seconds / 3600:.1f}h"


def deed(target: Target, *, automated: bool = False) -> str:
    """Who brings an entity to a state, as one would say it.

    Examples
    --------
    >>> deed(Target(entity_id="light.hall", state="on")), deed(Target(entity_id="cover.blind", state="open"))
    ('you turn hall (light) on', 'you open blind (cover)')
    >>> deed(Target(entity_id="fan.bath", state="on"), automated=True)
    'an automation sets bath (fan) to on'
    >>> deed(Target(entity_id="person.alex", state="home"))
    'alex (person) comes home'
    """
    subject, state = name(target.entity_id), target.state
    if target.entity_id.startswith(OBSERVED):
        return f"{subject} {becomes(target)}"
    if automated:
        return f"an automation sets {subject} to {state}"
    match state:
        case "on" | "off":
            return f"you turn {subject} {state}"
        case "open":
            return f"you open {subject}"
        case "closed":
            return f"you close {subject}"
        case _:
            return f"you set {subject} to {state}"


def becomes(target: Target) -> str:
    """An entity's reaching a state, as one would say it of the entity.

    Examples
    --------
    >>> becomes(Target(entity_id="person.alex", state="not_home"))
    'leaves home'
    >>> becomes(Target(entity_id="binary_sensor.hall_motion", state="on"))
    'goes on'
    """
    if target.entity_id.startswith(("person.", "device_tracker.")):
        return {"home": "comes home", "not_home": "leaves home"}.get(target.state, f"comes to {target.state}")
    return f"goes {target.state}" if target.state in ("on", "off") else f"becomes {target.state}"


def _time_of_day(detail: TimeOfDayDetail) -> str:
    spread = max(1, round(detail.spread_minutes))
    when = f"{days_in_words(detail.days)} around {clock(detail.minute)} (give or take {spread} min)"
    if detail.anchor in ("sunrise", "sunset") and detail.offset_minutes is not None:
        side = "after" if detail.offset_minutes >= 0 else "before"
        when += f", {abs(detail.offset_minutes):.0f} min {side} {detail.anchor}"
    what = deed(Target(entity_id=detail.entity_id, state=detail.state), automated=detail.automated)
    return f"{what[0].upper()}{what[1:]} {when}."


def _co_occurrence(detail: CoOccurrenceDetail) -> str:
    trigger, action = detail.trigger, detail.action
    said = (
        f"When {name(trigger.entity_id)} {becomes(trigger)}, "
        f"{deed(action, automated=detail.automated)} {after(detail.lag_seconds.p50)}"
    )
    conditions = " and ".join(map(condition_in_words, detail.conditions))
    return f"{said}{', ' + conditions if conditions else ''}."


def _sequence(detail: SequenceDetail) -> str:
    first, *others = detail.steps
    said = [f"When {name(first.entity_id)} {becomes(first)}"]
    said += [
        f"{deed(step)} {after(step.lag_seconds.p50) if step.lag_seconds else ''}".strip() for step in others
    ]
    return f"{', '.join(said[:-1])} and then {said[-1]}."


def _duration(detail: DurationDetail) -> str:
    target = Target(entity_id=detail.entity_id, state=detail.state)
    low, middle, high = (short_time(each) for each in detail.seconds.model_dump().values())
    conditions = " and ".join(map(condition_in_words, detail.conditions))
    said = (
        f"Once {name(target.entity_id)} {becomes(target)}, it stays so for {middle}, mostly {low} to {high}"
    )
    return f"{said}{', ' + conditions if conditions else ''}."


def after(lag_s: float) -> str:
    """How long after something, as one would say it.

    Examples
    --------
    >>> after(0.2), after(42)
    ('at once', 'after 42 seconds')
    """
    lag = seconds_in_words(lag_s)
    return lag if lag == "at once" else f"after {lag}"


def condition_in_words(condition: Condition) -> str:
    """Under which condition, as one would say it.

    Examples
    --------
    >>> condition_in_words(Dark()), condition_in_words(Hours(after=22, before=6.5))
    ('when it is dark', 'between 22:00 and 06:30')
    """
    match condition:
        case Dark():
            return "when it is dark"
        case Hours():
            return f"between {clock(condition.after * 60)} and {clock(condition.before * 60)}"
        case Weekday():
            return days_in_words(condition.days)
        case Temperature(below=None):
            return f"while {name(condition.entity_id)} is above {condition.above:g}"
        case Temperature():
            return f"while {name(condition.entity_id)} is below {condition.below:g}"
        case AtHome():
            return "while somebody is at home" if condition.somebody else "while nobody is at home"
