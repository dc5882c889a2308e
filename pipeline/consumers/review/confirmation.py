"""Presses confirmed by Home Assistant: whoever may publish could forge the bare message."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from pipeline.reviewing.buttons import own_button, own_words, require_shown
from pipeline.reviewing.decisions import readable
from pipeline.reviewing.presses import Pressed, PressError, confirmed
from pipeline.showing.identity import button_of, words_of
from schemas.commands import Press, PressVerb
from schemas.suggestions import Suggestion

if TYPE_CHECKING:
    from sinks.home_assistant import HomeAssistantReader

log = structlog.get_logger()

# Home Assistant sets a button's state before it publishes; 3 s are for releases that may not.
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.5)
IMPATIENCE_S = 10.0
NOTIFICATION_ID = "haai_press"
LONGEST_NAME = 64
SHORT_ID = 8
NOT_SET_UP = (
    "buttons count only where Home Assistant can be asked who pressed: "
    "set HA_AI_HOME_ASSISTANT_URL and HA_AI_HOME_ASSISTANT_TOKEN"
)


class Confirmation:
    """Asks Home Assistant who pressed a button, and when.

    After it has waited for a press that did not come, it looks only once for a while: a flood of forged
    presses must not make those of people wait.

    Parameters
    ----------
    reader
        Asks Home Assistant; None where it is not set up.
    now_us
        UTC microseconds.
    """

    def __init__(self, reader: "HomeAssistantReader | None", now_us: Callable[[], int]) -> None:
        self._reader = reader
        self._now_us = now_us
        self._impatient_until_s = 0.0

    async def of(self, press: Press, suggestion: Suggestion) -> tuple[str, str, str]:
        """Return who pressed, by name, what makes the press count once, and who pressed, by id.

        Raises
        ------
        PressError
            Home Assistant does not confirm that a person pressed that button of ours just now, or showed
            something else than what they would approve.
        """
        if self._reader is None:
            raise PressError("not_set_up", NOT_SET_UP)
        from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 only where it is set up

        try:
            pressed = await self._pressed(self._reader, press, suggestion)
            name = await self._reader.user_name(pressed.user_id)
        except HomeAssistantError as error:
            raise PressError(
                "unconfirmed", f"Home Assistant could not be asked who pressed, press again: {error}"
            ) from error
        user_id = pressed.user_id[:LONGEST_NAME]
        somebody = f"a user of Home Assistant ({readable(user_id)[:SHORT_ID]})"
        return readable(name or "")[:LONGEST_NAME].strip() or somebody, pressed.nonce, user_id

    async def _pressed(self, reader: "HomeAssistantReader", press: Press, suggestion: Suggestion) -> Pressed:
        found = await reader.discovered(button_of(press), words_of(suggestion))
        button = own_button(press, suggestion, found)
        words = own_words(suggestion, found) if press.verb is PressVerb.APPROVE else None
        pressed = await self._awaited(reader, button_of(press), button)
        if words is not None:
            try:
                require_shown(suggestion, await reader.state(words), pressed)
            except PressError as error:
                await _tell(reader, str(error))
                raise
        return pressed

    async def _awaited(self, reader: "HomeAssistantReader", button: str, entity_id: str) -> Pressed:
        pauses_s = PAUSES_S if time.monotonic() >= self._impatient_until_s else ()
        for pause_s in pauses_s:
            state = await reader.state(entity_id)
            if (found := self._counting(button, state)) is not None:
                return found
            await asyncio.sleep(pause_s)
        try:
            return confirmed(button, await reader.state(entity_id), self._now_us())
        except PressError as error:
            if error.may_come:
                self._impatient_until_s = time.monotonic() + IMPATIENCE_S
            raise

    def _counting(self, button: str, state: dict[str, Any] | None) -> Pressed | None:
        """The press that a state tells of; None where one may still come."""
        try:
            return confirmed(button, state, self._now_us())
        except PressError as error:
            if not error.may_come:
                raise
            return None


async def _tell(reader: "HomeAssistantReader", why: str) -> None:
    """Tell the person, who sees nothing but a button, why their press does not count."""
    from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 only where it is set up

    try:
        await reader.notify(NOTIFICATION_ID, "ha-ai", f"Your press does not count: {why}.")
    except HomeAssistantError as error:
        log.warning("a press that does not count could not be explained", reason=str(error))
