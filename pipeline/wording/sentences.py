"""Patterns and anomalies in words, for people without statistics."""

from functools import singledispatch

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
from schemas.payload import clock

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY, WEEKDAYS, WEEKEND = tuple(range(7)), tuple(range(5)), (5, 6)
# What nobody sets: it tells what people do.
OBSERVED = ("person.", "device_tracker.", "binary_sensor.", "sensor.")
# So near, what is done at sunrise or sunset is said to be done at it.
AT_THE_SUN_MIN = 2
# A forecast that is so far from the share that was seen is explained; so few occasions say little.
NOTICED = 0.03
FEW = 10


def name(entity_id: str) -> str:
    """An entity id as one would say it; an area or a home has its name already.

    Examples
    --------
    >>> name("light.hall_ceiling"), name("Living room")
    ('hall ceiling (light)', 'Living room')
    """
    domain, _, object_id = entity_id.partition(".")
    if not object_id:
        return domain
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
    >>> seconds_in_words(0.4), seconds_in_words(42.2), seconds_in_words(170)
    ('at once', '42 s', '3 min')
    """
    return "at once" if seconds < 1 else short_time(seconds)


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun, singular or plural.

    Examples
    --------
    >>> counted(1, "day"), counted(2400, "day"), counted(2, "anomaly", "anomalies")
    ('1 day', '2,400 days', '2 anomalies')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def sentence(found: Pattern | Anomaly) -> str:
    """Say what the household does, and how we know; or what is out of order, and what was expected.

    A habit is said as one; what an automation does already is said as that.
    """
    if isinstance(found, Anomaly):
        return f"{claim(found)} {expectation(found)}"
    return f"{claim(found)} {evidence(found)}"


def claim(found: Pattern | Anomaly) -> str:
    """Say what the household does, or what is out of order; without how we know."""
    if isinstance(found, Anomaly):
        return said_of(name(found.detail.entity_id), found.detail.observed)
    return claim_of(found.detail)


@singledispatch
def claim_of(detail: Detail) -> str:
    """Say what a pattern claims. Each kind has words of its own; of one without them, that there is one."""
    return f"{name(detail.principal).capitalize()} shows a pattern of the kind “{kind_in_words(detail)}”."


def kind_in_words(detail: Detail) -> str:
    """Return the kind of a pattern as one would say it.

    Examples
    --------
    >>> kind_in_words(TimeOfDayDetail.model_construct())
    'time of day'
    """
    return detail.pattern_type.replace("_", " ")


def expectation(anomaly: Anomaly) -> str:
    """Say what was expected instead of what is out of order."""
    return said_of("it", anomaly.detail.expected)


def said_of(subject: str, predicate: str) -> str:
    """Make a sentence of a subject and a predicate; what is a sentence already stays as it is.

    Examples
    --------
    >>> said_of("oven (switch)", "has been on for 9 h"), said_of("it", "The oven is usually off.")
    ('Oven (switch) has been on for 9 h.', 'The oven is usually off.')
    """
    words = predicate if predicate[:1].isupper() else f"{subject} {predicate}"
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def evidence(pattern: Pattern) -> str:
    """The evidence in words, and why the forecast is another than what was seen."""
    found = pattern.evidence
    expected = found.base_rate * found.opportunities
    by_chance = f"by chance it would be {f'{expected:.0f}' if expected >= 1 else 'less than one'}"
    seen = "Foreseen right" if pattern.detail.is_forecast else "Seen"
    moved = ""
    if pattern.change is not None:
        before, after = clock(pattern.change.minute_before), clock(pattern.change.minute_after)
        moved = f" It moved from {before} to {after} around {pattern.change.since}."
    return (
        f"{seen} {found.hits} of {counted(found.opportunities, 'time')}, {by_chance}; "
        f"{_leaning(pattern)}next time with {pattern.confidence:.0%} probability.{moved}"
    )


def _leaning(pattern: Pattern) -> str:
    """Say what leads the forecast away from the share that was seen, if anything does."""
    found, sure = pattern.evidence, pattern.confidence
    rate = found.hits / found.opportunities if found.opportunities else 0.0
    if sure > rate + NOTICED:
        habits = found.opportunities < FEW or pattern.detail.is_forecast
        return "such habits usually hold, so " if habits else "counting the last ones most, "
    doubted = found.opportunities < FEW or sure < found.interval[0]
    return "to be cautious, " if doubted and sure < rate - NOTICED else ""


def short_time(seconds: float) -> str:
    """A span of time in short.

    Examples
    --------
    >>> short_time(42), short_time(2700), short_time(6300), short_time(43_000), short_time(201_600)
    ('42 s', '45 min', '1 h 45 min', '12 h', '2 days 8 h')
    """
    if round(seconds) < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60) if minutes < 600 else (round(minutes / 60), 0)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def mostly(low_s: float, high_s: float) -> str:
    """From how long to how long; what is the same in words is said once.

    Examples
    --------
    >>> mostly(2580, 2820), mostly(118, 124)
    ('mostly 43 min to 47 min', 'about 2 min')
    """
    low, high = short_time(low_s), short_time(high_s)
    return f"about {low}" if low == high else f"mostly {low} to {high}"


def sun_in_words(anchor: str, offset_minutes: float) -> str:
    """Say how far it is from sunrise or sunset.

    Examples
    --------
    >>> sun_in_words("sunset", 18.2), sun_in_words("sunrise", -1.4)
    ('18 min after sunset', 'at sunrise')
    """
    distance = round(abs(offset_minutes))
    if distance <= AT_THE_SUN_MIN:
        return f"at {anchor}"
    return f"{distance} min {'after' if offset_minutes > 0 else 'before'} {anchor}"


def deed(target: Target, *, automated: bool = False) -> str:
    """Say who brings an entity to a state.

    Examples
    --------
    >>> deed(Target(entity_id="light.hall", state="on")), deed(Target(entity_id="cover.blind", state="open"))
    ('you turn on hall (light)', 'you open blind (cover)')
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
            return f"you turn {state} {subject}"
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


