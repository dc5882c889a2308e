"""Choice among several triggers of one action: chains, siblings and other signs of one occasion."""

from collections.abc import Collection, Sequence

import numpy as np

from detectors.co_occurrence.finding import Finding
from detectors.following.log import Flags
from detectors.following.timeline import Timeline
from detectors.following.trials import already
from schemas.events import EventType

MUCH_OVERLAP = 0.5
SAME_MOMENT_MS = 1_000
SLACK_MS = 10_000
MUCH_BETTER = 1.3
LEAST_OWN_HITS = 4
LEAST_OWN_RATE = 0.5

Link = tuple[EventType, EventType]


def explain(timeline: Timeline, findings: Sequence[Finding], links: Collection[Link]) -> list[Finding]:
    """Keep the findings of one action that are not the shadow of another one.

    `links` are all pairs of trigger and action that are no chance, be they too weak for a habit.

    First every two that claim the same uses are compared; of those left the best takes the uses it explains,
    and the others must stand on what remains. Automations come first: what one does is nobody's habit.
    """
    ranked = sorted((each for each in findings if _counts(timeline, each)), key=_rank)
    kept: list[Finding] = []
    claimed: set[int] = set()
    for finding in _unbeaten(timeline, ranked, links):
        if not finding.holds:
            continue
        done = finding.trials.done[finding.trials.hits].tolist()
        own = len(set(done) - claimed)
        trials = len(finding.trials.at) - (len(done) - own)
        if not kept or (own >= LEAST_OWN_HITS and own >= LEAST_OWN_RATE * trials):
            kept.append(finding)
            claimed.update(done)
    return kept


def _counts(timeline: Timeline, finding: Finding) -> bool:
    """Tell whether a finding may explain others: a weak one only as the step of a chain that it is."""
    return finding.holds or (_is_taken(timeline, finding) and not finding.automated)


def _rank(finding: Finding) -> tuple[bool, float, float, EventType]:
    """Automations first, then the best; of equally good ones the earliest sign."""
    return (
        not finding.automated,
        -round(finding.score, 2),
        -float(np.median(finding.lags_ms)),
        finding.trigger,
    )


def _unbeaten(timeline: Timeline, ranked: Sequence[Finding], links: Collection[Link]) -> list[Finding]:
    """Drop what a finding explains that stays; where each beats the next in a circle, the first stays."""
    places = range(len(ranked))
    beats = {_beats(timeline, ranked, links, i, j) for j in places for i in range(j)}
    left, stay = list(places), set[int]()
    while left:
        free = [j for j in left if not any((i, j) in beats for i in left)] or left[:1]
        stay.update(free)
        left = [j for j in left if j not in stay and not any((i, j) in beats for i in free)]
    return [ranked[i] for i in sorted(stay)]


def _beats(
    timeline: Timeline, ranked: Sequence[Finding], links: Collection[Link], i: int, j: int
) -> tuple[int, int] | None:
    """Say which of two findings explains the other one, as (winner, loser), if one does.

    The far trigger comes before the near one. Each is tried where the other did not occur: if the far one
    still leads to the action, the near one was its sibling; if the near one does, the far one was at most its
    cause; if both do, both stand. If neither does, they are steps of a chain, of which the nearest counts, or
    signs of one occasion, of which the first does. What is too weak for a habit counts only as a step that
    the far trigger leads to.
    """
    lead = _lead(ranked[i], ranked[j])
    if lead is None:
        return None
    far, near = (i, j) if lead > 0 else (j, i)
    first, last = ranked[far], ranked[near]
    if not first.holds or not (last.holds or (first.trigger, last.trigger) in links):
        return None
    if first.automated != last.automated:
        return (far, near) if first.automated else (near, far)
    far_stands, near_stands = (
        _stands(timeline, first, last, after=True),
        _stands(timeline, last, first, after=False),
    )
    if far_stands and near_stands:
        return None
    same_occasion = first.trigger.entity_id == last.trigger.entity_id or abs(lead) < SAME_MOMENT_MS
    is_sign = same_occasion or (first.rate > MUCH_BETTER * last.rate and not _is_taken(timeline, last))
    far_wins = far_stands or (not near_stands and is_sign)
    return (far, near) if far_wins else (near, far)


def _is_taken(timeline: Timeline, finding: Finding) -> bool:
    """Tell whether its trigger is what people do, and so may be a step of theirs rather than a sign of it."""
    return bool(np.mean(timeline.log.by_hand[finding.trials.rows]) > 0.5)


def _lead(one: Finding, other: Finding) -> float | None:
    """By how many milliseconds `one` was earlier where both led to the same uses; None if that is rare."""
    hits, others = one.trials.take(one.trials.hits), other.trials.take(other.trials.hits)
    _, i, j = np.intersect1d(hits.done, others.done, assume_unique=True, return_indices=True)
    if len(i) < MUCH_OVERLAP * min(len(hits.done), len(others.done)):
        return None
    return float(np.median(hits.lags[i] - others.lags[j]))


def _stands(timeline: Timeline, finding: Finding, other: Finding, *, after: bool) -> bool:
    """Tell whether the finding holds, rather than chance, on its trials without the other trigger.

    Where the other trigger's entity was in that state already nothing can be learned: it could not show.
    """
    at = finding.trials.at
    met = _meets(finding, other, after=after)
    able = ~already(timeline, np.full(len(at), other.trigger_id), at)
    alone, together = finding.trials.hits[~met & able], finding.trials.hits[met]
    hits, misses = np.count_nonzero(alone), np.count_nonzero(~alone)
    p = min(0.99, max(2 * finding.base_rate, (np.count_nonzero(together) + 0.5) / (len(together) + 1)))
    q = min(finding.base_rate, p / 2)
    return bool(hits * np.log(p / q) + misses * np.log((1 - p) / (1 - q)) > 0)


def _meets(finding: Finding, other: Finding, *, after: bool) -> Flags:
    """Tell at which trials the other trigger occurred too: within the window after, or shortly before."""
    at = finding.trials.at
    reach = finding.window_ms if after else other.window_ms
    low, high = (at - SLACK_MS, at + reach) if after else (at - reach, at + SLACK_MS)
    times = other.trigger_at
    return np.asarray(np.searchsorted(times, high, side="right") > np.searchsorted(times, low, side="left"))
