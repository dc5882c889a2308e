"""Address of Home Assistant, and the token that opens it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from sinks.home_assistant.errors import HomeAssistantError


@dataclass(frozen=True)
class Access:
    """An address and an access token; the token never shows in what is printed.

    Parameters
    ----------
    address
        Such as ``http://homeassistant.local:8123``.
    token
        A long-lived access token.
    """

    address: str
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        return self.address.rstrip("/")

    @property
    def websocket_url(self) -> str:
        """The address of the WebSocket API."""
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/api/websocket", "", ""))

    @property
    def bearer(self) -> str:
        """The token, known to be one.

        Raises
        ------
        HomeAssistantError
            Where it cannot be sent: clients name what they cannot send, and this must not be named.
        """
        token = self.token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise HomeAssistantError("expected a long-lived access token, got nothing of that form")
        return token
