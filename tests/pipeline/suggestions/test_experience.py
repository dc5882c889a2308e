from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.suggestions.experience import STRENGTH, bar, experience
from schemas.patterns import PatternType
from schemas.suggestions import Experience, Opinion, UserFeedback
from tests.fixtures.offers import NOW, opinion

TIME, DURATION = PatternType.TIME_OF_DAY, PatternType.DURATION
KEPT, REJECTED, UNDONE = Opinion.APPROVED, Opinion.REJECTED, Opinion.UNDONE
NOT_KEPT = (Opinion.REJECTED, Opinion.UNDONE, Opinion.REMOVED, Opinion.DISABLED)
UNDECIDED = (Opinion.NOT_NOW, Opinion.MODIFIED)

histories = st.lists(
    st.builds(
        lambda said, who, kind, device: opinion(said, who, kind=kind, device_class=device),
        st.sampled_from(Opinion),
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.sampled_from(PatternType),
        st.sampled_from(["light", "cover"]),
    ),
    max_size=30,
)


def test_without_opinions_nothing_is_expected() -> None:
    """Nobody said anything: one of two is expected to be kept, and the bar is what was set."""
    known = experience([], TIME, "light")
    assert known == Experience(kept=0, undone=0, probability=0.5)
    assert bar(0.75, known) == 0.75


def test_formula() -> None:
    """Three of four lights kept, and no cover: the prior is 4/7, worth four opinions."""
    said = [opinion(KEPT) for _ in range(3)] + [opinion(REJECTED)]
    said.append(opinion(UNDONE, kind=DURATION, device_class="cover"))
    prior = (3 + 1) / (5 + 2)
    found = experience(said, TIME, "light")
    assert (found.kept, found.undone) == (3, 1)
    assert found.probability == pytest.approx((3 + STRENGTH * prior) / (4 + STRENGTH))
    assert experience(said, DURATION, "cover").probability == pytest.approx(STRENGTH * prior / (1 + STRENGTH))


def test_what_is_unknown_borrows_from_all() -> None:
    """A kind of which nothing was said is expected to fare as all others did."""
    said = [opinion(KEPT) for _ in range(8)]
    assert experience(said, DURATION, "cover") == Experience(kept=0, undone=0, probability=9 / 10)


def test_much_experience_outweighs_all_others() -> None:
    """After 40 rejected covers their probability is theirs, however many lights were kept."""
    said = [opinion(KEPT) for _ in range(100)]
    said += [opinion(REJECTED, device_class="cover") for _ in range(40)]
    assert experience(said, TIME, "cover").probability < 0.1
    assert experience(said, TIME, "light").probability > 0.9


@pytest.mark.parametrize("last", NOT_KEPT)
def test_what_is_taken_back_was_not_kept(last: Opinion) -> None:
    """Approved and then undone, removed or disabled counts once, as not kept."""
    found = experience([opinion(KEPT, "a"), opinion(last, "a")], TIME, "light")
    assert (found.kept, found.undone) == (0, 1)


def test_what_is_approved_again_is_kept() -> None:
    """The last decision counts, in the order in which they were made and not told."""
    later = opinion(KEPT, "a", at=NOW + timedelta(days=1))
    found = experience([later, opinion(UNDONE, "a")], TIME, "light")
    assert (found.kept, found.undone) == (1, 0)


@pytest.mark.parametrize("said", UNDECIDED)
def test_what_decides_nothing_counts_as_neither(said: Opinion) -> None:
    """Putting off or modifying leaves the experience as it is, also after an approval."""
    assert experience([opinion(said)], TIME, "light") == experience([], TIME, "light")
    approved = [opinion(KEPT, "a")]
    assert experience([*approved, opinion(said, "a")], TIME, "light") == experience(approved, TIME, "light")


@given(histories)
def test_one_more_kept_never_lowers_and_one_more_undone_never_raises(said: list[UserFeedback]) -> None:
    """More kept ones raise the probability of their kind, undone ones lower it; it stays inside 0 to 1."""
    before = experience(said, TIME, "light")
    better = experience([*said, opinion(KEPT, "new")], TIME, "light")
    worse = experience([*said, opinion(REJECTED, "new")], TIME, "light")
    assert 0 < worse.probability < before.probability < better.probability < 1


@given(histories, st.randoms())
def test_order_of_telling_does_not_matter(said: list[UserFeedback], chance: Random) -> None:
    """The same opinions in any order give the same experience."""
    shuffled = chance.sample(said, len(said))
    assert experience(shuffled, TIME, "light") == experience(said, TIME, "light")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_bar_is_never_below_what_was_set(minimum: float, one: float, other: float) -> None:
    """The bar lies between the minimum and 1, and the more are kept, the lower it is."""
    low, high = sorted((one, other))
    strict, lenient = (bar(minimum, Experience(probability=each)) for each in (low, high))
    assert minimum - 1e-12 <= lenient <= strict <= 1
