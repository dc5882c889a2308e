"""Minutes of a day as a circle of 1440: midnight lies between 23:59 and 00:00 like any other minute."""

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MINUTES_A_DAY = 1440
HALF_A_DAY = MINUTES_A_DAY // 2


@overload
def wrapped(minutes: float) -> float: ...


@overload
def wrapped(minutes: "NDArray[np.float64]") -> "NDArray[np.float64]": ...


def wrapped(minutes: "float | NDArray[np.float64]") -> "float | NDArray[np.float64]":
    """Return a difference of two minutes by the shorter way round: -720 <= minutes < 720; arrays by element.

    Examples
    --------
    >>> wrapped(5 - 1435), wrapped(1435 - 5), wrapped(720)
    (10, -10, -720)
    """
    return (minutes + HALF_A_DAY) % MINUTES_A_DAY - HALF_A_DAY


def apart(one: float, other: float) -> float:
    """Return the distance of two minutes on the circle, 0 to 720.

    Examples
    --------
    >>> apart(1435, 5), apart(5, 1435), apart(420, 466)
    (10, 10, 46)
    """
    return abs(wrapped(one - other))
