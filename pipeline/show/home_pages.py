"""Home Assistant's pages as far as its API reaches them: which release they are, and a notification."""

from collections.abc import Mapping

import structlog

from pipeline.discovery.hub import NOTIFICATION_ID, notification
from pipeline.runtime.home import reader_of
from pipeline.settings.sections import ShowSettings

log = structlog.get_logger(__name__)


class HomePages:
    """Asks and tells Home Assistant with the reader's token; without one it does neither."""

    def __init__(self, settings: ShowSettings) -> None:
        self._reader = reader_of(settings)

    @property
    def reachable(self) -> bool:
        """Return whether there is an address and a token."""
        return self._reader is not None

    async def version(self) -> tuple[int, int] | None:
        """Home Assistant's release; None where it cannot be asked."""
        if self._reader is None:
            return None
        from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 loaded with the reader

        try:
            return await self._reader.version()
        except HomeAssistantError as error:
            log.debug("Home Assistant's release is not known", error=str(error))
            return None

    async def lacks(self, devices: Mapping[str, str]) -> bool:
        """Return whether Home Assistant has not made all of these entities, each on its device.

        Parameters
        ----------
        devices
            The identifier of the device by the unique id of each entity.
        """
        if self._reader is None or not devices:
            return False
        from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 loaded with the reader

        try:
            found = await self._reader.discovered(*devices)
        except HomeAssistantError as error:
            log.debug("what Home Assistant has made is not known", error=str(error))
            return False
        ours = {each.unique_id for each in found if devices[each.unique_id] in each.device_ids}
        return not ours.issuperset(devices)

    async def point(self, waiting: int) -> bool:
        """Let a notification say how many suggestions wait, none if none does; False where that failed."""
        if self._reader is None:
            return False
        from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 loaded with the reader

        try:
            if waiting:
                await self._reader.notify(NOTIFICATION_ID, *notification(waiting))
            else:
                await self._reader.dismiss(NOTIFICATION_ID)
        except HomeAssistantError as error:
            log.debug("no notification in Home Assistant", error=str(error))
            return False
        return True
