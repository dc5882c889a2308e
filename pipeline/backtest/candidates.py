"""Candidate automations of a pattern: all variants worth trying."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

from pydantic import ValidationError

from pipeline.automations.safety import is_allowed_service
from pipeline.automations.service_map import action_for
from pipeline.automations.typical import UsualValues
from schemas.automations import (
    LONGEST_WAIT_S,
    Action,
    Automation,
    Requirement,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
    Trigger,
)
from schemas.circular_day import MINUTES_A_DAY, wrapped
from schemas.patterns import (
    AtHome,
    Condition,
    CoOccurrenceDetail,
    Detail,
    DurationDetail,
    Pattern,
    Quantiles,
    SequenceDetail,
    Subject,
    Target,
    Temperature,
    TimeOfDayDetail,
    Weekday,
)

DAYS_A_WEEK = 7
NO_SUN: Mapping[str, float] = {}
# A habit scatters around its time: an automation that comes a little before has it done in time more often.
EARLIER_SPREADS = (0.0, 0.5, 1.0, 1.5)
LATEST_FROM_SUN_MIN = 360
# Who scatters more is not guided by the clock, and an automation that is would come at the wrong time.
WIDEST_SPREAD_MIN = 12.0
# Before so long nobody has forgotten anything.
SHORTEST_STAY_S = 60
AT_REST: Mapping[str, str] = {"on": "off", "playing": "idle", "open": "closed", "cleaning": "docked"}
# A stay is steady where its lengths differ no more than that: then an automation may end it.
STEADY_RATIO = 2.0


def candidates(
    pattern: Pattern, active: Sequence[Pattern], usual: UsualValues, sun: Mapping[str, float] = NO_SUN
) -> list[Automation]:
    """Return all automations that could do what a pattern describes, the simplest first.

    There are none of what an automation does already, nor of what no allowed service brings about.

    Parameters
    ----------
    pattern
        What people do.
    active
        All that is known of the home now: durations tell when what was switched on goes off again.
    usual
        The values that go with what is done.
    sun
        Local minutes of ``sunrise`` and ``sunset`` now; where it is left out, only habits that are known to
        follow the sun are given a trigger by it.
    """
    if pattern.detail.automated or pattern.status != "active" or pattern.subject is not Subject.ENTITY:
        return []
    try:
        return _distinct(_variants(pattern.detail, _Known(active, usual, sun)))
    except ValidationError:
        # A state or an entity that Home Assistant could take for a template is nothing to propose.
        return []


def _distinct(automations: Iterable[Automation]) -> list[Automation]:
    found: list[Automation] = []
    for automation in automations:
        if automation not in found:
            found.append(automation)
    return found


class _Known(NamedTuple):
    active: Sequence[Pattern]
    usual: UsualValues
    sun: Mapping[str, float]


@singledispatch
def _variants(detail: Detail, known: _Known) -> Iterator[Automation]:
    """Yield the automations of a kind of pattern; none of a kind that says nothing of how to do it."""
    del detail, known
    yield from ()


@_variants.register
def _at_a_time(detail: TimeOfDayDetail, known: _Known) -> Iterator[Automation]:
    action = _action(detail.entity_id, detail.state, known.usual)
    if action is None or detail.spread_minutes > WIDEST_SPREAD_MIN:
        return
    days: tuple[Requirement, ...] = () if len(detail.days) == DAYS_A_WEEK else (Weekday(days=detail.days),)
    for trigger in _times(detail, known.sun):
        for actions in _with_partner((action,), known.active):
            yield Automation(trigger=trigger, conditions=days, actions=actions)
            yield Automation(trigger=trigger, conditions=(*days, AtHome()), actions=actions)


def _times(detail: TimeOfDayDetail, sun: Mapping[str, float]) -> Iterator[Trigger]:
    earlier = [share * detail.spread_minutes for share in EARLIER_SPREADS]
    if detail.anchor in ("clock", "undetermined"):
        for minutes in earlier:
            yield TimeTrigger(minute=round(detail.minute - minutes) % MINUTES_A_DAY)
    for event in ("sunrise", "sunset"):
        offset = detail.offset_minutes if detail.anchor == event else None
        if detail.anchor == "undetermined" and event in sun:
            offset = wrapped(detail.minute - sun[event])
        for minutes in earlier:
            if offset is not None and abs(offset - minutes) <= LATEST_FROM_SUN_MIN:
                yield SunTrigger(event=event, offset_minutes=round(offset - minutes))


@_variants.register
def _after_another(detail: CoOccurrenceDetail, known: _Known) -> Iterator[Automation]:
    action = _action(detail.action.entity_id, detail.action.state, known.usual)
    if action is None:
        return
    learned = _requirements(detail.conditions)
    for conditions in dict.fromkeys(((), learned, (AtHome(),), (*learned, AtHome()))):
        if sum(isinstance(condition, AtHome) for condition in conditions) > 1:
            continue
        for wait_s in _waits(detail.lag_seconds):
            trigger = StateTrigger(
                entity_id=detail.trigger.entity_id, to=detail.trigger.state, for_seconds=wait_s
            )
            for actions in _with_partner((action,), known.active):
                yield Automation(trigger=trigger, conditions=conditions, actions=actions)


def _waits(lag: Quantiles) -> list[int]:
    """Return the values worth trying for how long the trigger has to last, in seconds."""
    return sorted({0, *(min(int(seconds), LONGEST_WAIT_S) for seconds in (lag.p10, lag.p50))})


@_variants.register
def _in_a_chain(detail: SequenceDetail, known: _Known) -> Iterator[Automation]:
    first, *others = detail.steps
    trigger = StateTrigger(entity_id=first.entity_id, to=first.state)
    actions = []
    for step in others:
        action = _action(step.entity_id, step.state, known.usual)
        if action is None:
            return
        wait_s = min(round(step.lag_seconds.p50), LONGEST_WAIT_S) if step.lag_seconds else 0
        actions.append(action.model_copy(update={"after_seconds": wait_s}))
    for conditions in ((), *_conditions_of(first, others[0], known.active)):
        yield Automation(trigger=trigger, conditions=conditions, actions=tuple(actions))


def _conditions_of(
    trigger: Target, action: Target, active: Sequence[Pattern]
) -> Iterator[tuple[Requirement, ...]]:
    """Return the learned conditions under which the one leads to the other."""
    subject = (trigger.entity_id, trigger.state, action.entity_id, action.state)
    for pattern in active:
        if isinstance(pattern.detail, CoOccurrenceDetail) and pattern.detail.subject == subject:
            yield _requirements(pattern.detail.conditions)


@_variants.register
def _after_a_while(detail: DurationDetail, known: _Known) -> Iterator[Automation]:
    action = _action(detail.entity_id, AT_REST.get(detail.state, ""), known.usual)
    if action is None or not _is_steady(detail):
        return
    for seconds in (detail.seconds.p50, detail.seconds.p90):
        if SHORTEST_STAY_S <= seconds <= LONGEST_WAIT_S:
            trigger = StateTrigger(entity_id=detail.entity_id, to=detail.state, for_seconds=round(seconds))
            yield Automation(trigger=trigger, actions=(action,))
            if detail.conditions:
                conditions = _requirements(detail.conditions)
                yield Automation(trigger=trigger, conditions=conditions, actions=(action,))


def _with_partner(actions: tuple[Action, ...], active: Sequence[Pattern]) -> Iterator[tuple[Action, ...]]:
    """Yield the actions alone, and with one that ends again what people leave on for a steady time."""
    yield actions
    last = actions[-1]
    for pattern in active:
        detail = pattern.detail
        if not isinstance(detail, DurationDetail) or detail.entity_id != last.entity_id:
            continue
        begun, ended = action_for(detail.entity_id, detail.state), AT_REST.get(detail.state, "")
        partner = action_for(last.entity_id, ended)
        same = begun is not None and begun.service == last.service
        if not (same and partner) or detail.automated or not _is_steady(detail):
            continue
        if SHORTEST_STAY_S <= detail.seconds.p50 <= LONGEST_WAIT_S:
            yield (*actions, partner.model_copy(update={"after_seconds": round(detail.seconds.p50)}))


def _is_steady(detail: DurationDetail) -> bool:
    return detail.seconds.p90 <= STEADY_RATIO * detail.seconds.p10


def _action(entity_id: str, state: str, usual: UsualValues) -> Action | None:
    action = action_for(entity_id, state)
    if action is None:
        return None
    applied = usual.apply(action, state)
    return applied if is_allowed_service(applied.service) else None


def _requirements(conditions: Sequence[Condition]) -> tuple[Requirement, ...]:
    return tuple(
        TemperatureOf.model_validate(condition.model_dump(round_trip=True))
        if isinstance(condition, Temperature)
        else condition
        for condition in conditions
    )
