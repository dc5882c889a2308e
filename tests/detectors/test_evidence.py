"""Evidence: e-values hold their promise, figures are finite, intervals cover."""

import numpy as np
import pytest

from detectors.evidence import (
    accept,
    beta_cdf,
    beta_interval,
    beta_quantile,
    e_value,
    e_values,
    forecast,
    lower_bound,
)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.2, 0.5, 0.9])
def test_expectation_under_chance_is_at_most_one(rate: float) -> None:
    """Over all outcomes of 12 opportunities an e-value is worth at most 1 if there is only chance."""
    number, hits = 12, np.arange(13)
    ways = np.array([1, 12, 66, 220, 495, 792, 924, 792, 495, 220, 66, 12, 1])
    for true_rate in (rate, rate / 2):
        probability = ways * true_rate**hits * (1 - true_rate) ** (number - hits)
        assert probability @ e_values(hits, number, rate) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("hits", "number", "rate"), [(0, 0, 0.0), (90, 90, 0.0), (9000, 9000, 1e-12), (0, 9000, 0.5), (5, 5, 1.0)]
)
def test_evidence_is_always_finite(hits: int, number: int, rate: float) -> None:
    """No count and no base rate makes an e-value infinite or not a number."""
    value = e_value(hits, number, rate)
    assert 0 <= value <= 1e300


def test_more_hits_are_more_evidence() -> None:
    """Among equal opportunities evidence grows with the hits, and falls with the base rate."""
    by_hits = e_values(np.arange(15), 14, 0.1)
    assert (np.diff(by_hits[2:]) > 0).all()
    assert (np.diff(e_values(12, 14, np.linspace(0.01, 0.45, 50))) <= 0).all()


def test_accept_takes_the_largest_prefix() -> None:
    """A larger e-value is never left out where a smaller one is believed, and ties are treated alike."""
    evidence = np.array([1e6, 0.0, 45.0, 45.0, 3.0, 1e3])
    believed = accept(evidence, 0.05)
    assert believed.tolist() == [True, False, True, True, False, True]
    assert not accept([], 0.05).size
    assert not accept(evidence, 0.05, hypotheses=10**9).any()


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1), (3.5, 57.5), (40.5, 0.5), (500.5, 300.5)])
def test_quantile_undoes_the_distribution(a: float, b: float) -> None:
    """The quantile of a probability has that probability below it."""
    for probability in (0.001, 0.05, 0.5, 0.95, 0.999):
        assert beta_cdf(beta_quantile(probability, a, b), a, b) == pytest.approx(probability, abs=1e-8)


def test_distribution_of_known_shapes() -> None:
    """Beta(1, 1) is even, Beta(1/2, 1/2) the arcsine law, Beta(a, 1) a power."""
    for x in (0.01, 0.3, 0.5, 0.77, 0.99):
        assert beta_cdf(x, 1, 1) == pytest.approx(x)
        assert beta_cdf(x, 0.5, 0.5) == pytest.approx(2 / np.pi * np.arcsin(np.sqrt(x)))
        assert beta_cdf(x, 7, 1) == pytest.approx(x**7)


def test_interval_covers_the_true_rate() -> None:
    """Ninety of a hundred intervals of level 0.9 hold the rate that made the data, about."""
    rng = np.random.default_rng(7)
    for rate in (0.2, 0.6, 0.95):
        covered = [
            low <= rate <= high
            for low, high in (beta_interval(int(hits), 30) for hits in rng.binomial(30, rate, 500))
        ]
        assert 0.84 <= np.mean(covered) <= 0.96


def test_lower_bound_rises_with_evidence() -> None:
    """The same share of more opportunities allows a higher claim."""
    assert lower_bound(9, 10) < lower_bound(90, 100) < lower_bound(900, 1000) < 0.9


def test_forecast_follows_what_is_recent() -> None:
    """Misses weigh more the more recent they are, and without data chance is all that is left."""
    early_miss, late_miss = [False, *[True] * 9], [*[True] * 9, False]
    assert forecast(late_miss, 0.1, 5) < forecast(early_miss, 0.1, 5)
    assert forecast([], 0.25) == pytest.approx(0.25)
