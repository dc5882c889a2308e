"""Anomaly of a numeric value out of its context."""

from dataclasses import dataclass

LARGE = 100


@dataclass(frozen=True, slots=True)
class Surprise:
    """A value out of its context: what was measured, between what it usually is, and judged by which context.

    `what` is ``value`` (an hour's mean), ``jump`` (one reading), ``level`` (some hours in a row) or
    ``roughness`` (the mean change between readings); `low` and `high` hold all but about 3 in 100.

    Examples
    --------
    >>> surprise = Surprise(6.2, "jump", 35.0, 19.8, 22.4, "hour of the day")
    >>> surprise.observed, surprise.expected
    ('jumped to 35', 'is usually between 19.8 and 22.4, judging by its hour of the day')
    """

    score: float
    what: str
    value: float
    low: float
    high: float
    context: str

    @property
    def expected(self) -> str:
        """Usual values, in words."""
        rough = self.what == "roughness"
        low = _figures(self.low)
        usual = f"usually changes by {low} to" if rough else f"is usually between {low} and"
        between = " from one reading to the next" if rough else ""
        return f"{usual} {_figures(self.high)}{between}, judging by its {self.context}"

    @property
    def observed(self) -> str:
        """Measured value, in words."""
        value = _figures(self.value)
        return {
            "value": f"was {value} on average within an hour",
            "jump": f"jumped to {value}",
            "level": f"was {value}, after hours on the same side of what is usual",
            "roughness": f"changed by {value} from one reading to the next",
        }[self.what]


def _figures(value: float) -> str:
    """Three significant digits, and no decimals where there are as many before the point.

    Examples
    --------
    >>> _figures(6.048), _figures(7.402), _figures(1013.24)
    ('6.05', '7.4', '1013')
    """
    return f"{value:.0f}" if abs(value) >= LARGE else f"{value:.3g}"


NOTHING = Surprise(0.0, "value", 0.0, 0.0, 0.0, "recent level")
