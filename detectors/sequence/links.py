"""Links: pairs of which chains may be made, with when the second followed on the first."""

from collections.abc import Generator, Iterable

import numpy as np

from detectors.following.lags import are_automated, focus
from detectors.following.log import Log
from detectors.following.timeline import Timeline
from detectors.following.trials import Candidates
from detectors.following.tried import Tried, tally, try_all
from detectors.sequence.chains import Chains, gathered
from schemas.events import EventType
from schemas.patterns import CoOccurrenceDetail, Pattern

LEAST_HITS = 4
LEAST_RATE = 0.25
LEAST_COVERAGE = 0.15
LEAST_LOG_E = float(np.log(20))
LEAST_FOCUS = 0.35


def pairs_of(log: Log, found: Iterable[Pattern]) -> Candidates:
    """Read the pairs that were found."""
    number = {event_type: i for i, event_type in enumerate(log.types)}
    rows: list[tuple[int, int, int]] = []
    for detail in (pattern.detail for pattern in found):
        if isinstance(detail, CoOccurrenceDetail):
            trigger, action = (
                number.get(EventType(end.entity_id, end.state), -1) for end in (detail.trigger, detail.action)
            )
            rows.append((trigger, action, round(1000 * detail.lag_seconds.p90)))
    pairs = Candidates(*np.array(sorted(rows), dtype=np.int64).reshape(-1, 3).T)
    return pairs.take((pairs.triggers >= 0) & (pairs.actions >= 0))


def joined(nominated: Candidates, found: Candidates) -> Candidates:
    """Put what else was found, as after what is no action, beside the pairs that were nominated."""
    known = set(zip(nominated.triggers.tolist(), nominated.actions.tolist(), strict=True))
    ends = zip(found.triggers.tolist(), found.actions.tolist(), strict=True)
    new = found.take(np.array([end not in known for end in ends], dtype=np.bool_))
    return Candidates(
        np.concatenate([nominated.triggers, new.triggers]),
        np.concatenate([nominated.actions, new.actions]),
        np.concatenate([nominated.windows, new.windows]),
    )


def link(timeline: Timeline, candidates: Candidates) -> Generator[None, None, Chains]:
    """Try the pairs; those that may be parts of a chain come back as chains of two steps.

    Less is asked than of a pair that stands for itself: what is clear as a whole need not be so in its parts.
    """
    tried = yield from try_all(timeline, candidates, least_coverage=LEAST_COVERAGE, least_rate=LEAST_RATE)
    return gathered([_promising(timeline, part) for part in tried], steps=2)


def _promising(timeline: Timeline, tried: Tried) -> Chains:
    hits, opportunities = tally(tried.trials, tried.candidates)
    good = (hits >= LEAST_HITS) & (tried.log_e >= LEAST_LOG_E)
    good[good] = [_is_reaction(tried, int(place)) for place in np.nonzero(good)[0]]
    pairs, trials = tried.candidates.take(good), tried.trials.among(good)
    done = trials.hits
    return Chains(
        steps=np.stack([pairs.triggers, pairs.actions], axis=1),
        windows=pairs.windows[:, None],
        reached=opportunities[good][:, None],
        chances=tried.rates[good][:, None],
        chance=tried.rates[good],
        nth=trials.nth[done],
        rows=np.stack([trials.rows[done], timeline.actions.rows[trials.done[done]]], axis=1),
    )


def _is_reaction(tried: Tried, place: int) -> bool:
    """Tell whether the lags of a pair are such as people have when they react."""
    trials = tried.trials.of(place)
    lags = trials.lags[trials.hits]
    return not are_automated(lags) and focus(lags, int(tried.candidates.windows[place])) >= LEAST_FOCUS
