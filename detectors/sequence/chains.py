"""Chains, and how they grow: step by step, each judged by what the steps before it let expect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.evidence import Floats, log_e_values, lower_bound
from detectors.following.log import Flags, Ids, Log
from detectors.following.nulls import base_rates
from detectors.following.timeline import Series, Timeline
from detectors.following.trials import Candidates, Trials, act, already
from detectors.following.tried import LOG_WINDOWS, tally
from detectors.history import Millis

LEAST_HITS = 4
LEAST_RATE, LEAST_SURE_RATE = 0.5, 0.4
AS_GOOD = 0.9
JOINTS_A_SLICE = 200


@dataclass(frozen=True, slots=True)
class Chains:
    """Chains of equally many steps, with every run through them.

    Attributes
    ----------
    steps, windows
        One row a chain: types of the steps; how long each step but the first may take, in milliseconds.
    reached, chances
        One row a chain: how often it came as far as each step but the last; and the probability that from
        there on it would be completed if it were two chains that meet there by chance.
    chance
        Probability, one a chain, that all steps follow on the first one by chance.
    nth, rows
        The runs, sorted by (chain, time of the last step): chain, and the events of the log, one row a run.
    """

    steps: Ids
    windows: Millis
    reached: Ids
    chances: Floats
    chance: Floats
    nth: Ids
    rows: Ids

    def __len__(self) -> int:
        return len(self.steps)

    def supports(self) -> Ids:
        """Return the number of runs of each chain."""
        return np.bincount(self.nth, minlength=len(self))

    def rates(self) -> Floats:
        """Return the rate at which the last step followed on those before it, by chain."""
        return self.supports() / np.maximum(self.reached[:, -1], 1)

    def log_e(self) -> Floats:
        """Logarithms of e-values of each chain's weakest joint: evidence that it is one chain."""
        joints = log_e_values(self.supports()[:, None], self.reached, self.chances)
        return np.asarray(joints.min(axis=1) - LOG_WINDOWS)

    def runs(self, chain: int) -> Ids:
        """The events of one chain's runs."""
        return self.rows[slice(*np.searchsorted(self.nth, (chain, chain + 1)))]

    def best(self, most: int) -> "Chains":
        """So many of them at most: those that are surest to be one chain."""
        chosen = np.zeros(len(self), dtype=np.bool_)
        chosen[np.argsort(-self.log_e(), kind="stable")[:most]] = True
        return self.take(chosen)

    def take(self, chosen: Flags) -> "Chains":
        """Those at the given places, numbered anew."""
        ran = chosen[self.nth]
        return Chains(
            self.steps[chosen],
            self.windows[chosen],
            self.reached[chosen],
            self.chances[chosen],
            self.chance[chosen],
            (np.cumsum(chosen) - 1)[self.nth[ran]],
            self.rows[ran],
        )


def gathered(parts: Sequence[Chains], steps: int) -> Chains:
    """Put chains of so many steps one after the other."""
    joints = np.zeros((0, steps - 1), dtype=np.int64)
    nothing = Chains(
        steps=np.zeros((0, steps), dtype=np.int64),
        windows=joints,
        reached=joints,
        chances=np.zeros((0, steps - 1)),
        chance=np.zeros(0),
        nth=np.zeros(0, dtype=np.int64),
        rows=np.zeros((0, steps), dtype=np.int64),
    )
    parts = [nothing, *parts]
    before = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    return Chains(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.windows for part in parts]),
        np.concatenate([part.reached for part in parts]),
        np.concatenate([part.chances for part in parts]),
        np.concatenate([part.chance for part in parts]),
        np.concatenate([part.nth + first for part, first in zip(parts, before, strict=True)]),
        np.concatenate([part.rows for part in parts]),
    )


def grow(timeline: Timeline, chains: Chains, links: Chains, dwells: Series) -> Iterator[Chains]:
    """Lengthen each chain by each link that begins where it ends, some hundred at a time.

    Of the longer chains those stay whose last step follows on the ones before it in more than half of the
    cases, and about as often as on the one before it alone.
    """
    longer, by = _joints(timeline.log, chains, links)
    for start in range(0, len(longer), JOINTS_A_SLICE):
        part = slice(start, start + JOINTS_A_SLICE)
        yield _lengthen(timeline, chains, links, (longer[part], by[part]), dwells)


def _joints(log: Log, chains: Chains, links: Chains) -> tuple[Ids, Ids]:
    """Return the chains that can be lengthened, and the link for each: it begins where the chain ends."""
    longer, by = np.nonzero(chains.steps[:, -1][:, None] == links.steps[:, 0])
    entities = log.entities[chains.steps[longer]]
    new = (entities != log.entities[links.steps[by, 1]][:, None]).all(axis=1)
    return longer[new], by[new]


def _lengthen(
    timeline: Timeline, chains: Chains, links: Chains, joints: tuple[Ids, Ids], dwells: Series
) -> Chains:
    longer, by = joints
    pairs = Candidates(links.steps[by, 0], links.steps[by, 1], links.windows[by, 0])
    runs, trials = _follow(timeline, chains, longer, pairs)
    hits, opportunities = tally(trials, pairs)
    rates = hits / np.maximum(opportunities, 1)
    chances = base_rates(timeline, pairs, trials, dwells)
    link_rates = links.rates()[by]
    good = (hits >= LEAST_HITS) & (rates >= np.maximum(LEAST_RATE, AS_GOOD * link_rates))
    good[good] = [
        lower_bound(int(k), int(n)) >= LEAST_SURE_RATE
        for k, n in zip(hits[good], opportunities[good], strict=True)
    ]
    done = trials.hits
    steps = np.column_stack([chains.steps[longer], pairs.actions])
    made = Chains(
        steps,
        np.column_stack([chains.windows[longer], pairs.windows]),
        np.column_stack([chains.reached[longer], opportunities]),
        np.column_stack([chains.chances[longer] * link_rates[:, None], chances]),
        chains.chance[longer] * chances,
        trials.nth[done],
        np.column_stack([chains.rows[runs[done]], timeline.actions.rows[trials.done[done]]]),
    )
    return made.take(good)


def _follow(timeline: Timeline, chains: Chains, longer: Ids, pairs: Candidates) -> tuple[Ids, Trials]:
    """Try the next step at the end of every run; return the run that each trial is of, and the trials.

    Of two runs that end in the same next step the later one counts: occurrences are minimal.
    """
    nth, runs = _expand(chains.nth, longer)
    rows = chains.rows[runs, -1]
    at = timeline.log.at[rows]
    actions, windows = pairs.actions[nth], pairs.windows[nth]
    able = ~already(timeline, actions, at) & timeline.log.seen(at, at + windows)
    nth, runs, rows, at = nth[able], runs[able], rows[able], at[able]
    done, lags = act(timeline, actions[able], at, windows[able])
    last = np.ones(len(nth), dtype=np.bool_)
    last[:-1] = (nth[1:] != nth[:-1]) | (done[1:] != done[:-1]) | (done[:-1] < 0)
    return runs[last], Trials(nth[last], at[last], rows[last], done[last], lags[last])


def _expand(nth: Ids, chosen: Ids) -> tuple[Ids, Ids]:
    """For all elements of the chosen numbers: which of the chosen (0, 1, ...) each is of, and its place."""
    starts, ends = np.searchsorted(nth, chosen), np.searchsorted(nth, chosen, side="right")
    counts = ends - starts
    of = np.repeat(np.arange(len(chosen)), counts)
    return of, starts[of] + np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
