"""Bounds on questions that are answered: some at once, some a minute, of each asker a part."""

from dataclasses import dataclass, field

MINUTE_S = 60.0
# A person who clicks through a page asks once a second at most.
ANSWERS_AT_ONCE, ANSWERS_A_MINUTE = 60, 60
OF_ONE_AT_ONCE, OF_ONE_A_MINUTE = 20, 20
# An answer with thousands of suggestions takes two seconds: a tenth of the time goes into answers at most.
WORK_AT_ONCE_S, WORK_A_MINUTE_S = 12.0, 6.0
# That somebody is refused costs a message; a flood of refusals would be one as well.
REFUSALS_AT_ONCE, REFUSALS_A_MINUTE = 20, 20
ASKERS_AT_MOST = 200


@dataclass(slots=True)
class _Bucket:
    """Token bucket: filled up to `most`, by so much a minute."""

    most: float
    a_minute: float
    left: float = field(init=False)
    _at_s: float | None = None

    def __post_init__(self) -> None:
        self.left = self.most

    def fill(self, now_s: float) -> float:
        """Let time pass; return what is left."""
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self.left = min(self.most, self.left + passed_s / MINUTE_S * self.a_minute)
        return self.left


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
        self._all = _Bucket(ANSWERS_AT_ONCE, ANSWERS_A_MINUTE)
        self._work = _Bucket(WORK_AT_ONCE_S, WORK_A_MINUTE_S)
        self._refusals = _Bucket(REFUSALS_AT_ONCE, REFUSALS_A_MINUTE)
        self._askers: dict[str, _Bucket] = {}
        self._refused_s: float | None = None
        self.refused = 0

    def admits(self, asker: str, now_s: float) -> bool:
        """Return whether a question is answered; it counts then."""
        one = self._asker(asker)
        if min(self._all.fill(now_s), one.fill(now_s)) < 1 or self._work.fill(now_s) <= 0:
            self.refused, self._refused_s = self.refused + 1, now_s
            return False
        self._all.left -= 1
        one.left -= 1
        return True

    def worked(self, seconds: float) -> None:
        """Count what an answer took; it may be more than was left."""
        self._work.left -= seconds

    def tells(self, now_s: float) -> bool:
        """Return whether who is refused is told so."""
        if self._refusals.fill(now_s) < 1:
            return False
        self._refusals.left -= 1
        return True

    def is_flooded(self, now_s: float) -> bool:
        """Return whether somebody was refused within the last minute."""
        if self._refused_s is not None and now_s - self._refused_s > MINUTE_S:
            self.refused, self._refused_s = 0, None
        return self._refused_s is not None

    def _asker(self, asker: str) -> _Bucket:
        one = self._askers.pop(asker, None) or _Bucket(OF_ONE_AT_ONCE, OF_ONE_A_MINUTE)
        self._askers[asker] = one
        if len(self._askers) > ASKERS_AT_MOST:
            del self._askers[next(iter(self._askers))]
        return one
