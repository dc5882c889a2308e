"""Other explanations of a pair than a habit: somebody is active, the action was due, or it came first."""

import numpy as np
from numpy.typing import NDArray

from detectors.following.log import NEVER, Flags, Ids
from detectors.following.timeline import Series, Timeline
from detectors.following.trials import Candidates, Trials, act, already
from detectors.history import Millis

Rates = NDArray[np.float64]

FAR_SHIFTS_MS = (-1_500_000, -1_100_000, -700_000, 700_000, 1_100_000, 1_500_000)
PRIOR = 0.5
NEAR_WEIGHT = 4.0
LEAST_RATIO = 3


def base_rates(timeline: Timeline, candidates: Candidates, trials: Trials, dwells: Series) -> Rates:
    """Probability of a hit without a habit, for each candidate: the greater of what the two nulls say."""
    return np.maximum(
        active_rates(timeline, candidates, trials), due_rates(timeline, candidates, trials, dwells)
    )


def active_rates(timeline: Timeline, candidates: Candidates, trials: Trials) -> Rates:
    """Hit rate of the same trials moved by some minutes: whoever is active does things at any time.

    The rate just after the trials counts by itself too: what goes on for as long as somebody is in the room
    is not done because of the trigger.
    """
    count = len(candidates)
    windows = candidates.windows[trials.nth]
    hits, seen = np.zeros(count), np.zeros(count)
    near = 2 * windows + 60_000
    later_hits, later_seen = _shifted(timeline, candidates, trials, near)
    for shift in (-near, *FAR_SHIFTS_MS):
        shifted_hits, shifted_seen = _shifted(timeline, candidates, trials, np.zeros_like(near) + shift)
        hits += shifted_hits
        seen += shifted_seen
    far = (hits + later_hits + PRIOR) / (seen + later_seen + 1)
    later = (later_hits + NEAR_WEIGHT * far) / (later_seen + NEAR_WEIGHT)
    return np.maximum(far, later)


def _shifted(
    timeline: Timeline, candidates: Candidates, trials: Trials, shift: Millis
) -> tuple[Rates, Rates]:
    """Count hits and valid ones among the trials moved by `shift`; what meets a real trial is not valid."""
    at, nth = trials.at + shift, trials.nth
    actions, windows = candidates.actions[nth], candidates.windows[nth]
    codes = nth * timeline.triggers.stride + trials.at
    moved = nth * timeline.triggers.stride + at
    following = np.searchsorted(codes, moved - windows, side="right")
    bounded = np.append(codes, np.iinfo(np.int64).max)
    free = (bounded[following] >= moved + windows) & timeline.log.seen(at, at + windows)
    free &= ~already(timeline, actions, np.maximum(at, 0))
    done, _ = act(timeline, actions, np.maximum(at, 0), windows)
    count = len(candidates)
    hits = np.bincount(nth[free & (done >= 0)], minlength=count)
    return hits.astype(np.float64), np.bincount(nth[free], minlength=count).astype(np.float64)


def dwell_times(timeline: Timeline) -> Series:
    """Return how long an entity had been in its state before each action, sorted, by action type."""
    log, states = timeline.log, timeline.states
    types = log.type_ids[states.rows]
    acts = timeline.actions.counts() > 0
    follows = np.nonzero((log.entities[types[1:]] == log.entities[types[:-1]]) & acts[types[1:]])[0] + 1
    dwells, types = states.codes[follows] - states.codes[follows - 1], types[follows]
    order = np.lexsort((dwells, types))
    return Series.gather(types[order], dwells[order], follows[order], len(timeline.log.types), states.stride)


def due_rates(timeline: Timeline, candidates: Candidates, trials: Trials, dwells: Series) -> Rates:
    """Hit rate that the time since the entity's last change alone explains.

    The mean over trials of ``(S(s) - S(s + window)) / S(s)``, S the survival of the entity's dwell times and
    s its age at the trial; each hit's own dwell time is left out.
    """
    actions, windows = candidates.actions[trials.nth], candidates.windows[trials.nth]
    entities = timeline.log.entities[actions]
    position = timeline.states.before(entities, trials.at)
    age = np.where(position >= 0, trials.at - timeline.states.times(entities, position), 0)
    ends = dwells.starts[actions + 1]
    due_from = np.searchsorted(dwells.codes, actions * dwells.stride + age, side="right")
    due_to = np.searchsorted(dwells.codes, actions * dwells.stride + age + windows, side="right")
    own = trials.hits
    due, left = due_to - due_from - own, ends - due_from - own
    hazards = np.where(position >= 0, np.maximum(due, 0) / (np.maximum(left, 0) + 1), 0.0)
    counts = np.bincount(trials.nth, minlength=len(candidates))
    return np.bincount(trials.nth, weights=hazards, minlength=len(candidates)) / np.maximum(counts, 1)


def directed(timeline: Timeline, candidates: Candidates) -> Flags:
    """Tell for which candidates the trigger nearest to the action is mostly, three to one, before it."""
    nth, position = timeline.actions.expand(candidates.actions)
    at, triggers, windows = (
        timeline.actions.times(candidates.actions[nth], position),
        candidates.triggers[nth],
        candidates.windows[nth],
    )
    before = _distance(timeline.triggers, triggers, timeline.triggers.before(triggers, at), at)
    after = _distance(timeline.triggers, triggers, timeline.triggers.after(triggers, at), at)
    first = np.bincount(nth[(before <= windows) & (before < after)], minlength=len(candidates))
    last = np.bincount(nth[(after <= windows) & (after <= before)], minlength=len(candidates))
    return np.asarray(first >= LEAST_RATIO * last)


def _distance(series: Series, keys: Ids, position: Ids, at: Millis) -> Millis:
    return np.where(position >= 0, np.abs(series.times(keys, position) - at), NEVER)
