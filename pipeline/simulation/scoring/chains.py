"""Finds of several steps against the planted chains."""

from collections.abc import Iterable

from pipeline.simulation.scoring.grounds import Grounds, entity_state
from pipeline.simulation.scoring.scores import Verdict
from pipeline.simulation.truth import Chain, EntityState, Truth
from schemas.patterns import Pattern, SequenceDetail

ENOUGH = 5


def judge_chains(truth: Truth, patterns: Iterable[Pattern], until: float) -> tuple[list[Verdict], list[str]]:
    """Give a verdict on each pattern, and name the chains that could be learned."""
    grounds = Grounds(truth)
    wholes: set[str] = set()
    verdicts = []
    for pattern in patterns:
        if not isinstance(pattern.detail, SequenceDetail):
            continue
        steps = tuple(map(entity_state, pattern.detail.steps))
        verdict = _verdict(pattern, steps, truth.chains, grounds)
        if verdict.judgement == "right" and verdict.planted in wholes:
            verdict = Verdict(pattern, "wrong", "said twice", verdict.planted)
        wholes.add(verdict.planted)
        verdicts.append(verdict)
    learnable = [
        chain.chain_id
        for chain in truth.chains
        if sum(run[-1] < until for run in chain.occurrences) >= ENOUGH
    ]
    return [_repeated(verdict, truth.chains, wholes) for verdict in verdicts], learnable


def _verdict(
    pattern: Pattern, steps: tuple[EntityState, ...], chains: list[Chain], grounds: Grounds
) -> Verdict:
    for chain in chains:
        if _within(chain.steps, steps):
            return Verdict(pattern, "right", "chain", chain.chain_id)
    if any(_within(steps, chain.steps) for chain in chains):
        return Verdict(pattern, "neutral", "part of a chain")
    if grounds.machines & set(steps):
        return Verdict(pattern, "wrong", "machine")
    if any(grounds.is_derived(step.entity_id) for step in steps):
        return Verdict(pattern, "wrong", "derived")
    if any(grounds.follows_people(step.entity_id) or grounds.is_echo(step) for step in steps):
        return Verdict(pattern, "neutral", "follows people")
    return Verdict(pattern, "wrong", "not planted")


def _repeated(verdict: Verdict, chains: list[Chain], wholes: set[str]) -> Verdict:
    """Hold a part against a finding that says the whole as well."""
    detail = verdict.find.detail
    if verdict.why != "part of a chain" or not isinstance(detail, SequenceDetail):
        return verdict
    steps = tuple(map(entity_state, detail.steps))
    if any(chain.chain_id in wholes and _within(steps, chain.steps) for chain in chains):
        return Verdict(verdict.find, "wrong", "said twice")
    return verdict


def _within(part: tuple[EntityState, ...], whole: tuple[EntityState, ...]) -> bool:
    """Return whether the steps of `part` are in `whole` in their order, whatever lies between."""
    rest = iter(whole)
    return all(step in rest for step in part)
