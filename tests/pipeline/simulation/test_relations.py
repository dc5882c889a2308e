"""Pairs, chains, bundles, durations and derived entities in the generated household."""

from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Any

import pytest

from schemas.patterns import AtHome, Dark, Hours, Temperature, Weekday


def state_at(states: list[tuple[float, str]], at: float) -> str | None:
    """Return the state that was shown at a moment."""
    place = bisect_right(states, (at, "￿"))
    return states[place - 1][1] if place else None


def test_pairs_answer_with_their_probability(generated: Any) -> None:
    """A pair answers its share of the triggers that it applies to, within a few lags."""
    for pair in generated.household.truth.pairs:
        assert pair.trials >= 6
        deviation = sqrt(pair.probability * (1 - pair.probability) / pair.trials)
        assert len(pair.occurrences) / pair.trials == pytest.approx(pair.probability, abs=3.5 * deviation)
        lags = [acted - triggered for triggered, acted in pair.occurrences]
        assert all(0 < lag < 6 * pair.lag_seconds for lag in lags)
        assert median(lags) == pytest.approx(pair.lag_seconds, rel=0.45)


def test_every_kind_of_condition_is_planted(generated: Any) -> None:
    """There are plain pairs, and pairs under each condition that patterns know."""
    kinds = Counter(
        pair.conditions[0].kind if pair.conditions else "" for pair in generated.household.truth.pairs
    )
    assert kinds == {"": 4, "dark": 2, "hours": 1, "weekday": 1, "temperature": 1, "home": 1}


def test_pairs_answer_under_their_condition_only(generated: Any) -> None:
    """Darkness, hours, weekday and temperature hold whenever a conditional pair came about."""
    calendar = generated.household.calendar
    checked = set()
    for pair in generated.household.truth.pairs:
        for condition in pair.conditions:
            for at, _ in pair.occurrences:
                match condition:
                    case Dark():
                        assert calendar.is_dark(at)
                    case Hours(after=after, before=before):
                        assert after <= calendar.minute(at) / 60 < before
                    case Weekday(days=days):
                        assert calendar.date(calendar.day(at)).weekday() in days
                    case Temperature(entity_id=entity_id, below=below):
                        reading = state_at(generated.courses[entity_id], at)
                        assert below is not None
                        assert reading in {None, "unavailable"} or float(reading) < below
                    case AtHome():
                        persons = [generated.courses[f"person.{name}"] for name in ("alex", "robin")]
                        # Who just left or comes is told a little later.
                        assert any(state_at(states, at + 300) in {"home", None} for states in persons) or any(
                            state_at(states, at - 300) in {"home", None} for states in persons
                        )
            checked.add(condition.kind)
    assert checked == {"dark", "hours", "weekday", "temperature", "home"}


def test_conditional_triggers_happen_in_vain_too(generated: Any) -> None:
    """A condition can be learned: triggers come while it does not hold."""
    for pair in generated.household.truth.pairs:
        if pair.conditions:
            triggers = [
                at for at, state in generated.courses[pair.trigger.entity_id] if state == pair.trigger.state
            ]
            assert len(triggers) > 1.2 * pair.trials


def test_chains_run_in_order(generated: Any) -> None:
    """Chains of three and four steps run through often, each step some lags after the one before."""
    chains = generated.household.truth.chains
    assert {len(chain.steps) for chain in chains} == {3, 4}
    for chain in chains:
        assert len(chain.occurrences) >= 8
        assert len(chain.occurrences) <= chain.trials
        for run in chain.occurrences:
            gaps = [later - earlier for earlier, later in pairwise(run)]
            pairs = zip(gaps, chain.lag_seconds, strict=True)
            assert all(0 < gap < 5 * lag + 1 for gap, lag in pairs)