@claim_of.register
def _time_of_day(detail: TimeOfDayDetail) -> str:
    spread = max(1, round(detail.spread_minutes))
    when = f"{days_in_words(detail.days)} around {clock(detail.minute)} (give or take {spread} min)"
    if detail.anchor in ("sunrise", "sunset") and detail.offset_minutes is not None:
        when += f", {sun_in_words(detail.anchor, detail.offset_minutes)}"
    what = deed(Target(entity_id=detail.entity_id, state=detail.state), automated=detail.automated)
    # Nothing "goes on on weekdays".
    comma = "," if what.endswith(" on") and when.startswith("on ") else ""
    return f"{what[0].upper()}{what[1:]}{comma} {when}."


@claim_of.register
def _co_occurrence(detail: CoOccurrenceDetail) -> str:
    trigger, action = detail.trigger, detail.action
    said = (
        f"When {name(trigger.entity_id)} {becomes(trigger)}, "
        f"{deed(action, automated=detail.automated)} {after(detail.lag_seconds.p50)}"
    )
    conditions = " and ".join(map(condition_in_words, detail.conditions))
    return f"{said}{', ' + conditions if conditions else ''}."


@claim_of.register
def _sequence(detail: SequenceDetail) -> str:
    first, *others = detail.steps
    said = [f"When {name(first.entity_id)} {becomes(first)}"]
    said += [
        f"{deed(step)} {after(step.lag_seconds.p50) if step.lag_seconds else ''}".strip() for step in others
    ]
    return f"{', '.join(said[:-1])} and then {said[-1]}."


@claim_of.register
def _duration(detail: DurationDetail) -> str:
    target = Target(entity_id=detail.entity_id, state=detail.state)
    usual = mostly(detail.seconds.p10, detail.seconds.p90)
    length = usual if usual.startswith("about ") else f"{short_time(detail.seconds.p50)}, {usual}"
    conditions = " and ".join(map(condition_in_words, detail.conditions))
    said = f"When {name(target.entity_id)} {becomes(target)}, that lasts {length}"
    return f"{said}{', ' + conditions if conditions else ''}."


def after(lag_s: float) -> str:
    """Say how long after something it is.

    Examples
    --------
    >>> after(0.2), after(42)
    ('at once', 'after 42 s')
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
