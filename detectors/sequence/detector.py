"""The sequence detector: chains of three steps and more that people take in one order."""

from collections.abc import Generator, Iterator, Mapping
from itertools import compress

import numpy as np

from detectors.evidence import accept
from detectors.following.day_table import is_action, tabulate
from detectors.following.log import Log
from detectors.following.nulls import dwell_times
from detectors.following.screening import nominate
from detectors.following.tabulating import Tabulating, share
from detectors.following.timeline import Timeline
from detectors.following.trials import Candidates
from detectors.history import Aggregate, Day, History
from detectors.sequence.attempts import attempt
from detectors.sequence.chains import Chains, gathered, grow
from detectors.sequence.links import joined, link, pairs_of
from detectors.sequence.report import tell
from detectors.sequence.whole import Chain, whole
from schemas.patterns import Pattern, PatternType

PAIRS = PatternType.CO_OCCURRENCE.value
CHAINS_A_SLICE = 16
MOST_CHAINS = 500
"""Of one length: a routine of twenty steps has forty thousand parts of six."""
MOST_STEPS_BEFORE = 4
"""Of what preceded an action on one day, so much is kept: a chain's step mostly has one that does."""


class Sequence(Tabulating):
    """Find the chains of steps that people take in one order, each whole and once.

    Chains grow from pairs: an action, or what a pair that was found starts with, and the next action after
    it. A step is added where it follows on all the steps before it: within its own time, in more than half
    of the cases, and not because somebody is active or because it was due. Where a pair says that a step
    follows on something else, there is no chain. Evidence is that of a chain's weakest joint, an e-value,
    under false discovery control (e-BH). Reported is the longest form of each chain, and none of its parts.

    An opportunity is a use of the first step while no later step's entity is in its state already; it is a
    hit if all steps follow in order, each within its own time. Since a first step may be taken for other
    reasons too, confidence in a chain may be well below one half, though its later steps are all but
    certain.

    Judging 60 days of 1,700 event types takes half a second, closing a day 0.4 microseconds an event. Memory:
    day tables of actions as arrays, a cache of some 7 kB a day.

    Parameters
    ----------
    alpha
        False discovery rate among what is reported.
    least_sure_rate
        Least lower bound (90 %) of the share of uses of the first step that lead through the whole chain.
    most_steps
        Steps of a chain at most: longer ones are told in parts that join.
    half_life_days
        Days after which an opportunity counts half in the confidence.

    Examples
    --------
    >>> Sequence(most_steps=2)
    Traceback (most recent call last):
    ValueError: expected most_steps of at least 3, got 2

    References
    ----------
    H. Mannila, H. Toivonen, A. I. Verkamo (1997). Discovery of frequent episodes in event sequences. Data
    Mining and Knowledge Discovery 1(3), 259-289. doi:10.1023/A:1009748302351
    """

    kind = PatternType.SEQUENCE.value

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        least_sure_rate: float = 0.15,
        most_steps: int = 6,
        half_life_days: float = 14.0,
    ) -> None:
        super().__init__(alpha=alpha, half_life_days=half_life_days)
        if most_steps < 3:
            raise ValueError(f"expected most_steps of at least 3, got {most_steps}")
        self.least_sure_rate = share("least_sure_rate", least_sure_rate)
        self.most_steps = most_steps

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return tabulate(day, triggers_are=is_action, most_triggers=MOST_STEPS_BEFORE)

    def detect(self, history: History) -> Iterator[Pattern | None]:
        if not any(len(day.at_ms) for day in history.days):
            return
        log = Log.of(history.days)
        yield None
        nominated, tested = yield from nominate(self._tables, log, history, self.kind)
        found = pairs_of(log, history.found.get(PAIRS, ()))
        candidates = joined(nominated, found)
        yield None
        timeline = Timeline.of(log, candidates.triggers, candidates.actions)
        links = yield from link(timeline, candidates)
        lengths = yield from self._grow(timeline, links)
        holding = yield from self._verify(timeline, lengths, _joints(log, tested))
        chains = yield from whole(chain for chain in holding if not chain.is_shadow(found))
        for chain in chains:
            yield tell(timeline, chain, history, self.half_life_days)

    def _grow(self, timeline: Timeline, links: Chains) -> Generator[None, None, list[Chains]]:
        """Grow chains from links, of three steps, of four, and so on."""
        dwells = dwell_times(timeline)
        lengths = [links]
        while len(lengths[-1]) and len(lengths) < self.most_steps - 1:
            parts: list[Chains] = []
            for part in grow(timeline, lengths[-1], links, dwells):
                parts.append(part)
                yield None
            lengths.append(gathered(parts, steps=len(lengths) + 2).best(MOST_CHAINS))
        return lengths[1:]

    def _verify(
        self, timeline: Timeline, lengths: list[Chains], joints_tested: int
    ) -> Generator[None, None, list[Chain]]:
        """Find the chains with evidence enough for all that was tested, which their first step leads to."""
        log_e = np.concatenate([[], *(chains.log_e() for chains in lengths)])
        believed = accept(np.exp(log_e), self.alpha, max(joints_tested, len(log_e)))
        places = [(chains, place) for chains in lengths for place in range(len(chains))]
        holding: list[Chain] = []
        for nth, (chains, place) in compress(enumerate(places), believed):
            steps, windows = chains.steps[place].tolist(), chains.windows[place].tolist()
            chain = Chain(
                steps=tuple(steps),
                log_e=float(log_e[nth]),
                chance=float(chains.chance[place]),
                runs=chains.runs(place),
                attempts=attempt(timeline, steps, windows).lately(),
            )
            if chain.is_led_to(self.least_sure_rate):
                holding.append(chain)
            if len(holding) % CHAINS_A_SLICE == 0:
                yield None
        return holding


def _joints(log: Log, tested: Candidates) -> int:
    """Return how many chains of three steps the pairs make that were tested."""
    count = len(log.types)
    into, out_of = (np.bincount(ends, minlength=count) for ends in (tested.actions, tested.triggers))
    return int(into @ out_of)
