"""Replay: on which occasions a trigger could have led to the action, and when it did."""

from dataclasses import dataclass, replace

import numpy as np

from detectors.following.log import Flags, Ids
from detectors.following.timeline import Timeline
from detectors.history import Millis


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs to be tried, one element each: type ids of trigger and action, window in milliseconds."""

    triggers: Ids
    actions: Ids
    windows: Millis

    def __len__(self) -> int:
        return len(self.triggers)

    def take(self, chosen: Ids | Flags) -> "Candidates":
        """Those at the given places."""
        return Candidates(self.triggers[chosen], self.actions[chosen], self.windows[chosen])


@dataclass(frozen=True, slots=True)
class Trials:
    """Occasions of many candidates, sorted by (candidate, time).

    `nth` is the candidate of each trial, `rows` its trigger event in the timeline, `at` its time. `done` is
    the position of the action in the timeline's series of actions, -1 for a miss.
    """

    nth: Ids
    at: Millis
    rows: Ids
    done: Ids
    lags: Millis

    @property
    def hits(self) -> Flags:
        """Flags of the trials that led to the action."""
        return np.asarray(self.done >= 0)

    def of(self, candidate: int) -> "Trials":
        """Those of one candidate."""
        span = slice(*np.searchsorted(self.nth, [candidate, candidate + 1]).tolist())
        return Trials(self.nth[span], self.at[span], self.rows[span], self.done[span], self.lags[span])

    def among(self, chosen: Flags) -> "Trials":
        """Those of the chosen candidates, which are numbered anew."""
        kept = self.take(chosen[self.nth])
        return replace(kept, nth=(np.cumsum(chosen) - 1)[kept.nth])

    def take(self, chosen: Flags | Ids) -> "Trials":
        """Those at the given places."""
        return Trials(
            self.nth[chosen], self.at[chosen], self.rows[chosen], self.done[chosen], self.lags[chosen]
        )


def replay(timeline: Timeline, candidates: Candidates) -> Trials:
    """Try every candidate at every use of its trigger.

    A trial starts where the action's entity is not in the action's state already and lasts the candidate's
    window; triggers during a trial belong to it, so no action is credited twice. Trials that were not seen
    whole are none.
    """
    nth, position = timeline.triggers.expand(candidates.triggers)
    at, rows = timeline.triggers.times(candidates.triggers[nth], position), timeline.triggers.rows[position]
    actions, windows = candidates.actions[nth], candidates.windows[nth]
    able = ~already(timeline, actions, at) & timeline.log.seen(at, at + windows)
    nth, at, rows = nth[able], at[able], rows[able]
    first = apart(nth, at, windows[able], timeline.triggers.stride)
    nth, at, rows = nth[first], at[first], rows[first]
    done, lags = act(timeline, candidates.actions[nth], at, candidates.windows[nth])
    return Trials(nth, at, rows, done, lags)


def already(timeline: Timeline, actions: Ids, at: Millis) -> Flags:
    """Tell where the action's entity is in the action's state just before `at`."""
    position = timeline.states.before(timeline.log.entities[actions], at)
    state = timeline.log.type_ids[timeline.states.rows[position]]
    return np.asarray((position >= 0) & (state == actions))


def act(timeline: Timeline, actions: Ids, at: Millis, windows: Millis) -> tuple[Ids, Millis]:
    """Position of the action that somebody took within the window after `at` (-1: none), and its lag."""
    position = timeline.actions.after(actions, at)
    lags = timeline.actions.times(actions, position) - at
    within = (position >= 0) & (lags <= windows)
    return np.where(within, position, -1), np.where(within, lags, 0)


def apart(nth: Ids, at: Millis, windows: Millis, stride: int) -> Flags:
    """Tell which events start a trial: greedily from the first, none within the window of the one before.

    They are sorted by (candidate, time). Where each would pass on to is known at once; which are reached from
    the first is then found by doubling the steps, not by walking them.
    """
    codes = nth * stride + at
    jump = np.append(np.searchsorted(codes, codes + windows, side="right"), len(codes))
    reached = np.ones(len(codes) + 1, dtype=np.bool_)
    reached[1:-1] = nth[1:] != nth[:-1]
    known = -1
    while known < (known := int(np.count_nonzero(reached))):
        reached[jump[reached]] = True
        jump = jump[jump]
    return reached[:-1]
