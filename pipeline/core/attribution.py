"""Attribution: the cause of each change, as a function of the sorted day.

Home Assistant gives an automation's effects either the trigger's context as parent or the context of the
automation's own state change, which comes first. A device that reports within five seconds of a service call
inherits that call's context, so a second change under one context that nobody commanded is somebody's hand.
"""

from bisect import bisect_left
from collections.abc import Sequence

from pipeline.core.day_set import DaySet, Record
from schemas.events import Cause

RECENT_CONTEXT_MS = 5_000
DERIVED_WITHIN_MS = 1_000
OBSERVING = ("sensor.", "binary_sensor.")


def attribute(day: DaySet, records: Sequence[Record]) -> tuple[list[Cause], list[bool]]:
    """Return each record's cause, and whether it is derived from another entity's change.

    `records` are those of `day`, sorted: neither order of arrival nor duplicates can change the answer.
    """
    automations = {context_id for _, context_id in day.marks}
    calls = _calls_by_entity(day)
    last_of: dict[tuple[str, str], Record] = {}
    source_of = _sources(records)
    causes: list[Cause] = []
    derived: list[bool] = []
    for record in records:
        context_id = record.context[0]
        cause = _by_context(record, automations)
        before = last_of.get((record.entity_id, context_id)) if context_id else None
        if before is not None and _overridden(record, before):
            cause = _overriding_cause(record, before, cause, calls)
        causes.append(cause)
        source = source_of.get(context_id, record)
        derived.append(
            source.entity_id != record.entity_id and record.at_ms - source.at_ms <= DERIVED_WITHIN_MS
        )
        if context_id:
            last_of[record.entity_id, context_id] = record
    return causes, derived


def _sources(records: Sequence[Record]) -> dict[str, Record]:
    """Return the change that each context began with; of several at one time one that is no sensor's."""
    source_of: dict[str, Record] = {}
    for record in records:
        context_id = record.context[0]
        if not context_id:
            continue
        source = source_of.setdefault(context_id, record)
        if (
            source.at_ms == record.at_ms
            and source.entity_id.startswith(OBSERVING)
            and not record.entity_id.startswith(OBSERVING)
        ):
            source_of[context_id] = record
    return source_of


def _by_context(record: Record, automations: set[str]) -> Cause:
    context_id, parent_id, user_id = record.context
    if parent_id or context_id in automations:
        return Cause.AUTOMATION
    if user_id:
        return Cause.USER
    return Cause.PHYSICAL if context_id else Cause.UNCERTAIN


def _overridden(record: Record, before: Record) -> bool:
    return record.state != before.state and record.at_ms - before.at_ms <= RECENT_CONTEXT_MS


def _overriding_cause(record: Record, before: Record, cause: Cause, calls: dict[str, list[int]]) -> Cause:
    if _called_between(calls.get(record.entity_id, []), before, record):
        return cause
    # A call of a group, an area or a device does not name the entity that it switches.
    if not calls or any(_called_between(times, before, record) for times in calls.values()):
        return cause if cause is Cause.AUTOMATION else Cause.UNCERTAIN
    return Cause.PHYSICAL


def _called_between(times: list[int], before: Record, record: Record) -> bool:
    return bisect_left(times, before.at_ms) < bisect_left(times, record.at_ms)


def _calls_by_entity(day: DaySet) -> dict[str, list[int]]:
    calls: dict[str, list[int]] = {}
    for at_ms, entity_id in sorted(day.calls):
        calls.setdefault(entity_id, []).append(at_ms)
    return calls
