"""Detects that everything that comes is refused: then nothing is learned, though all else looks well."""

from collections import Counter
from collections.abc import Mapping

# A device that goes wrong is refused as well, but beside it others are taken.
SEVERAL = 10
MINUTES = 2
MINUTE_S = 60.0
SUBJECT = "all refused"
ADVICE = {
    "future": "set this machine's clock and Home Assistant's, by NTP",
    "too_old": "set this machine's clock and Home Assistant's, by NTP",
    "not_json": "see what publishes on that topic, and whether HA_AI_INPUT names its form",
    "wrong_shape": "see what publishes on that topic, and whether HA_AI_INPUT names its form",
}
OTHERWISE = "see what publishes on that topic"


class Refusing:
    """Says when nothing was taken for minutes, and several messages were refused.

    Examples
    --------
    >>> refusing = Refusing()
    >>> refusing.note(0, {"future": 9}, "homeassistant_events", 0.0)
    >>> refusing.note(0, {"future": 1}, "homeassistant_events", 130.0)
    >>> print(refusing.words())
    nothing is learned: all 10 messages of the last 2 minutes were refused, most as future, the last on \
homeassistant_events: set this machine's clock and Home Assistant's, by NTP
    >>> refusing.note(1, {}, "", 131.0); refusing.words()
    ''
    """

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._since_s = 0.0
        self._last_s = 0.0
        self._topic = ""

    def note(self, taken: int, refused: Mapping[str, int], topic: str, now_s: float) -> None:
        """Note a batch: how many were taken, and how many refused for which reason."""
        if taken:
            self._reasons.clear()
        elif refused:
            self._since_s = self._since_s if self._reasons else now_s
            self._reasons.update(refused)
            self._last_s, self._topic = now_s, topic or self._topic

    def words(self) -> str:
        """Say it, ending with what to do; nothing while something is taken."""
        minutes = (self._last_s - self._since_s) / MINUTE_S
        if minutes < MINUTES or self._reasons.total() < SEVERAL:
            return ""
        reason = self._reasons.most_common(1)[0][0]
        return (
            f"nothing is learned: all {self._reasons.total():,} messages of the last {minutes:.0f} minutes "
            f"were refused, most as {reason}, the last on {self._topic}: {ADVICE.get(reason, OTHERWISE)}"
        )
