"""The judgement of the retained days, and what is said when it ends."""

from detectors.history import Day
from pipeline.core.core import LearningCore
from pipeline.core.messages import Announcer
from pipeline.timing.clock import monotonic_s
from schemas.outgoing import Outgoing

# Judging a large home takes its processor for seconds: whoever may publish may not ask for more.
REQUEST_EVERY_S = 60.0


class Judgement:
    """The judgement that is under way or comes next: the days that it tells of, and who asked for it.

    `days` are those that were closed since the last one; `changed` is how many patterns were said to have
    changed.
    """

    def __init__(self) -> None:
        self.days: list[Day] = []
        self.changed = 0
        self._began_s = 0.0
        self._request = ""
        self._answered = ""
        self._next_at_s = monotonic_s()

    def request(self, request: str) -> None:
        """Ask for one that begins from now on, by a name that tells this request from any other.

        Requests that come while one waits share it. Called from any thread.
        """
        self._request = request

    @property
    def is_due(self) -> bool:
        """Return whether one is asked for, and the last one that was lies back a minute."""
        return bool(self._request) and monotonic_s() >= self._next_at_s

    def begin(self) -> None:
        """Begin; what was asked for before is answered when this ends."""
        self._began_s, self.changed = monotonic_s(), 0
        if self._request:
            self._answered, self._request = self._request, ""
            self._next_at_s = self._began_s + REQUEST_EVERY_S

    def end(self, core: LearningCore, announcer: Announcer) -> list[Outgoing]:
        """End; return a message for each day that was closed, and for the newest one if it was asked for."""
        newest = core.newest_day() if self._answered else None
        told = [(day, "") for day in self.days] + ([(newest, self._answered)] if newest else [])
        self.days, self._answered = [], ""
        active, duration_ms = len(core.ledger.active), round((monotonic_s() - self._began_s) * 1000)
        return [
            announcer.analysis(day, active, self.changed, duration_ms, request=request)
            for day, request in told
        ]
