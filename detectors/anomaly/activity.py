"""The home's active minutes: the clock by which discrete sensors fall silent."""

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush

from detectors.anomaly.alarms import MINUTE_MS, Alarm, span
from detectors.anomaly.silences import FEWEST_SIGNS, SHORTEST_ACTIVE_MIN
from detectors.anomaly.track import Track
from schemas.anomalies import AnomalyKind

KEPT_MIN = 1_500


class Activity:
    """Counts the minutes in which anything happened, and says which sensors are silent for too many of them.

    While nobody is at home or awake this clock stands still, so that no silence grows.
    """

    def __init__(self) -> None:
        self.active_min = 0
        self.minute = 0
        self._recent: deque[int] = deque(maxlen=KEPT_MIN)
        self._due: list[tuple[int, str]] = []
        self._sensors: dict[str, Track] = {}

    def tick(self, minute: int) -> list[Alarm]:
        """Count an active minute; say which sensors it makes stuck."""
        self.minute = minute
        self.active_min += 1
        self._recent.append(minute)
        alarms = []
        while self._due and self._due[0][0] <= self.active_min:
            track = self._sensors[heappop(self._due)[1]]
            silence = track.silence
            if silence is None:
                continue
            if silence.due <= self.active_min and not silence.told:
                silence.told = True
                alarms.append(_stuck(track, minute * MINUTE_MS))
            heappush(self._due, (max(silence.due, self.active_min + 1), track.entity_id))
        return alarms

    def busy(self, from_ms: int, to_ms: int) -> int:
        """Count the active minutes of an interval that ended lately."""
        count, first, last = 0, from_ms // MINUTE_MS, to_ms // MINUTE_MS
        for minute in reversed(self._recent):
            if minute < first:
                break
            count += minute <= last
        return count

    def learn_day(self, tracks: Iterable[Track]) -> None:
        """Learn the silences of the day; await the next sign of sensors that are new."""
        for track in tracks:
            if track.silence is None:
                continue
            track.silence.close_day(FEWEST_SIGNS, SHORTEST_ACTIVE_MIN)
            if track.silence.limit and track.entity_id not in self._sensors and not track.is_shadow:
                self._sensors[track.entity_id] = track
                heappush(self._due, (track.silence.due, track.entity_id))


def _stuck(track: Track, at_ms: int) -> Alarm:
    silence = track.silence
    if silence is None:
        raise ValueError(f"expected a sensor, got {track.entity_id}")
    usually = span(max(1, silence.longest) * MINUTE_MS)
    return Alarm(
        entity_id=track.entity_id,
        kind=AnomalyKind.STUCK_SENSOR,
        at_ms=at_ms,
        began_ms=track.last_ms,
        score=silence.score,
        expected=f"usually reports at least once in {usually} of life in the home",
        observed=f"has been silent for {span(at_ms - track.last_ms)}, while there was life in the home",
        occasions=silence.signs,
        usual=silence.signs,
    )
