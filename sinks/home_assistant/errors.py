"""Errors between Home Assistant and us."""

from http import HTTPStatus

LONGEST_TEXT = 200


class HomeAssistantError(Exception):
    """Home Assistant did not answer as expected; says what was expected and what came."""


class Unreachable(HomeAssistantError):  # noqa: N818 - a condition that passes, not a defect
    """No answer came: whether what was asked for has been done is unknown."""


class Refused(HomeAssistantError):  # noqa: N818 - an answer, not a defect
    """Home Assistant said no, or that it failed; at a status from 500 on, something may have been done.

    Parameters
    ----------
    status
        HTTP's status, or the one that means the same as the WebSocket's error code.
    text
        Home Assistant's own words. They differ between releases: for people, not for decisions.
    """

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = " ".join(text.split())[:LONGEST_TEXT]
        if status == HTTPStatus.UNAUTHORIZED:
            super().__init__(
                "expected a valid long-lived access token that may do this, got one that is refused"
            )
        else:
            super().__init__(f"expected Home Assistant to do it, got status {status}: {self.text}")
