"""Waits of the outbox by topic: one that is refused holds back nothing but itself."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import backoff_s
from schemas.outgoing import Outgoing

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
# A broker that is overloaded, or over its quota, is so for minutes; hours of it need a person.
PASSING_ATTEMPTS = 8
PASSING_S = 600.0
# A connection ends by chance while one message alone is under way: three times in a row it does not.
STRIKES = 3


@dataclass(slots=True)
class Lane:
    """A topic whose oldest message did not go out: which one, how often, and when it is tried again."""

    head: str
    since_s: float
    until_s: float
    refusals: int = 0
    strikes: int = 0
    acknowledged: int = -1


class Lanes:
    """The topics that wait.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        self._clock = clock
        self._lanes: dict[str, Lane] = {}

    def held(self) -> list[str]:
        """Topics that are not tried now."""
        now_s = self._clock()
        return [topic for topic, lane in self._lanes.items() if lane.until_s > now_s]

    def sent(self, topic: str) -> None:
        """Note that a message of this topic went out."""
        self._lanes.pop(topic, None)

    def refused(self, message: Outgoing) -> bool:
        """Note that a message was refused for now; whether that has gone on for too long."""
        lane = self._lane(message)
        lane.refusals += 1
        self._wait(lane, lane.refusals)
        return lane.refusals >= PASSING_ATTEMPTS and self._clock() - lane.since_s >= PASSING_S

    def lost(self, message: Outgoing, acknowledged: int) -> bool:
        """Note that the connection ended upon a message; whether it does so again and again.

        That counts while the broker acknowledges other messages in between: one that acknowledges none has
        nothing against this one.
        """
        lane = self._lane(message)
        if acknowledged > lane.acknowledged:
            lane.strikes += 1
            lane.acknowledged = acknowledged
        self._wait(lane, lane.strikes)
        return lane.strikes >= STRIKES

    def _lane(self, message: Outgoing) -> Lane:
        lane = self._lanes.get(message.topic)
        if lane is None or lane.head != message.id:
            now_s = self._clock()
            lane = self._lanes[message.topic] = Lane(message.id, now_s, now_s)
        return lane

    def _wait(self, lane: Lane, times: int) -> None:
        lane.until_s = self._clock() + backoff_s(max(1, times), FIRST_WAIT_S, LONGEST_WAIT_S)
