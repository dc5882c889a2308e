"""Publishes that a broker refuses: for good or for now, in words that say which right is missing."""

from collections.abc import Collection
from enum import StrEnum

import structlog
import zmqtt

from pipeline.health import Health
from pipeline.timing.clock import monotonic_s

log = structlog.get_logger(__name__)

NOT_AUTHORIZED = 0x87
PACKET_TOO_LARGE = 0x95
# mosquitto's for a message above its `message_size_limit`, MQTT's for a packet above what CONNACK said.
TOO_LARGE = (0x83, PACKET_TOO_LARGE)
# The same message meets the same answer: no right, no such topic or payload, not retained, no QoS 1.
LASTING = (*TOO_LARGE, NOT_AUTHORIZED, 0x90, 0x99, 0x9A, 0x9B)
# By the client itself: what is no topic or no text, retained or QoS 1 where the broker has none.
REFUSED_HERE = (
    ValueError,
    zmqtt.MQTTInvalidTopicError,
    zmqtt.MQTTQoSExceededError,
    zmqtt.MQTTRetainNotAvailableError,
)
TOPICS_TOLD = 16
LINE_AGAIN_S = 600.0


class Kind(StrEnum):
    """Kinds of failure of a publish."""

    LASTING = "lasting"
    PASSING = "passing"
    LOST = "lost"


def kind_of(error: Exception) -> Kind:
    """Tell whether the message was refused for good or for now, or the connection was lost.

    Examples
    --------
    >>> kind_of(zmqtt.MQTTPublishError(0x87, "Not authorized", None)).value
    'lasting'
    >>> kind_of(zmqtt.MQTTPublishError(0x97, "Quota exceeded", None)).value
    'passing'
    >>> kind_of(zmqtt.MQTTTimeoutError("not acknowledged")).value
    'lost'
    """
    if isinstance(error, zmqtt.MQTTPublishError):
        return Kind.LASTING if error.reason_code in LASTING else Kind.PASSING
    return Kind.LASTING if isinstance(error, REFUSED_HERE) else Kind.LOST


def words_of_refusal(topic: str, error: Exception, *, size: int, everything: str) -> str:
    """Return in words what is refused, why, and what to do.

    Examples
    --------
    >>> error = zmqtt.MQTTPublishError(0x87, "Not authorized", None)
    >>> words_of_refusal("ha-ai/dead-letter", error, size=9, everything="ha-ai/#").partition("; ")[0]
    'may not publish to ha-ai/dead-letter: the broker says "Not authorized"'
    """
    code = error.reason_code if isinstance(error, zmqtt.MQTTPublishError) else None
    said = (error.reason_name if isinstance(error, zmqtt.MQTTPublishError) else None) or str(error)
    if code in TOO_LARGE:
        return (
            f"{size:,} bytes to {topic} are more than the broker takes ({said}): raise its limit, "
            "with mosquitto `message_size_limit` or `max_packet_size`"
        )
    if code == NOT_AUTHORIZED:
        return (
            f'may not publish to {topic}: the broker says "{said}"; let this user write {everything}, with '
            f"mosquitto by `topic readwrite {everything}` under its `user` line in the ACL file"
        )
    return f'the broker takes nothing on {topic}: it says "{said}"; its log may say why'


class Refusals:
    """Topics that the broker refuses now: a notice of health each, and one line in the log.

    Parameters
    ----------
    health
        Where the notices are kept.
    everything
        The topic filter that a user has to be given.
    """

    def __init__(self, health: Health, everything: str) -> None:
        self._health = health
        self._everything = everything
        self._said_s: dict[str, float] = {}
        self.count = 0

    @property
    def topics(self) -> Collection[str]:
        """Return the topics that the broker refuses."""
        return self._said_s.keys()

    def refused(self, topic: str, size: int, error: Exception) -> str:
        """Note a refusal and return its words."""
        words = words_of_refusal(topic, error, size=size, everything=self._everything)
        self.count += 1
        self._note(topic, words)
        return words

    def closed_upon(self, topic: str) -> str:
        """Note that the broker ends the connection whenever a message is published there, in words."""
        words = f"the broker closes the connection upon a message on {topic}: its log may say why"
        self.count += 1
        self._note(topic, words)
        return words

    def accepted(self, topic: str) -> None:
        """Note that the broker takes what is published there."""
        if self._said_s.pop(topic, None) is not None:
            self._health.notices.pop(_subject(topic), None)
            log.info("the broker takes it again", topic=topic)

    def _note(self, topic: str, words: str) -> None:
        now_s = monotonic_s()
        if topic not in self._said_s and len(self._said_s) >= TOPICS_TOLD:
            return
        if now_s - self._said_s.get(topic, -LINE_AGAIN_S) >= LINE_AGAIN_S:
            log.warning("the broker refuses messages", topic=topic, reason=words)
            self._said_s[topic] = now_s
        self._health.notices[_subject(topic)] = words


def _subject(topic: str) -> str:
    return f"refused: {topic}"
