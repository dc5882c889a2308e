"""Presses confirmed by Home Assistant: whoever may publish could forge the bare message."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import structlog

from pipeline.commands.decisions import readable
from pipeline.commands.presses import Pressed, PressError, confirmed, own_button, own_words, require_shown
from pipeline.discovery.suggestion import button_of, words_of
from pipeline.timing.clock import monotonic_s
from schemas.commands import Press, PressVerb
from schemas.suggestions import Suggestion

if TYPE_CHECKING:
    from sinks.home_assistant import HomeAssistantReader

log = structlog.get_logger(__name__)
T = TypeVar("T")

# Home Assistant sets a button's state before it publishes; 3 s are for releases that may not.
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.5)
IMPATIENCE_S = 10.0
PACE_S = 1.0
# A Home Assistant on a small machine answers a few side by side, and has other work.
QUESTIONS_AT_ONCE = 4
BUTTONS = 100
NOTIFICATION_ID = "haai_press"
LONGEST_NAME = 64
SHORT_ID = 8
NOT_SET_UP = (
    "buttons count only where Home Assistant can be asked who pressed: "
    "set HA_AI_HOME_ASSISTANT_URL and HA_AI_HOME_ASSISTANT_TOKEN"
)


class Button(NamedTuple):
    """A button of a suggestion, as it was shown."""

    suggestion_id: str
    verb: PressVerb
    content_hash: str


class Confirmation:
    """Asks Home Assistant who pressed a button, and when.

    A look at a button tells of every press of it that came before: so one waits for the next look, and those
    that come meanwhile count for nothing. Looks at several buttons go on side by side, and share
    `QUESTIONS_AT_ONCE`. After it has waited at a button for a press that did not come, it looks only once for
    a while. A flood of forged presses so holds up those of people for a look at most.

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
        self._questions = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        self._looks: dict[Button, asyncio.Lock] = {}
        self._waiting: set[Button] = set()
        self._looked_s: dict[Button, float] = {}
        self._impatient_until_s: dict[Button, float] = {}

    def refuse_repeated(self, press: Press) -> None:
        """Refuse a press of a button that is about to be looked at; nothing is looked up for it.

        Raises
        ------
        PressError
            Another press of it waits.
        """
        if Button(press.suggestion_id, press.verb, press.content_hash) in self._waiting:
            raise PressError(
                "repeated", "a press of this button is about to be looked at, which counts for all"
            )

    async def of(self, press: Press, suggestion: Suggestion) -> tuple[str, str, str]:
        """Return who pressed, by name, what makes the press count once, and who pressed, by id.

        Raises
        ------
        PressError
            Home Assistant does not confirm that a person pressed that button of ours just now, or showed
            something else than what they would approve; or another press of it waits to be looked at.
        """
        if self._reader is None:
            raise PressError("not_set_up", NOT_SET_UP)
        self.refuse_repeated(press)
        button = Button(press.suggestion_id, press.verb, suggestion.content_hash)
        look, is_waiting = self._looks.setdefault(button, asyncio.Lock()), True
        self._waiting.add(button)
        try:
            async with look:
                await self._pace(button)
                self._waiting.discard(button)
                is_waiting = False
                return await self._who(self._reader, press, suggestion)
        finally:
            if is_waiting:
                self._waiting.discard(button)
            else:
                self._looked_s[button] = monotonic_s()
            self._forget(button)

    async def _pace(self, button: Button) -> None:
        """Let all that come within a second after a look share the next one."""
        await asyncio.sleep(self._looked_s.get(button, -PACE_S) + PACE_S - monotonic_s())

    async def _who(
        self, reader: "HomeAssistantReader", press: Press, suggestion: Suggestion
    ) -> tuple[str, str, str]:
        from sinks.home_assistant import HomeAssistantError  # noqa: PLC0415 only where it is set up

        try:
            pressed = await self._pressed(reader, press, suggestion)
            name = await self._answered(reader.user_name(pressed.user_id))
        except HomeAssistantError as error:
            raise PressError(
                "unconfirmed", f"Home Assistant could not be asked who pressed, press again: {error}"
            ) from error
        user_id = pressed.user_id[:LONGEST_NAME]
        somebody = f"a user of Home Assistant ({readable(user_id)[:SHORT_ID]})"
        return readable(name or "")[:LONGEST_NAME].strip() or somebody, pressed.nonce, user_id

    async def _pressed(self, reader: "HomeAssistantReader", press: Press, suggestion: Suggestion) -> Pressed:
        found = await self._answered(reader.discovered(button_of(press), words_of(suggestion)))
        entity_id = own_button(press, suggestion, found)
        words = own_words(suggestion, found) if press.verb is PressVerb.APPROVE else None
        button = Button(press.suggestion_id, press.verb, suggestion.content_hash)
        pressed = await self._awaited(reader, button, button_of(press), entity_id)
        if words is not None:
            try:
                require_shown(suggestion, await self._answered(reader.state(words)), pressed)
            except PressError as error:
                await _tell(reader, str(error))
                raise
        return pressed

    async def _awaited(
        self, reader: "HomeAssistantReader", button: Button, unique_id: str, entity_id: str
    ) -> Pressed:
        pauses_s = PAUSES_S if monotonic_s() >= self._impatient_until_s.get(button, 0.0) else ()
        for pause_s in pauses_s:
            state = await self._answered(reader.state(entity_id))
            if (found := self._counting(unique_id, state)) is not None:
                return found
            await asyncio.sleep(pause_s)
        try:
            return confirmed(unique_id, await self._answered(reader.state(entity_id)), self._now_us())
        except PressError as error:
            if error.may_come:
                self._impatient_until_s[button] = monotonic_s() + IMPATIENCE_S
            raise

    async def _answered(self, question: Awaitable[T]) -> T:
        """Home Assistant's answer, among a few at once; pauses between questions take nobody's place."""
        async with self._questions:
            return await question

    def _forget(self, button: Button) -> None:
        """Forget a button that nobody waits for, and looks that are long over: buttons come and go."""
        if button not in self._waiting:
            self._looks.pop(button, None)
        if len(self._looked_s) > BUTTONS:
            since_s = monotonic_s() - IMPATIENCE_S
            self._looked_s = {each: at_s for each, at_s in self._looked_s.items() if at_s > since_s}
            self._impatient_until_s = {
                each: until_s for each, until_s in self._impatient_until_s.items() if each in self._looked_s
            }

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
        log.warning("a press that does not count could not be explained", error=str(error))
