"""Home Assistant as the consumers read it: with the reader's token, where that is set."""

from typing import TYPE_CHECKING

import structlog

from pipeline.settings.groups import HomeAssistantSettings
from schemas.catalogue import Catalogue

if TYPE_CHECKING:
    from sinks.home_assistant import HomeAssistantReader

log = structlog.get_logger(__name__)


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
