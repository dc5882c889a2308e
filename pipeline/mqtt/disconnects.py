"""Ends of a connection to a broker, in words, and the wait before the next one."""

import random
import re
from collections.abc import Callable

import structlog
import zmqtt

from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import backoff_s

log = structlog.get_logger(__name__)

SESSION_TAKEN_OVER = 0x8E
# Of MQTT 5, for CONNACK and DISCONNECT.
REASONS = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "not for it to accept",
    0x84: "it does not speak MQTT 5",
    0x85: "it does not take this client id",
    0x86: "wrong user name or password",
    0x87: "not authorized",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "this client is banned",
    0x8B: "it is shutting down",
    0x8D: "it heard nothing of us for too long",
    SESSION_TAKEN_OVER: "another client connected under the same client id",
    0x93: "more messages at once than it takes",
    0x95: "a packet larger than it takes",
    0x96: "too many messages",
    0x97: "quota exceeded",
    0x98: "an administrator ended the connection",
    0x9C: "another server is to be used",
    0x9D: "the server has moved: set HA_AI_MQTT_URL",
    0x9F: "too many connections",
}
COMING_BACK = (0x88, 0x89, 0x8B)
NO_MQTT = "it sends what is no MQTT: is HA_AI_MQTT_URL the address of an MQTT broker?"
LONGEST_WORDS = 160
SAY_AGAIN_S = 600.0
LINES_AT_ONCE = 5
FIRST_S = 0.5
# A broker that is away comes back any moment, and the home is unseen until we notice; one that sends us away
# or talks nonsense will do so again.
LONGEST_AWAY_S = 2.0
LONGEST_REFUSED_S = 30.0
# A connection that stood for so long was a good one.
STEADY_S = 10.0


def closing_code(error: BaseException) -> int | None:
    """The reason code with which the broker refused or ended the connection, None where it gave none.

    Examples
    --------
    >>> closing_code(zmqtt.MQTTDisconnectedError("Broker sent DISCONNECT (reason code 0x8E)"))
    142
    """
    if isinstance(error, zmqtt.MQTTConnectError):
        return error.return_code
    found = re.search(r"DISCONNECT \(reason code 0x([0-9A-F]{2})\)", str(error))
    return int(found[1], 16) if found else None


def words_of(error: BaseException) -> str:
    """Return the reason that there is no connection, in a short line without what a peer made up.

    Examples
    --------
    >>> words_of(zmqtt.MQTTConnectError(0x86))
    'it says 0x86: wrong user name or password'
    >>> words_of(ValueError("Malformed packet"))
    'it sends what is no MQTT: is HA_AI_MQTT_URL the address of an MQTT broker?'
    >>> words_of(ConnectionRefusedError(111, "Connect call failed"))
    'nobody listens there'
    """
    code = closing_code(error)
    if code is not None:
        return f"it says 0x{code:02X}: {REASONS.get(code, 'which means nothing in MQTT 5')}"
    if isinstance(error, (zmqtt.MQTTTimeoutError, TimeoutError)):
        return _short(str(error)) or "it does not answer"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, OSError):
        return _short(error.strerror or str(error)) or type(error).__name__
    if isinstance(error, zmqtt.MQTTDisconnectedError):
        return _short(str(error))
    return NO_MQTT


def _is_away(error: BaseException) -> bool:
    """Return whether a broker is merely not there, or a connection was cut."""
    if closing_code(error) is not None:
        return closing_code(error) in COMING_BACK
    return isinstance(error, (OSError, zmqtt.MQTTDisconnectedError))


def _short(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text[: 2 * LONGEST_WORDS])
    return printable[:LONGEST_WORDS]


class Complaints:
    """Says why a connection is gone, once for each reason in ten minutes; the rest is counted.

    Parameters
    ----------
    name
        Of the connection.
    clock
        Monotonic seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic_s) -> None:
        self._name = name
        self._clock = clock
        self._said_s: dict[str, float] = {}
        self._unsaid = 0
        self.latest = ""

    def lost(self, error: BaseException) -> None:
        """Say it, unless it was said a moment ago."""
        reason, now_s = words_of(error), self._clock()
        self.latest = reason
        self._said_s = {each: at_s for each, at_s in self._said_s.items() if now_s - at_s < SAY_AGAIN_S}
        if reason in self._said_s or len(self._said_s) >= LINES_AT_ONCE:
            self._unsaid += 1
            log.debug("no connection to the broker", connection=self._name, reason=reason)
            return
        log.warning(
            "no connection to the broker, trying again",
            connection=self._name,
            reason=reason,
            not_said_since=self._unsaid,
        )
        self._said_s[reason], self._unsaid = now_s, 0

    def stands(self) -> None:
        """Note that there is a connection."""
        self.latest = ""


class Backoff:
    """Wait before the next attempt: longer each time, by chance, short again after a good one.

    Examples
    --------
    >>> backoff = Backoff(random.Random(1))
    >>> waits = [backoff.after(ConnectionRefusedError()) for _ in range(6)]
    >>> all(0 < wait <= LONGEST_AWAY_S for wait in waits), waits[-1] > waits[0]
    (True, True)
    >>> max(backoff.after(zmqtt.MQTTConnectError(0x87)) for _ in range(20)) > 15
    True
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 no secret
        self._attempts = 0

    def after(self, error: BaseException, stood_s: float = 0.0) -> float:
        """Seconds to wait after a connection that ended so, after it had stood for a while."""
        if stood_s >= STEADY_S:
            self._attempts = 0
        longest_s = LONGEST_AWAY_S if _is_away(error) else LONGEST_REFUSED_S
        self._attempts += 1
        return backoff_s(self._attempts, FIRST_S, longest_s) * self._rng.uniform(0.5, 1.0)
