"""Feedback on earlier suggestions: it moves the ranking, and the confidence that the next ones need."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.patterns import PatternType
from schemas.suggestions import Experience, Opinion, UserFeedback

KEPT = frozenset({Opinion.APPROVED})
NOT_KEPT = frozenset({Opinion.REJECTED, Opinion.UNDONE, Opinion.REMOVED, Opinion.DISABLED})
# Opinions that all kinds together are worth to one of which nothing is known.
STRENGTH = 4.0
# Without any opinion every second suggestion is expected to be kept.
UNKNOWN = 0.5


class Kind(NamedTuple):
    """Kind of suggestions: the type of their pattern, and the domain of the entity they act on first."""

    pattern_type: PatternType
    device_class: str


def experience(feedback: Sequence[UserFeedback], pattern_type: PatternType, device_class: str) -> Experience:
    """Return how many suggestions of a kind were kept, and the probability that the next one is.

    Each suggestion counts once, by the last thing that was decided: kept if it was approved, not kept if it
    was rejected, undone, removed or disabled. "Not now" and a modification decide nothing. With ``k`` kept of
    ``n`` of the kind, and ``K`` of ``N`` of all kinds, the probability is the mean of a Beta posterior whose
    prior is what all kinds let expect, worth `STRENGTH` = s opinions::

        m = (K + 1) / (N + 2)        p = (k + s * m) / (n + s)

    0 and 1: none, or every one, is expected to be kept; neither is ever reached. Linear in the feedback.

    Examples
    --------
    >>> experience([], PatternType.DURATION, "light")
    Experience(kept=0, undone=0, probability=0.5)

    References
    ----------
    A. Gelman et al. (2013). Bayesian Data Analysis, 3rd edition, chapter 5: hierarchical models.
    """
    kept, undone = _decided(feedback)
    kind = Kind(pattern_type, device_class)
    k, n = kept[kind], kept[kind] + undone[kind]
    m = (kept.total() + 1) / (kept.total() + undone.total() + 2)
    return Experience(kept=k, undone=n - k, probability=(k + STRENGTH * m) / (n + STRENGTH))


def bar(minimum: float, known: Experience) -> float:
    """Return the confidence, 0 to 1, that the next suggestion of a kind needs; never below `minimum`.

    Where people keep less than every second suggestion of a kind, fewer of its runs may be unwanted, in the
    same proportion: ``1 - (1 - minimum) * min(1, p / 0.5)``.

    Examples
    --------
    >>> bar(0.75, Experience(probability=0.9)), bar(0.75, Experience(probability=0.2))
    (0.75, 0.9)
    """
    return 1 - (1 - minimum) * min(1.0, known.probability / UNKNOWN)


def _decided(feedback: Iterable[UserFeedback]) -> tuple[Counter[Kind], Counter[Kind]]:
    """Return the counts of kept and of not kept suggestions by kind, each by the last decision on it."""
    last: dict[str, UserFeedback] = {}
    for each in sorted(feedback, key=lambda said: (said.at, said.message_id)):
        if each.opinion in KEPT | NOT_KEPT:
            last[each.suggestion_id] = each
    kept, undone = Counter[Kind](), Counter[Kind]()
    for each in last.values():
        counter = kept if each.opinion in KEPT else undone
        counter[Kind(each.pattern_type, each.device_class)] += 1
    return kept, undone
