"""Sunrise and sunset from NOAA's solar equations."""

from datetime import date, datetime, time, timedelta
from math import acos, asin, cos, degrees, radians, sin, tan
from zoneinfo import ZoneInfo

_UNIX_EPOCH_JULIAN_DAY = 2440587.5
_UNIX_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# The upper limb touches the horizon: refraction and the sun's radius below a zenith of 90 degrees.
_ZENITH_DEG = 90.833


def local_sun_times(day: date, zone: ZoneInfo, latitude: float, longitude: float) -> tuple[float, float]:
    """Return sunrise and sunset of a local day in minutes after 00:00 UTC of the same date.

    They are those of the daylight whose noon is nearest to noon of the clock: beside the date line
    that of a date is the daylight that UTC counts to the date before or after.

    Parameters
    ----------
    day
        The date on the clock of `zone`.
    zone
        The clock that people live by.
    latitude, longitude
        Degrees, north and east positive.

    Examples
    --------
    Apia lies at 172 degrees west and has the date of Auckland: its day begins before that of UTC.

    >>> sunrise, sunset = local_sun_times(date(2026, 6, 21), ZoneInfo("Pacific/Apia"), -13.83, -171.77)
    >>> f"{sunrise / 60 + 13:.1f} {sunset / 60 + 13:.1f}"
    '6.8 18.1'
    """
    offset = datetime.combine(day, time(12), zone).utcoffset() or timedelta()
    days = round((4 * longitude - offset.total_seconds() / 60) / 1440)
    sunrise, sunset = sun_times(day + timedelta(days=days), latitude, longitude)
    return sunrise + 1440 * days, sunset + 1440 * days


def sun_times(day: date, latitude: float, longitude: float) -> tuple[float, float]:
    """Return sunrise and sunset in minutes after 00:00 UTC of `day`.

    The two belong to the daylight around noon of the place's mean solar time on `day`, so far from
    Greenwich they may be below 0 or above 1440: add them to midnight UTC of `day`. A clock beside the
    date line may show another date: `local_sun_times` knows. Right to about a minute between the
    polar circles.
    In polar night both are solar noon; in polar day solar noon less and plus 720 minutes.

    Parameters
    ----------
    day
        The date by the mean solar time of the place.
    latitude
        Degrees, north positive.
    longitude
        Degrees, east positive.

    Examples
    --------
    >>> sunrise, sunset = sun_times(date(2026, 6, 21), 52.52, 13.405)
    >>> f"{sunrise // 60:02.0f}:{sunrise % 60:02.0f} {sunset // 60:02.0f}:{sunset % 60:02.0f}"
    '02:43 19:33'

    References
    ----------
    J. Meeus (1998). Astronomical Algorithms, 2nd edition, chapters 25 and 28; in the form of the
    NOAA Solar Calculator, https://gml.noaa.gov/grad/solcalc/calcdetails.html
    """
    return _crossing(day, latitude, longitude, -1), _crossing(day, latitude, longitude, 1)


def _crossing(day: date, latitude: float, longitude: float, side: int) -> float:
    """Return the crossing before (-1) or after (1) noon, the sun's place taken at the crossing itself."""
    minutes = 720 - 4 * longitude
    for _ in range(3):
        julian_day = day.toordinal() - _UNIX_EPOCH_ORDINAL + _UNIX_EPOCH_JULIAN_DAY + minutes / 1440
        declination, equation_of_time = _sun((julian_day - 2451545) / 36525)
        noon = 720 - 4 * longitude - equation_of_time
        minutes = noon + side * 4 * _hour_angle(latitude, declination)
    return minutes


def _hour_angle(latitude: float, declination: float) -> float:
    """Return the degrees the earth turns between sunrise and noon, 0 in polar night, 180 in polar day."""
    phi, delta = radians(latitude), radians(declination)
    cosine = cos(radians(_ZENITH_DEG)) / (cos(phi) * cos(delta)) - tan(phi) * tan(delta)
    return degrees(acos(max(-1.0, min(1.0, cosine))))


def _sun(century: float) -> tuple[float, float]:
    """Return declination (degrees) and equation of time (minutes), `century` counted from J2000."""
    mean_longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = radians(357.52911 + century * (35999.05029 - century * 0.0001537))
    eccentricity = 0.016708634 - century * (0.000042037 + century * 0.0000001267)
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + century * 0.000014))
        + sin(2 * anomaly) * (0.019993 - century * 0.000101)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    longitude = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    mean_obliquity = (
        23 + (26 + (21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))) / 60) / 60
    )
    obliquity = radians(mean_obliquity + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation_of_time = 4 * degrees(
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - y * y / 2 * sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return degrees(asin(sin(obliquity) * sin(longitude))), equation_of_time
