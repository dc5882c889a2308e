"""Home Assistant's clock, from the ``Date`` header that every answer of its web server carries."""

import http.client
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from schemas.instants import to_us
from sinks.home_assistant.errors import HomeAssistantError

TIMEOUT_S = 5.0
PATH = "/manifest.json"


def clock_us(address: str) -> int:
    """Return what Home Assistant's clock says, in UTC microseconds, to the second; no token is sent.

    Raises
    ------
    HomeAssistantError
        It does not answer, or says no time.
    """
    try:
        parts = urlsplit(address)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}{PATH}")
            told = connection.getresponse().getheader("Date")
        finally:
            connection.close()
        if told is None:
            raise HomeAssistantError(f"expected the time in an answer of {address}, got none")
        return to_us(parsedate_to_datetime(told))
    except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
        raise HomeAssistantError(f"expected the time from {address}, got: {error}") from error


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=TIMEOUT_S)
