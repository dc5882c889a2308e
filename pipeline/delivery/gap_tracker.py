"""When the home could not be seen, from the first sign that it was lost to the first that it is back."""

from schemas.events import Gap

NOT_RUNNING = "not_running"
BROKER = "broker"
HOME_ASSISTANT = "home_assistant"
PAUSE_US = 5_000_000


class GapTracker:
    """Joins what the broker, Home Assistant and our own absence tell into one gap each.

    A gap ends with the event time of the first change that is behaviour, so that what a broker kept for us
    while we were away is no gap; or when Home Assistant says that it has started.

    Examples
    --------
    >>> tracker = GapTracker()
    >>> tracker.lost(1_000_000, HOME_ASSISTANT); tracker.lost(2_000_000, BROKER)
    >>> tracker.seen(9_000_000)
    Gap(from_us=1000000, to_us=9000000, reason='home_assistant')
    >>> tracker.seen(9_500_000) is None
    True
    """

    def __init__(self) -> None:
        self._lost: tuple[int, str] | None = None

    @property
    def since_us(self) -> int | None:
        """When the home was lost from sight, while it is."""
        return self._lost[0] if self._lost else None

    def lost(self, at_us: int, reason: str) -> None:
        """The home cannot be seen from now on; while it is lost already, this tells nothing new."""
        if self._lost is None:
            self._lost = (at_us, reason)

    def seen(self, at_us: int) -> Gap | None:
        """The home is seen; return the gap that this ends, unless it was a mere pause of ours."""
        if self._lost is None:
            return None
        from_us, reason = self._lost
        self._lost = None
        if at_us <= from_us or (reason == NOT_RUNNING and at_us - from_us < PAUSE_US):
            return None
        return Gap(from_us, at_us, reason)
