"""Offers: of every pattern the variant with the least regret, one for each habit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.automations.safety import refusals, runs_too_often
from pipeline.automations.typical import UsualValues
from pipeline.backtest.backtest import Tried, tried
from pipeline.backtest.candidates import candidates
from pipeline.backtest.confounding import moved_together
from pipeline.backtest.past import Past
from pipeline.suggestions.assembly import Offer
from schemas.patterns import Pattern

FEWEST_WANTED = 8
"""So often at least somebody must have done it themselves: fewer times prove no automation."""

LEAST_E_VALUE = 1e6
"""Acting for people asks for more proof than telling them what was found."""

WORTH_A_CHANGE = 0.02
"""Saved actions a day by which a variant must be better than a plainer one."""

SAME_SHARE = 0.5
"""Two automations are the same to people where half of what one stands for is also the other's."""


@dataclass(frozen=True, slots=True)
class _Best:
    offer: Offer
    tried: Tried


def propose(
    past: Past, patterns: Sequence[Pattern], usual: UsualValues, *, minimum_confidence: float
) -> list[Offer]:
    """Propose automations, best first: those with the lowest regret.

    Parameters
    ----------
    past
        What they are tried on.
    patterns
        The active patterns of the home.
    usual
        The values that go with what people do.
    minimum_confidence
        Share of the runs to come that must be wanted.
    """
    moved = moved_together(patterns, past)
    found = [
        best
        for pattern in patterns
        if pattern.id not in moved
        for best in _best(past, pattern, patterns, usual, minimum_confidence)
    ]
    found.sort(key=lambda best: (best.offer.trial.regret, best.offer.pattern.id))
    kept: list[_Best] = []
    for best in found:
        if not any(_same(best.tried, other.tried) for other in kept):
            kept.append(best)
    return [best.offer for best in kept]


def _best(
    past: Past, pattern: Pattern, patterns: Sequence[Pattern], usual: UsualValues, minimum_confidence: float
) -> Iterator[_Best]:
    """Yield the best variant of a pattern, if one is good enough."""
    best: _Best | None = None
    if pattern.evidence.e_value < LEAST_E_VALUE:
        return
    for automation in candidates(pattern, patterns, usual, past.sun_now()):
        if refusals(automation, None):
            continue
        result = tried(automation, past, pattern)
        if result.trial.wanted < FEWEST_WANTED or runs_too_often(result.trial):
            continue
        if result.rates.precision < minimum_confidence or result.trial.regret >= 0:
            continue
        if best is None or result.trial.regret < best.tried.trial.regret - WORTH_A_CHANGE:
            best = _Best(Offer(pattern=pattern, automation=automation, trial=result.trial), result)
    if best is not None:
        yield best


def _same(one: Tried, other: Tried) -> bool:
    """Return whether both match mostly the same uses."""
    fewer = min(len(one.uses), len(other.uses))
    return len(one.uses & other.uses) >= SAME_SHARE * fewer
