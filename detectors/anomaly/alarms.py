"""Alarms that the rules of this detector raise, and their wording."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt

from detectors.evidence import beta_interval
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.home import Home
from schemas.patterns import Evidence

LARGEST_SCORE = 12.0
# From this score on an alarm of the kind is of high severity, and from half of it on of medium.
HIGH = {
    AnomalyKind.MISSED_ROUTINE: 3.0,
    AnomalyKind.LEFT_ON: 5.0,
    AnomalyKind.NIGHT_OPENING: 2.5,
    AnomalyKind.STUCK_SENSOR: 6.0,
    AnomalyKind.FLAPPING: 6.0,
    AnomalyKind.NUMERIC: 6.0,
}
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something out of order.

    `began_ms` is when what it speaks of began: the stay, the burst, the silence. Of `occasions` like it
    before, `usual` went as expected. `alone` says that nobody was at home or awake, which makes it worse.
    """

    entity_id: str
    kind: AnomalyKind
    at_ms: int
    began_ms: int
    score: float
    expected: str
    observed: str
    occasions: int
    usual: int
    alone: bool = False


def said(alarm: Alarm, home: Home) -> Anomaly:
    """Say an alarm.

    Its evidence is ``1 / (2 sqrt(p))``, which turns the probability p of its score into an e-value.
    """
    score = round(min(max(alarm.score, 0.0), LARGEST_SCORE), 3)
    chance = 10.0**-score
    n, k = alarm.occasions, alarm.usual
    low, high = beta_interval(k, n)
    evidence = Evidence(
        opportunities=n,
        hits=k,
        misses=n - k,
        base_rate=chance,
        lift=round(k / n, 3) if n else 0.0,
        interval=(round(low, 6), round(high, 6)),
        e_value=float(f"{0.5 / sqrt(chance):.6g}"),
    )
    detail = AnomalyDetail(
        entity_id=alarm.entity_id,
        kind=alarm.kind,
        at=datetime.fromtimestamp(alarm.at_ms // SECOND_MS, UTC).replace(
            microsecond=alarm.at_ms % SECOND_MS * 1_000
        ),
        score=score,
        expected=alarm.expected,
        observed=alarm.observed,
        severity=_severity(alarm),
    )
    return Anomaly.of(detail, home=home.id, evidence=evidence)


def _severity(alarm: Alarm) -> str:
    if alarm.score >= HIGH[alarm.kind] * (0.75 if alarm.alone else 1.0):
        return "high"
    return "medium" if alarm.alone or alarm.score >= HIGH[alarm.kind] / 2 else "low"


# How a state is brought about; others are set.
DEEDS = {
    "on": "turned on",
    "off": "turned off",
    "open": "opened",
    "closed": "closed",
    "locked": "locked",
    "unlocked": "unlocked",
    "playing": "started",
}


def deed(state: str) -> str:
    """Return the words for bringing an entity to a state.

    Examples
    --------
    >>> deed("on"), deed("eco")
    ('turned on', 'set to eco')
    """
    return DEEDS.get(state, f"set to {state}")


def clock(minute: float) -> str:
    """A local minute as clock time.

    Examples
    --------
    >>> clock(425.9), clock(1440)
    ('07:05', '00:00')
    """
    hour, minute = divmod(int(minute), 60)
    return f"{hour % 24:02}:{minute:02}"


def times(count: int) -> str:
    """Return a number of times in words.

    Examples
    --------
    >>> times(1), times(7)
    ('once', '7 times')
    """
    return "once" if count == 1 else f"{count} times"


def span(ms: float) -> str:
    """A duration in words.

    Examples
    --------
    >>> span(40_000), span(4_830_000), span(18_000_000), span(201_600_000)
    ('40 s', '1 h 20 min', '5 h', '2 days 8 h')
    """
    seconds = round(ms / SECOND_MS)
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"
