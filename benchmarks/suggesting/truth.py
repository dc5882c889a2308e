"""Proposals against what was planted.

A proposal is right where a planted habit has its entity and state, most of its days and about its time (a
quarter of an hour or a standard deviation), where a planted pair has its action and its trigger, or one that
cannot be told from it, or where a planted chain has its steps, or two next to each other. It
is neutral where people do it regularly though it was not planned for itself: they light their way, do several
things after getting up, put things back.
"""

from typing import Any, Literal

from benchmarks.quality.homes import House, second_generator
from pipeline.automations.service_map import state_after
from pipeline.simulation import Household
from pipeline.simulation.scoring import score
from pipeline.suggestions.assembly import Offer
from schemas.events import EventType
from schemas.patterns import CoOccurrenceDetail, Pattern, SequenceDetail, Target, TimeOfDayDetail

# Reasons for which our own judge calls neutral what follows a planted chain, or a pair by another sensor.
FOLLOWING = ("part of a chain", "on the way")
Judgement = Literal["right", "neutral", "wrong"]
NEVER = ("lock", "alarm_control_panel")


def judge(house: House, pattern: Pattern, days: int) -> Judgement:
    """Say whether what is proposed was planted, as it stood after so many days."""
    if isinstance(house.made, Household):
        until = house.made.calendar.moment(days, 0)
        (verdict,) = score(house.made.truth, (pattern,), until=until).verdicts
        return "right" if verdict.why in FOLLOWING else verdict.judgement
    return _judge_second(house.made, pattern, days)


def is_never(offer: Offer) -> bool:
    """Whether it unlocks, locks, arms or disarms anything."""
    return any(action.entity_id.partition(".")[0] in NEVER for action in offer.automation.actions)


def is_automated(house: House, offer: Offer) -> bool:
    """Whether an automation, visible or not, already does what is proposed to the same entity."""
    return not _automated(house.made).isdisjoint(
        EventType(action.entity_id, state_after(action) or "") for action in offer.automation.actions
    )


def _automated(made: Any) -> set[EventType]:
    if isinstance(made, Household):
        actions = (each.action for each in made.truth.automations)
        return {EventType(action.entity_id, action.state) for action in actions}
    timed = {EventType(each["entity_id"], each["state"]) for each in made.truth.time_automations}
    return timed | {EventType(*each.act) for each in made.truth.automations}


def _judge_second(made: Any, pattern: Pattern, days: int) -> Judgement:
    simulator = second_generator("simulator")
    match pattern.detail:
        case TimeOfDayDetail() as detail:
            found = simulator.score_time(made, days, [detail.model_dump()])
            return "right" if found["tp"] else "wrong" if found["fp"] else "neutral"
        case CoOccurrenceDetail(trigger=trigger, action=action):
            found = simulator.score_pairs(made, days, [{"trigger": _key(trigger), "action": _key(action)}])
            right = found["tp"] or found["proxy"]
            return "right" if right else "wrong" if found["fp"] else "neutral"
        case SequenceDetail(steps=steps):
            planted = [[tuple(step) for step in chain.steps] for chain in made.truth.chains]
            return "right" if [_key(step) for step in steps] in planted else "wrong"
        case _:
            return "neutral"


def _key(target: Target) -> tuple[str, str]:
    return target.entity_id, target.state
