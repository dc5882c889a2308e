"""Waits that double from one attempt to the next."""

# Beyond, a float overflows before the longest wait is looked at.
DOUBLINGS = 32


def backoff_s(failures: int, first_s: float, longest_s: float) -> float:
    """Return the seconds to wait after so many failures in a row: `first_s`, then twice as long each time.

    Examples
    --------
    >>> [backoff_s(failures, 0.5, 3.0) for failures in range(6)]
    [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]
    """
    if failures <= 0:
        return 0.0
    return min(first_s * 2.0 ** min(failures - 1, DOUBLINGS), longest_s)
