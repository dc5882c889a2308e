"""Bounds on questions that are answered: some at once, some a minute, of each asker a part."""

from pipeline.timing.token_bucket import TokenBucket

MINUTE_S = 60.0
# A person who clicks through a page asks once a second at most.
ANSWERS_AT_ONCE, ANSWERS_A_MINUTE = 60, 60
OF_ONE_AT_ONCE, OF_ONE_A_MINUTE = 20, 20
# An answer with thousands of suggestions takes two seconds: a tenth of the time goes into answers at most.
WORK_AT_ONCE_S, WORK_A_MINUTE_S = 12.0, 6.0
# That somebody is refused costs a message; a flood of refusals would be one as well.
REFUSALS_AT_ONCE, REFUSALS_A_MINUTE = 20, 20
ASKERS_AT_MOST = 200


class QuestionBounds:
    """Says whether a question is answered, and whether who asked is told that it is not.

    Whoever asks under ever new names shares what all have; who keeps to one name leaves the others theirs.
    Constant memory and time a question. Times are monotonic seconds.

    Examples
    --------
    >>> bounds = QuestionBounds()
    >>> sum(bounds.admits("one", 0.0) for _ in range(100)), bounds.admits("other", 0.0)
    (20, True)
    >>> bounds.admits("one", 3.0), bounds.admits("one", 3.0)
    (True, False)
    """

    def __init__(self) -> None:
        self._all = TokenBucket(ANSWERS_AT_ONCE, ANSWERS_A_MINUTE, MINUTE_S)
        self._work = TokenBucket(WORK_AT_ONCE_S, WORK_A_MINUTE_S, MINUTE_S)
        self._refusals = TokenBucket(REFUSALS_AT_ONCE, REFUSALS_A_MINUTE, MINUTE_S)
        self._askers: dict[str, TokenBucket] = {}
        self._refused_s: float | None = None
        self.refused = 0

    def admits(self, asker: str, now_s: float) -> bool:
        """Return whether a question is answered; it counts then."""
        one = self._asker(asker)
        if min(self._all.fill(now_s), one.fill(now_s)) < 1 or self._work.fill(now_s) <= 0:
            self.refused, self._refused_s = self.refused + 1, now_s
            return False
        self._all.spend(1)
        one.spend(1)
        return True

    def worked(self, seconds: float) -> None:
        """Count what an answer took; it may be more than was left."""
        self._work.spend(seconds)

    def tells(self, now_s: float) -> bool:
        """Return whether who is refused is told so."""
        return self._refusals.take(now_s)

    def is_flooded(self, now_s: float) -> bool:
        """Return whether somebody was refused within the last minute."""
        if self._refused_s is not None and now_s - self._refused_s > MINUTE_S:
            self.refused, self._refused_s = 0, None
        return self._refused_s is not None

    def _asker(self, asker: str) -> TokenBucket:
        one = self._askers.pop(asker, None) or TokenBucket(OF_ONE_AT_ONCE, OF_ONE_A_MINUTE, MINUTE_S)
        self._askers[asker] = one
        if len(self._askers) > ASKERS_AT_MOST:
            del self._askers[next(iter(self._askers))]
        return one
