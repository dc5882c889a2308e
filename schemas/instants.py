"""Between moments and UTC microseconds, exactly: the form in which event times cross every boundary."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """UTC microseconds of a moment; TypeError where it does not say its offset.

    Examples
    --------
    >>> to_us(datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC))
    1767225600000007
    """
    return (moment - EPOCH) // MICROSECOND


def from_us(at_us: int) -> datetime:
    """The moment, in UTC.

    Examples
    --------
    >>> from_us(1767225600000007).isoformat()
    '2026-01-01T00:00:00.000007+00:00'
    """
    return EPOCH + at_us * MICROSECOND
