"""When the home could not be seen: from the last proof that nothing was missed to the first sign after it."""

from typing import NamedTuple

from schemas.events import BROKER, HOME_ASSISTANT, NOT_RUNNING, Gap

# Between two publishers, or a publisher and its second try, events change places by less.
REORDERED_US = 1_000_000
RETURN_US = 60_000_000
WILL_US = 5_000_000
# So long a start of Home Assistant may take: until it is over, an entity that speaks does not show the home.
START_US = 600_000_000
# A broker sends the will of a client that is silent after one and a half times its keepalive of 60 s.
KEEPALIVE_US = 90_000_000


class Loss(NamedTuple):
    """Since when the home is out of sight, why, and when that was noticed."""

    from_us: int
    reason: str
    noticed_us: int


class GapTracker:
    """Joins what the broker, Home Assistant and our own absence tell into one gap each.

    A broker that dies loses what it acknowledged in the moments before, so a gap begins at the last proof of
    delivery, an event or a heartbeat that came through, not where the loss was noticed. It ends with the
    event time of the first change that is behaviour, so that what a broker kept for us is no gap, but not
    before the connection broke, nor, where the broker has no session of ours, before we were subscribed
    again. In a quiet home our own heartbeat, behind everything that the broker had kept, ends it at the
    moment when the connection stood again. After the broker's own absence Home Assistant gets a minute to
    return; its own absence only it can end: by behaviour, by saying that it has started, or, where neither
    is heard, by being there in another way for as long as a start takes.

    Examples
    --------
    >>> tracker = GapTracker()
    >>> tracker.proved(6_900_000, received_us=7_000_000); tracker.lost(8_000_000, BROKER)
    >>> tracker.connected(10_000_000, resumed=False) is None
    True
    >>> tracker.seen(5_000_000) is None
    True
    >>> tracker.seen(12_000_000)
    Gap(from_us=5900000, to_us=12000000, reason='broker')
    >>> tracker.seen(12_500_000) is None
    True
    """

    def __init__(self) -> None:
        self._lost: Loss | None = None
        self._stands_us: int | None = None
        self._is_resumed = True
        self._first_us: int | None = None
        self._back_us: int | None = None
        self._proof_us = 0
        self._event_us = 0

    @property
    def loss(self) -> Loss | None:
        """When and why the home was lost from sight, while it is."""
        return self._lost

    def proved(self, event_us: int = 0, heartbeat_us: int = 0, *, received_us: int) -> None:
        """An event or heartbeat of this time was received: so was what was published before it.

        An event of the future proves no more than that it was received; a clock that was set back makes
        what it said before no proof.
        """
        if self._proof_us > received_us:
            self._proof_us = self._event_us = 0
        self._event_us = max(self._event_us, min(event_us, received_us))
        self._proof_us = max(self._proof_us, self._event_us, min(heartbeat_us, received_us))

    def lost(self, at_us: int, reason: str) -> None:
        """The home cannot be seen from now on; while it is lost already, this tells nothing new."""
        if reason != HOME_ASSISTANT:
            self._stands_us = self._first_us = None
        else:
            self._back_us = None
        from_us = min(at_us, self._since_us(at_us, reason))
        if self._lost is None:
            self._lost = Loss(from_us, reason, at_us)
        elif (
            reason == BROKER
            and self._lost.reason == HOME_ASSISTANT
            and at_us - self._lost.noticed_us < WILL_US
        ):
            # A broker that is stopped sends Home Assistant's will before it closes our connection.
            self._lost = Loss(min(from_us, self._lost.from_us), BROKER, at_us)
        elif reason == HOME_ASSISTANT and self._lost.reason == NOT_RUNNING and self._stands_us is not None:
            # It stopped while we were away, and our heartbeat says nothing of it.
            self._lost = self._lost._replace(reason=HOME_ASSISTANT)

    def deaf(self, at_us: int) -> None:
        """Events did not come although the connection stood: since the last of them nothing is proved."""
        self._proof_us = self._event_us
        if self._lost is None:
            self.lost(at_us, BROKER)

    def restore(self, loss: Loss) -> None:
        """Go on with a loss that an earlier process noticed."""
        self._lost = loss

    def connected(self, at_us: int, *, resumed: bool) -> Gap | None:
        """We are subscribed again; return the gap that this ends, as where a change has been seen before.

        `resumed` says whether the broker still had our session, or one of it from earlier.
        """
        self._stands_us, self._is_resumed = at_us, resumed
        first_us, self._first_us = self._first_us, None
        return None if first_us is None else self.seen(first_us)

    def seen(self, at_us: int) -> Gap | None:
        """The home is seen; return the gap that this ends.

        What was before the loss and comes late ends nothing.
        """
        loss = self._lost
        if loss is None or at_us <= loss.from_us:
            return None
        if loss.reason == HOME_ASSISTANT:
            return self._end(self._subscribed(at_us)) if at_us > loss.noticed_us else None
        if self._stands_us is None:
            self._first_us = at_us if self._first_us is None else self._first_us
            return None
        if not self._is_resumed:
            return self._end(max(at_us, self._stands_us))
        if loss.reason == BROKER:
            return self._end(max(at_us, loss.noticed_us))
        # A clock that is behind knows no end; an event does.
        return self._end(min(at_us, self._stands_us) if self._stands_us > loss.from_us else at_us)

    def said(self, at_us: int) -> None:
        """Home Assistant is there, as what is no behaviour tells; perhaps it is still starting."""
        loss = self._lost
        if loss is not None and loss.reason == HOME_ASSISTANT and at_us > loss.noticed_us:
            self._back_us = self._back_us or self._subscribed(at_us)

    def heard(self, sent_us: int) -> Gap | None:
        """Our own heartbeat came back; return the gap that this ends, if any."""
        loss, stands_us = self._lost, self._stands_us
        if loss is not None and loss.reason == HOME_ASSISTANT:
            end_us = None if self._back_us is None else self._back_us + START_US
            return self._end(end_us) if end_us is not None and sent_us >= end_us else None
        if loss is None or stands_us is None:
            return None
        if stands_us <= loss.from_us:
            # A clock that is behind knows no end; an event does.
            return None
        is_kept = loss.reason == NOT_RUNNING and self._is_resumed
        return self._end(stands_us) if sent_us >= stands_us + (0 if is_kept else RETURN_US) else None

    def _subscribed(self, at_us: int) -> int:
        """When something was told, or when we were subscribed if nothing was kept for us before."""
        return at_us if self._is_resumed else max(at_us, self._stands_us or at_us)

    def _since_us(self, at_us: int, reason: str) -> int:
        """Since when the home is out of sight that was lost at a moment."""
        if reason == HOME_ASSISTANT:
            return max(self._event_us, at_us - KEEPALIVE_US)
        return self._proof_us - REORDERED_US if self._proof_us else at_us

    def not_after(self, at_us: int) -> None:
        """Nothing was lost, proved, nor subscribed later than now: a clock was ahead."""
        self._proof_us, self._event_us = min(self._proof_us, at_us), min(self._event_us, at_us)
        if self._lost is not None:
            from_us, reason, noticed_us = self._lost
            self._lost = Loss(min(from_us, at_us), reason, min(noticed_us, at_us))
        if self._stands_us is not None:
            self._stands_us = min(self._stands_us, at_us)
        if self._back_us is not None:
            self._back_us = min(self._back_us, at_us)

    def _end(self, at_us: int) -> Gap | None:
        loss, self._lost, self._back_us = self._lost, None, None
        if loss is None or at_us <= loss.from_us:
            return None
        return Gap(loss.from_us, at_us, loss.reason)