def test_chains_begin_at_any_time(generated: Any) -> None:
    """No two hours hold half of a chain's runs: it is no habit of the clock."""
    calendar = generated.household.calendar
    for chain in generated.household.truth.chains:
        hours = Counter(calendar.minute(run[0]) // 120 for run in chain.occurrences)
        assert max(hours.values()) <= len(chain.occurrences) / 2


def test_bundles_have_no_order(generated: Any) -> None:
    """The members of a bundle come close together, each of two as often first as second, roughly."""
    for bundle in generated.household.truth.bundles:
        courses = [
            [at for at, state in generated.courses[member.entity_id] if state == member.state]
            for member in bundle.members[:2]
        ]
        orders: Counter[bool] = Counter()
        for cause in bundle.occurrences:
            until = cause + bundle.within_seconds + 5
            one, other = (next((at for at in times if cause <= at < until), None) for times in courses)
            if one is not None and other is not None:
                orders[one < other] += 1
        assert min(orders[True], orders[False]) >= 2


def test_durations_are_those_in_the_stream(generated: Any) -> None:
    """A stay that is noted ends in the stream when it says, and the typical length is what was planted."""
    checked = 0
    for duration in generated.household.truth.durations:
        ends = {round(at, 1) for at, _ in generated.courses[duration.entity_id]}
        for begin, length in duration.occurrences:
            assert {round(begin + length + shift, 1) for shift in (-0.1, 0, 0.1)} & ends
        if duration.stretch is None and len(duration.occurrences) > 10:
            middle = median(length for _, length in duration.occurrences)
            assert middle == pytest.approx(duration.median_seconds, rel=0.35)
            checked += 1
    assert checked >= 3


def test_some_durations_depend_on_when_they_begin(generated: Any) -> None:
    """In the evening, or at the weekend, some devices stay on for longer."""
    calendar = generated.household.calendar
    seen = set()
    for duration in generated.household.truth.durations:
        if duration.stretch is None:
            continue
        sides: dict[bool, list[float]] = {True: [], False: []}
        for begin, length in duration.occurrences:
            weekend = calendar.date(calendar.day(begin)).weekday() >= 5
            evening = calendar.minute(begin) >= 1080
            sides[weekend if duration.stretch == "weekend" else evening].append(length)
        assert median(sides[True]) > 1.3 * median(sides[False])
        seen.add(duration.stretch)
    assert seen == {"weekend", "evening"}


def test_a_template_keeps_its_source_context_and_a_plug_has_its_own(generated: Any) -> None:
    """A template changes at once under its source's context, what power tells seconds later under its own."""
    contexts: dict[str, dict[str, float]] = {}
    for change in generated.behaviour:
        context = change["new_state"]["context"]["id"]
        contexts.setdefault(change["entity_id"], {})[context] = generated.moment(change)
    told = set()
    for derived in generated.household.truth.derived:
        sources = {context: at for source in derived.sources for context, at in contexts[source].items()}
        shared = [context for context in contexts[derived.entity_id] if context in sources]
        if derived.kind == "power":
            assert shared == []
            lags = [
                min((at - source for source in sources.values() if source <= at), default=0)
                for at in contexts[derived.entity_id].values()
            ]
            assert median(lags) < 7
        else:
            assert len(shared) == len(contexts[derived.entity_id])
            assert all(contexts[derived.entity_id][c] - sources[c] < 0.1 for c in shared)
        told.add(derived.kind)
    assert told == {"group", "template", "power"}


def test_what_is_derived_agrees_with_its_source(generated: Any) -> None:
    """A minute after a source came to a state, what is derived from it tells the same, restarts apart."""
    restarts, checked = generated.household.truth.restarts, 0
    for derived in generated.household.truth.derived:
        states = generated.courses[derived.entity_id]
        (source, *others) = derived.sources
        if others:
            continue
        for at, state in generated.courses[source]:
            restarting = any(restart - 60 < at < restart + 120 for restart in restarts)
            if not restarting and len(states) > 1 and at > states[0][0]:
                expected = "on" if state in {"on", "playing"} else "off"
                later = state_at(generated.courses[source], at + 60)
                if later == state:
                    assert state_at(states, at + 60) == expected
                    checked += 1
    assert checked >= 50
