"""A whole chain as a pattern."""

from datetime import UTC, datetime, timedelta

import numpy as np

from detectors.evidence import beta_interval
from detectors.following.confidence import confide
from detectors.following.lags import quantiles
from detectors.following.timeline import Timeline
from detectors.history import History, Millis
from detectors.sequence.whole import Chain
from schemas.patterns import Evidence, Pattern, Quantiles, SequenceDetail, Step

SHARES = (0.1, 0.5, 0.9)
RECENT = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tell(timeline: Timeline, chain: Chain, history: History, half_life_days: float) -> Pattern:
    """Tell a chain as a pattern."""
    attempts = chain.attempts
    days = timeline.log.days_of(attempts.rows)
    runs = attempts.times[attempts.hits]
    lags = [None, *(_spread(step) for step in np.diff(runs, axis=1).T)]
    types = [timeline.log.types[step] for step in chain.steps]
    detail = SequenceDetail(
        steps=tuple(
            Step(entity_id=step.entity_id, state=step.state, lag_seconds=lag)
            for step, lag in zip(types, lags, strict=True)
        ),
        support=len(runs),
        within_seconds=_spread(runs[:, -1] - runs[:, 0]).p90,
    )
    seen = EPOCH + timedelta(milliseconds=timeline.log.origin_ms)
    return Pattern.of(
        detail,
        home=history.home.id,
        confidence=confide(attempts.hits, len(history.days) - int(days[0]), half_life_days),
        occurrences=len(runs),
        first_seen=seen + timedelta(milliseconds=int(runs[0, -1])),
        last_seen=seen + timedelta(milliseconds=int(runs[-1, -1])),
        evidence=_evidence(timeline, chain, history),
    )


def _spread(lags_ms: Millis) -> Quantiles:
    low, mid, high = (round(lag / 1000, 3) for lag in quantiles(lags_ms, SHARES))
    return Quantiles(p10=low, p50=mid, p90=high)


def _evidence(timeline: Timeline, chain: Chain, history: History) -> Evidence:
    hits, days = chain.attempts.hits, timeline.log.days_of(chain.attempts.rows)
    count = int(np.count_nonzero(hits))
    return Evidence(
        opportunities=len(hits),
        hits=count,
        misses=len(hits) - count,
        recent_hits=tuple(history.days[day].date for day in days[hits][-RECENT:].tolist()),
        recent_misses=tuple(history.days[day].date for day in days[~hits][-RECENT:].tolist()),
        base_rate=chain.chance,
        lift=count / len(hits) / chain.chance,
        interval=beta_interval(count, len(hits)),
        e_value=float(np.exp(chain.log_e)),
    )
