"""The messages that say what was found, with ids that follow from what they say."""

from datetime import date, tzinfo
from hashlib import blake2b

from detectors.history import Day
from pipeline.core.ledger import PatternChange, What
from pipeline.wording.sentences import sentence
from schemas.anomalies import Anomaly
from schemas.messages import P, Row
from schemas.outgoing import Outgoing
from schemas.statuses import AnalysisComplete, AnomalyDetected, DeadLetter, PatternDetected
from schemas.topics import Topics


class Announcer:
    """Makes outgoing messages of one home, in its `zone`; the same finding gives the same message id."""

    def __init__(self, home: str, topics: Topics, zone: tzinfo | None = None) -> None:
        self._home = home
        self._topics = topics
        self._zone = zone

    def pattern(self, change: PatternChange, day: date) -> Outgoing:
        """A pattern that was detected, updated or retired, judged by the days up to `day`."""
        if change.what is What.REFRESHED:
            raise ValueError("expected a pattern that changed, got one that was merely refreshed")
        pattern = change.pattern
        identity = _identity(change.what, day.isoformat(), pattern.exact())
        payload = PatternDetected(
            message_id=identity,
            at=pattern.last_seen,
            what=change.what.value,
            pattern=pattern,
            text=sentence(pattern),
        )
        return self._say(Topics.pattern_detected, identity, payload)

    def anomaly(self, anomaly: Anomaly) -> Outgoing:
        """Something that is out of order."""
        payload = AnomalyDetected(
            message_id=anomaly.id, at=anomaly.detail.at, anomaly=anomaly, text=sentence(anomaly)
        )
        return self._say(Topics.anomaly_detected, anomaly.id, payload)

    def analysis(
        self, day: Day, active: int, changed: int, duration_ms: int, *, request: str = ""
    ) -> Outgoing:
        """A day that was closed and judged; closed again after late events, it is said again.

        A `request` to judge it anew, named by what tells it from any other, is answered each time.
        """
        asked = (request,) if request else ()
        identity = _identity(self._home, day.date.isoformat(), str(len(day.at_ms)), *asked)
        payload = AnalysisComplete(
            message_id=identity,
            home=self._home,
            day=day.date,
            events=len(day.at_ms),
            patterns_active=active,
            patterns_changed=changed,
            duration_ms=duration_ms,
        )
        return self._say(Topics.analysis_complete, identity, payload)

    def dead_letter(self, letter: DeadLetter) -> Outgoing:
        """A message that could not be taken."""
        return Topics.dead_letter.outgoing(self._topics, letter.message_id, letter)

    def _say(self, row: Row[P], identity: str, payload: P, *values: str) -> Outgoing:
        return row.outgoing(self._topics, identity, payload, *values, zone=self._zone)


def _identity(*parts: str) -> str:
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()
