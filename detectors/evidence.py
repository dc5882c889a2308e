"""Evidence of hits among opportunities: e-values, which of many to believe, intervals, forecasts."""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, lgamma, log, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RATES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
"""Hit rates that a habit may have: the alternatives that an e-value averages over."""

LARGEST = 1e300
"""Evidence beyond is cut here, so that every figure stays finite."""

LOG_CAP = log(LARGEST)

SMALLEST_RATE = 1e-9
PRIOR_OPPORTUNITIES = 3.0
MAX_FRACTION_TERMS = 300
MAX_STEPS = 100
TOLERANCE = 1e-12


def log_e_values(
    hits: ArrayLike, opportunities: ArrayLike, base_rates: ArrayLike, rates: Sequence[float] = RATES
) -> Floats:
    """Natural logarithms of `e_values`; the smallest possible is -inf, the largest `LOG_CAP`."""
    k, n, q = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (hits, opportunities, base_rates))
    )
    theta = np.array(rates).reshape(-1, *(1 for _ in k.shape))
    possible = theta > q
    q = np.clip(q, SMALLEST_RATE, 1 - SMALLEST_RATE)
    chance = k * np.log(q) + (n - k) * np.log1p(-q)
    terms = np.where(possible, k * np.log(theta) + (n - k) * np.log1p(-theta) - chance, -np.inf)
    top = terms.max(axis=0)
    shift = np.where(possible.any(axis=0), top, 0.0)
    with np.errstate(divide="ignore"):
        mean = np.log(np.exp(terms - shift).sum(axis=0) / len(rates)) + shift
    return np.asarray(np.minimum(mean, LOG_CAP), dtype=np.float64)


def e_values(
    hits: ArrayLike, opportunities: ArrayLike, base_rates: ArrayLike, rates: Sequence[float] = RATES
) -> Floats:
    """Evidence against chance, for arrays.

    ``E = mean over theta of theta^k (1 - theta)^(n - k) / (q^k (1 - q)^(n - k))``: the mean likelihood
    ratio of hit rate theta, which a habit would have, to `base_rates` q. 1 says nothing, 0 speaks against a
    habit, and if the true rate is at most q its expectation is at most 1. Rates theta up to q count as 0, so
    that rarer hits than by chance are never evidence. E-values over disjoint days multiply; the mean over
    scanned windows is an e-value again.

    Parameters
    ----------
    hits, opportunities, base_rates
        Arrays that broadcast; ``0 <= hits <= opportunities``.
    rates
        The hit rates theta.

    Returns
    -------
    Evidence, from 0 to 1e300, always finite.

    Examples
    --------
    >>> [round(e, 2) for e in e_values([0, 3, 7], 7, 0.1).tolist()]
    [0.03, 5.12, 2306248.64]

    References
    ----------
    V. Vovk, R. Wang (2021). E-values: calibration, combination and applications. Annals of Statistics 49(3),
    1736-1754. doi:10.1214/20-AOS2020
    """
    return np.minimum(np.exp(log_e_values(hits, opportunities, base_rates, rates)), LARGEST)


def e_value(hits: int, opportunities: int, base_rate: float, rates: Sequence[float] = RATES) -> float:
    """Evidence of one candidate, as `e_values` has it.

    Examples
    --------
    >>> e_value(7, 7, 0.5, rates=[1.0 - 1e-12])
    128.0
    >>> e_value(5_000, 5_000, 0.001)
    1e+300
    """
    return float(e_values(hits, opportunities, base_rate, rates))


