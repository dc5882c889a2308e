"""The home's place: from settings, a file, or Home Assistant itself; and how Home Assistant is read."""

from typing import TYPE_CHECKING

import structlog

from pipeline.settings.groups import HomeAssistantSettings
from pipeline.settings.sections import PlaceSettings
from schemas.catalogue import Catalogue
from schemas.home import Home
from sinks.store import SqlStore

log = structlog.get_logger(__name__)


SNAPSHOT = "home"
SNAPSHOT_VERSION = 1


async def read_home(settings: PlaceSettings, before: Home | None = None) -> Home:
    """The home; what Home Assistant knows comes before the settings, and a home.json before both.

    Home Assistant may be away, as when both start together: then the home is as it was `before`, and only
    without that as the settings say. Kept days must not be read with another zone's midnights.
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
        whose = "the settings" if before is None else "the last start"
        log.warning("zone, position and areas are those of another source", source=whose, error=str(error))
        return before or stated
    try:
        rooms = await reader.rooms()
    except HomeAssistantError as error:
        log.warning("areas are those of the last start, if any", error=str(error))
        rooms = before.rooms if before else {}
    try:
        classes, units = await reader.described()
    except HomeAssistantError as error:
        log.warning("device classes are those of the last start, if any", error=str(error))
        classes, units = (before.device_classes, before.units) if before else ({}, {})
    return Home(
        id=stated.id,
        tz=known["time_zone"],
        lat=known["latitude"],
        lon=known["longitude"],
        rooms=rooms,
        device_classes=classes,
        units=units,
    )


async def remembered_home(settings: PlaceSettings) -> Home:
    """The home as `read_home` says it, with the last start's as what was before; kept for the next start."""
    store = SqlStore(settings.store_url, home=settings.home or "home")
    try:
        store.migrate()
        kept = store.snapshot(SNAPSHOT)
        known = kept is not None and kept.version == SNAPSHOT_VERSION
        home = await read_home(settings, Home.model_validate_json(kept.payload) if kept and known else None)
        with store.begin() as transaction:
            payload = home.model_dump_json().encode()
            transaction.save_snapshot(SNAPSHOT, payload, version=SNAPSHOT_VERSION, applied_seq=0)
    finally:
        store.close()
    return home


if TYPE_CHECKING:
    from sinks.home_assistant import HomeAssistantReader


def reader_of(settings: HomeAssistantSettings) -> "HomeAssistantReader | None":
    """Return the reader of Home Assistant; None where no address or token is set."""
    if settings.home_assistant_url is None or settings.home_assistant_token is None:
        return None
    # Its clients for HTTP and WebSocket cost 3 MB, which stay: only who asks Home Assistant pays them.
    from sinks.home_assistant import HomeAssistantReader  # noqa: PLC0415

    return HomeAssistantReader(settings.home_assistant_url, settings.home_assistant_token.get_secret_value())


async def catalogue_of(reader: "HomeAssistantReader | None") -> Catalogue | None:
    """Return the catalogue of Home Assistant; None where it is not set up, or cannot be asked."""
    if reader is None:
        return None
    from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 as above

    try:
        return await reader.catalogue()
    except HomeAssistantError as error:
        log.warning("going on without what Home Assistant knows", error=str(error))
        return None
