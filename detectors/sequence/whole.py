"""Whole chains: of all that hold, those that are not parts or variants of another one."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from detectors.evidence import lower_bound
from detectors.following.log import Ids
from detectors.following.trials import Candidates
from detectors.sequence.attempts import Attempts

LEAST_SHARE = 0.5
MUCH_OVERLAP = 0.5
EVENTS_SHARED = 2


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain that holds; `runs` are the events of each run, one row a run."""

    steps: tuple[int, ...]
    log_e: float
    chance: float
    runs: Ids
    attempts: Attempts

    def is_led_to(self, least_rate: float) -> bool:
        """Tell whether the first step surely leads through all of it that often."""
        hits = self.attempts.hits
        return bool(hits.any()) and lower_bound(int(np.count_nonzero(hits)), len(hits)) >= least_rate

    def is_shadow(self, found: Candidates) -> bool:
        """Tell whether one of its steps is known to follow on something else than the step before it.

        So it is with what follows on one thing, each for itself, though always in the same order.
        """
        for place, step in enumerate(self.steps):
            causes = found.triggers[found.actions == step]
            if place and len(causes) and self.steps[place - 1] not in causes:
                return True
        return False


def whole(chains: Iterable[Chain]) -> Generator[None, None, list[Chain]]:
    """Keep the longest chains, and of what shares most of its events with one of them nothing.

    A chain that is another one with a step before it stays only if that step is seen in half of the runs.
    Pauses after each.
    """
    chains = list(chains)
    supports = {chain.steps: len(chain.runs) for chain in chains}
    kept: list[Chain] = []
    for chain in sorted(chains, key=lambda c: (-len(c.steps), -len(c.runs), c.steps)):
        begun = len(chain.runs) >= LEAST_SHARE * supports.get(chain.steps[1:], 0)
        if begun and not any(_is_told(chain, by) for by in kept):
            kept.append(chain)
        yield None
    return sorted(kept, key=lambda c: c.steps)


def _is_told(chain: Chain, by: Chain) -> bool:
    shared = np.isin(chain.runs, by.runs).sum(axis=1) >= EVENTS_SHARED
    return bool(np.mean(shared) >= MUCH_OVERLAP)