def accept(evidence: ArrayLike, alpha: float, hypotheses: int | None = None) -> NDArray[np.bool_]:
    """Return which candidates to believe: at most a share `alpha` of them is expected to be chance (e-BH).

    Of m hypotheses, believe the R largest e-values for the largest R with ``E_(R) >= m / (alpha R)``; this
    holds under any dependence between them.

    Parameters
    ----------
    evidence
        One e-value a candidate, none of them NaN.
    alpha
        The false discovery rate.
    hypotheses
        How many were tested, where candidates that cannot pass were left out; default: all in `evidence`.

    Examples
    --------
    >>> accept([30, 2, 20, 70], alpha=0.05).tolist()
    [False, False, False, False]
    >>> accept([30, 2, 20, 80], alpha=0.05).tolist()
    [False, False, False, True]
    >>> accept([30, 2, 27, 40], alpha=0.05).tolist()
    [True, False, True, True]

    References
    ----------
    R. Wang, A. Ramdas (2022). False discovery rate control with e-values. Journal of the Royal Statistical
    Society B 84(3), 822-852. doi:10.1111/rssb.12489
    """
    e = np.asarray(evidence, dtype=np.float64)
    tested = len(e) if hypotheses is None else hypotheses
    descending = np.sort(e)[::-1]
    enough = np.nonzero(descending * np.arange(1, len(e) + 1) >= tested / alpha)[0]
    if not len(enough):
        return np.zeros(len(e), dtype=np.bool_)
    return np.asarray(e >= descending[enough[-1]], dtype=np.bool_)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function ``I_x(a, b)``: probability that a Beta(a, b) variable is below x.

    By the continued fraction of the Digital Library of Mathematical Functions 8.17.22, evaluated with Lentz's
    method on the side where it converges fast.

    Examples
    --------
    >>> round(beta_cdf(0.5, 2, 3), 12), round(beta_cdf(0.9, 10, 1), 9)
    (0.6875, 0.34867844)

    References
    ----------
    NIST Digital Library of Mathematical Functions, section 8.17. https://dlmf.nist.gov/8.17
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)
    return exp(front) / (a * _beta_fraction(x, a, b))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate ``1 + d1/(1 + d2/(1 + ...))``, whose d are DLMF 8.17.23, by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for i in range(1, MAX_FRACTION_TERMS):
        m = i // 2
        if i % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d)
        c = 1 + term / c
        value *= c * d
        if abs(c * d - 1) < TOLERANCE:
            break
    return value


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return the x with ``I_x(a, b) = probability``: Newton's steps, kept inside a shrinking bracket.

    Examples
    --------
    >>> round(beta_quantile(0.6875, 2, 3), 9)
    0.5
    """
    low, high, x = 0.0, 1.0, a / (a + b)
    norm = lgamma(a + b) - lgamma(a) - lgamma(b)
    for _ in range(MAX_STEPS):
        error = beta_cdf(x, a, b) - probability
        low, high = (x, high) if error < 0 else (low, x)
        density = exp(norm + (a - 1) * log(x) + (b - 1) * log1p(-x))
        step = x - error / density if density > 0 else low
        moved = step if low < step < high else (low + high) / 2
        if abs(moved - x) < TOLERANCE:
            break
        x = moved
    return x


def beta_interval(hits: float, opportunities: float, level: float = 0.9) -> tuple[float, float]:
    """Credible interval of the hit rate: equal tails of Beta(hits + 1/2, misses + 1/2), Jeffreys' prior.

    Closed where the data are extreme: no hit makes the lower end 0, no miss the upper end 1.

    Examples
    --------
    As in table 5 of the reference, 0 of 20:

    >>> low, high = beta_interval(0, 20, level=0.95)
    >>> low, round(high, 3)
    (0.0, 0.117)

    References
    ----------
    L. D. Brown, T. T. Cai, A. DasGupta (2001). Interval estimation for a binomial proportion. Statistical
    Science 16(2), 101-133. doi:10.1214/ss/1009213286
    """
    a, b, tail = hits + 0.5, opportunities - hits + 0.5, (1 - level) / 2
    low = beta_quantile(tail, a, b) if hits > 0 else 0.0
    high = beta_quantile(1 - tail, a, b) if hits < opportunities else 1.0
    return low, high


def lower_bound(hits: float, opportunities: float, level: float = 0.9) -> float:
    """Hit rate that is exceeded with probability `level`: what may be claimed with that certainty.

    Examples
    --------
    >>> lower_bound(9, 10) < 0.9 < lower_bound(900, 900)
    True
    """
    return beta_quantile(1 - level, hits + 0.5, opportunities - hits + 0.5)


def forecast(
    hits: Sequence[bool] | NDArray[np.bool_],
    base_rate: float,
    half_life: float = 14.0,
    *,
    prior_opportunities: float = PRIOR_OPPORTUNITIES,
) -> float:
    """Probability that the next opportunity is a hit: decayed towards the past, shrunk towards a prior rate.

    ``p = (sum w hit + m q) / (sum w + m)`` with weights ``w = 2^(-age / half_life)``.

    Parameters
    ----------
    hits
        One truth value an opportunity, oldest first.
    base_rate
        Rate q that is expected before anything was seen: that of chance, or the usual one of such habits.
    half_life
        Opportunities after which one counts half.
    prior_opportunities
        Opportunities m that `base_rate` weighs as much as.

    Examples
    --------
    >>> round(forecast([], 0.1), 2), round(forecast([True] * 14, 0.1), 2)
    (0.1, 0.8)
    >>> round(forecast([True] * 14 + [False] * 14, 0.1), 2)
    0.3
    """
    series = np.asarray(hits, dtype=np.float64)
    weights = 0.5 ** (np.arange(len(series) - 1, -1, -1) / half_life)
    hit_weight = float(weights @ series) + prior_opportunities * base_rate
    return hit_weight / (float(weights.sum()) + prior_opportunities)
