"""Description of the home: time zone, position and rooms."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def check_zone(name: str) -> str:
    """Return `name` if it is an IANA time zone, else say what was expected."""
    if name not in available_timezones():
        msg = f"expected an IANA time zone such as Europe/Berlin, got {name!r}"
        raise ValueError(msg)
    return name


class Home(BaseModel):
    """A household's place, the rooms of its entities, and what they measure or are.

    Examples
    --------
    >>> Home(tz="Europe/Berlin", lat=52.5, lon=13.4, rooms={"light.bed": "bedroom"}).zone
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = "home"
    tz: Annotated[str, AfterValidator(check_zone)] = "UTC"
    lat: float = Field(default=50.0, ge=-90, le=90)
    lon: float = Field(default=10.0, ge=-180, le=180)
    rooms: dict[str, str] = Field(default_factory=dict)
    device_classes: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone's rules."""
        return ZoneInfo(self.tz)

    @classmethod
    def read(cls, path: Path) -> "Home":
        """Read a ``home.json``."""
        return cls.model_validate_json(path.read_bytes())
