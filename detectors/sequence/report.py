"""A whole chain as a pattern."""

import numpy as np

from detectors.following.confidence import confide
from detectors.following.evidence import evidence
from detectors.following.lags import in_seconds
from detectors.following.timeline import Timeline
from detectors.history import History
from detectors.sequence.whole import Chain
from schemas.patterns import Pattern, SequenceDetail, Step


def tell(timeline: Timeline, chain: Chain, history: History, half_life_days: float) -> Pattern:
    """Tell a chain as a pattern."""
    log, attempts = timeline.log, chain.attempts
    days = log.days_of(attempts.rows)
    runs = attempts.times[attempts.hits]
    lags = [None, *(in_seconds(step) for step in np.diff(runs, axis=1).T)]
    types = [log.types[step] for step in chain.steps]
    detail = SequenceDetail(
        steps=tuple(
            Step(entity_id=step.entity_id, state=step.state, lag_seconds=lag)
            for step, lag in zip(types, lags, strict=True)
        ),
        support=len(runs),
        within_seconds=in_seconds(runs[:, -1] - runs[:, 0]).p90,
    )
    return Pattern.of(
        detail,
        home=history.home.id,
        confidence=confide(attempts.hits, len(history.days) - int(days[0]), half_life_days),
        occurrences=len(runs),
        first_seen=log.moment(int(runs[0, -1])),
        last_seen=log.moment(int(runs[-1, -1])),
        evidence=evidence(
            history.days, days, attempts.hits, base_rate=chain.chance, e_value=float(np.exp(chain.log_e))
        ),
    )
