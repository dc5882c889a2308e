"""Where the home is: from settings, a file, or Home Assistant itself."""

import structlog

from pipeline.settings import Settings
from schemas.home import Home

log = structlog.get_logger()


async def read_home(settings: Settings) -> Home:
    """The home; what Home Assistant knows comes before the settings, and a home.json before both.

    Home Assistant may be away: then the settings hold until the next start.
    """
    if settings.home_file is not None:
        return Home.read(settings.home_file)
    stated = Home(id=settings.home or "home", tz=settings.tz, lat=settings.lat, lon=settings.lon)
    if settings.home_assistant_url is None or settings.home_assistant_token is None:
        return stated
    # Its clients for HTTP and WebSocket cost 3 MB, which stay: only who asks Home Assistant pays them.
    from sinks.home_assistant import HomeAssistantError, HomeAssistantReader  # noqa: PLC0415

    reader = HomeAssistantReader(
        settings.home_assistant_url, settings.home_assistant_token.get_secret_value()
    )
    try:
        known = await reader.configuration()
    except HomeAssistantError as error:
        log.warning("zone and position are those of the settings", reason=str(error))
        return stated
    try:
        rooms = await reader.rooms()
    except HomeAssistantError as error:
        log.warning("areas are not known, rooms play no part", reason=str(error))
        rooms = {}
    return Home(
        id=stated.id, tz=known["time_zone"], lat=known["latitude"], lon=known["longitude"], rooms=rooms
    )
