"""Common parts of the detectors of events that follow others."""

from detectors.following.screening import Tables


class Tabulating:
    """A detector that nominates pairs from day tables, reads them once, and reports at a rate `alpha`.

    Parameters
    ----------
    alpha
        False discovery rate among what is reported.
    half_life_days
        Days after which an opportunity counts half in the confidence.
    """

    def __init__(self, *, alpha: float, half_life_days: float) -> None:
        if half_life_days <= 0:
            raise ValueError(f"expected half_life_days above 0, got {half_life_days}")
        self.alpha = share("alpha", alpha)
        self.half_life_days = half_life_days
        self._tables = Tables()


def share(name: str, value: float) -> float:
    """Return a parameter that must be between 0 and 1.

    Examples
    --------
    >>> share("alpha", 5)
    Traceback (most recent call last):
    ValueError: expected alpha between 0 and 1, got 5
    """
    if not 0 < value < 1:
        raise ValueError(f"expected {name} between 0 and 1, got {value}")
    return value
