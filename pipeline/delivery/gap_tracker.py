"""When the home could not be seen, from the first sign that it was lost to the first that it is back."""

from schemas.events import Gap

NOT_RUNNING = "not_running"
BROKER = "broker"
HOME_ASSISTANT = "home_assistant"
PAUSE_US = 5_000_000
RETURN_US = 60_000_000
WILL_US = 5_000_000


class GapTracker:
    """Joins what the broker, Home Assistant and our own absence tell into one gap each.

    A gap ends with the event time of the first change that is behaviour, so that what a broker kept for us
    while we were away is no gap; or when Home Assistant says that it has started. In a quiet home neither
    comes: then our own heartbeat, behind everything that the broker had kept, ends it at the moment when the
    connection stood again. After the broker's own absence Home Assistant gets a minute to return.

    Examples
    --------
    >>> tracker = GapTracker()
    >>> tracker.lost(1_000_000, HOME_ASSISTANT); tracker.lost(8_000_000, BROKER)
    >>> tracker.seen(900_000) is None
    True
    >>> tracker.seen(9_000_000)
    Gap(from_us=1000000, to_us=9000000, reason='home_assistant')
    >>> tracker.seen(9_500_000) is None
    True
    >>> tracker.lost(20_000_000, NOT_RUNNING); tracker.connected(30_000_000); tracker.heard(31_000_000)
    Gap(from_us=20000000, to_us=30000000, reason='not_running')
    """

    def __init__(self) -> None:
        self._lost: tuple[int, str] | None = None
        self._connected_us: int | None = None

    @property
    def loss(self) -> tuple[int, str] | None:
        """When and why the home was lost from sight, while it is."""
        return self._lost

    def lost(self, at_us: int, reason: str) -> None:
        """The home cannot be seen from now on; while it is lost already, this tells nothing new."""
        self._connected_us = None
        if self._lost is None:
            self._lost = (at_us, reason)
        elif reason == BROKER and self._lost[1] == HOME_ASSISTANT and at_us - self._lost[0] < WILL_US:
            # A broker that is stopped sends Home Assistant's will before it closes our connection.
            self._lost = (self._lost[0], BROKER)

    def connected(self, at_us: int) -> None:
        """The connection to the broker stands."""
        self._connected_us = at_us

    def seen(self, at_us: int) -> Gap | None:
        """The home is seen; return the gap that this ends, unless it was a mere pause of ours.

        What was before the loss and comes late ends nothing.
        """
        if self._lost is None or at_us <= self._lost[0]:
            return None
        if self._lost[1] == NOT_RUNNING and self._connected_us is not None:
            return self._end(min(at_us, self._connected_us))
        return self._end(at_us)

    def heard(self, at_us: int) -> Gap | None:
        """Our own heartbeat came back; return the gap that this ends, if any."""
        if self._lost is None or self._connected_us is None or self._lost[1] == HOME_ASSISTANT:
            return None
        if self._connected_us <= self._lost[0]:
            # A clock that is behind knows no end; an event does.
            return None
        patience_us = RETURN_US if self._lost[1] == BROKER else 0
        return self._end(self._connected_us) if at_us >= self._connected_us + patience_us else None

    def not_after(self, at_us: int) -> None:
        """Nothing was lost, nor a connection made, later than now: a clock was ahead."""
        if self._lost is not None and self._lost[0] > at_us:
            self._lost = (at_us, self._lost[1])
        if self._connected_us is not None:
            self._connected_us = min(self._connected_us, at_us)

    def _end(self, at_us: int) -> Gap | None:
        if self._lost is None:
            return None
        from_us, reason = self._lost
        self._lost = None
        if at_us <= from_us or (reason == NOT_RUNNING and at_us - from_us < PAUSE_US):
            return None
        return Gap(from_us, at_us, reason)
