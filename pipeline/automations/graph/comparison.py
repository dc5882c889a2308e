"""Comparison of two links: they do the same, the opposite, or one starts the other."""

from pipeline.automations.graph.parts import Clock, Effect, Link, Message, Passes, Reaches, Start, Sun
from pipeline.automations.parser.values import number
from schemas.circular_day import MINUTES_A_DAY, apart

# So near, two times of the day are the same occasion.
SAME_MINUTES = 15.0
# So near after each other, one effect undoes the other; later, it ends what was meant to last so long.
UNDOING_MINUTES = 5.0
UNDOING_S = 60.0
# By so small a share, bounds differ without being meant to.
SAME_BOUND = 0.1
# Settings that differ by less, such as 20.5 and 21 degrees, are meant to be the same.
SAME_VALUE = 0.75
ALIKE = frozenset({"on", "playing"})


def is_same(one: Link, other: Link) -> bool:
    """Return whether both do the same with an entity on the same occasion, whatever their delays."""
    return (
        _concern_the_same(one.effect, other.effect)
        and _come_to_the_same(one.effect, other.effect)
        and _is_same_occasion(one, other)
        and one.scope.meets(other.scope)
    )


def is_opposite(one: Link, other: Link) -> bool:
    """Return whether one undoes at about the same moment what the other does with an entity.

    Not where the other's conditions are unknown: they may be what keeps the two apart.
    """
    return (
        _concern_the_same(one.effect, other.effect)
        and not _come_to_the_same(one.effect, other.effect)
        and _is_same_occasion(one, other)
        and _is_same_moment(one, other)
        and other.scope.is_known
        and one.scope.meets(other.scope)
    )


def leads_to(link: Link, following: Link) -> bool:
    """Return whether the effect of one link is the start of the other."""
    effect, start = link.effect, following.start
    if effect.aspect != "state" or not link.scope.meets(following.scope):
        return False
    match start:
        case Reaches(effect.entity_id, None, besides=besides):
            return effect.value not in besides
        case Reaches(effect.entity_id, str(state)):
            return effect.value is None or _is_value(effect.value, state)
        case Passes(effect.entity_id, above, below):
            value = None if effect.value is None else number(effect.value)
            return value is not None and (above is None or value > above) and (below is None or value < below)
    return False


def _concern_the_same(one: Effect, other: Effect) -> bool:
    return (one.entity_id, one.aspect) == (other.entity_id, other.aspect)


def _come_to_the_same(one: Effect, other: Effect) -> bool:
    """Return whether two effects end in the same state; False for a toggle, whose end is not known."""
    return one.value is not None and other.value is not None and _is_value(one.value, other.value)


def _is_value(value: str | float, other: str | float) -> bool:
    first, second = number(value), number(other)
    if first is not None and second is not None:
        return abs(first - second) <= SAME_VALUE
    return value == other or {value, other} <= ALIKE


def _is_same_occasion(one: Link, other: Link) -> bool:
    match one.start, other.start:
        case (Clock(), Clock()) | (Sun(), Sun()):
            return _minutes_apart(one, other) <= SAME_MINUTES
        case Reaches(entity_id) as reached, Reaches(same) as other_reached:
            return entity_id == same and _may_be_one(reached, other_reached)
        case Passes(entity_id) as passed, Passes(same) as other_passed:
            return entity_id == same and any(_bounds(passed, other_passed))
        case Message(topic), Message(same):
            return topic == same
    return False


def _may_be_one(one: Reaches, other: Reaches) -> bool:
    """Return whether one change can start both."""
    if one.state is None or other.state is None:
        return one.state not in other.besides and other.state not in one.besides
    return one.state == other.state


def _is_same_moment(one: Link, other: Link) -> bool:
    first, second = one.start, other.start
    if isinstance(first, Clock | Sun):
        return _minutes_apart(one, other) <= UNDOING_MINUTES
    if isinstance(first, Passes) and isinstance(second, Passes):
        apart = (abs(a - b) <= SAME_BOUND * max(abs(a), abs(b)) for a, b in _bounds(first, second))
        if not any(apart):
            return False
    return abs(_lag_s(one) - _lag_s(other)) <= UNDOING_S


def _bounds(one: Passes, other: Passes) -> list[tuple[float, float]]:
    """Return the pairs of bounds, above or below, that both have."""
    both = (one.above, other.above), (one.below, other.below)
    return [(first, second) for first, second in both if first is not None and second is not None]


def _minutes_apart(one: Link, other: Link) -> float:
    """Return the minutes between two effects that start by the clock, or by one event of the sun."""
    if isinstance(one.start, Sun) and isinstance(other.start, Sun) and one.start.event != other.start.event:
        return MINUTES_A_DAY
    return apart(_minute(one), _minute(other))


def _minute(link: Link) -> float:
    return _offset_minutes(link.start) + link.effect.after_seconds / 60


def _offset_minutes(start: Start) -> float:
    match start:
        case Clock(minute) | Sun(_, minute):
            return minute
    return 0.0


def _lag_s(link: Link) -> float:
    """Return the seconds from a link's event to its effect."""
    waiting_s = link.start.for_seconds if isinstance(link.start, Reaches | Passes) else 0.0
    return waiting_s + link.effect.after_seconds
