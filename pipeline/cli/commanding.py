"""Common parts of the subcommands that command something: which suggestion, whose word, what came of it."""

import argparse
import getpass
from collections.abc import Sequence

from pydantic import ValidationError

from pipeline.cli import UserError
from pipeline.cli.mqtt_request import ANSWER_S, TRIED_S, Conversation, said, unanswered
from pipeline.cli.store_reader import chosen
from pipeline.cli.terminal import ERR, readable, say
from pipeline.commands.signing import new_command
from pipeline.doctor import finding
from pipeline.mqtt.terminal_client import Message
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.runtime.nonces import new_nonce
from pipeline.settings import Settings
from pipeline.timing.clock import monotonic_s, wall_us
from schemas.commands import (
    AutomationExecuted,
    AutomationFailed,
    Modification,
    Question,
    SignedCommand,
    SuggestionAnswer,
    Verb,
)
from schemas.suggestions import Status, Suggestion

Outcome = AutomationExecuted | AutomationFailed | SuggestionAnswer

REFUSED = 1
IN_HOME_ASSISTANT_S = 60.0
WHERE = ": `ha-ai suggestions --all` shows them"


def add_id(parser: argparse.ArgumentParser) -> None:
    """Declare the id of a suggestion."""
    parser.add_argument("id", help="as `ha-ai suggestions` shows it; its beginning is enough")


def add_name(parser: argparse.ArgumentParser) -> None:
    """Declare whose word it is."""
    parser.add_argument("--by", metavar="NAME", help="whose word it is; your login name without it")


async def known(conversation: Conversation, statuses: Sequence[Status] = ()) -> list[Suggestion]:
    """All suggestions of some statuses, oldest first; where there are very many, without their dates."""
    return await _asked(conversation, Question(ask="suggestions", statuses=tuple(statuses)))


async def find(conversation: Conversation, beginning: str) -> Suggestion:
    """The suggestion whose id begins so, whole."""
    titles = {each.id: readable(each.title) for each in await known(conversation)}
    if not titles:
        raise UserError("there are no suggestions yet: the first ones need some days")
    identity = chosen(beginning.lower(), titles, WHERE)
    found = await _asked(conversation, Question(ask="suggestions", suggestion_id=identity))
    if [each.id for each in found] != [identity]:
        raise UserError(f"expected the suggestion {identity}, got others")
    return found[0]


async def _asked(conversation: Conversation, question: Question) -> list[Suggestion]:
    answer = await conversation.ask(question, timeout_s=ANSWER_S)
    if not answer.ok:
        raise UserError(f"expected suggestions, got: {readable(answer.text)}")
    if answer.text:
        ERR.print(readable(answer.text), style="yellow")
    return [as_suggestion(each) for each in answer.suggestions]


def as_suggestion(answered: dict[str, object]) -> Suggestion:
    """A suggestion as it was answered, without what is told beside it."""
    fields = {name: value for name, value in answered.items() if name in Suggestion.model_fields}
    try:
        return Suggestion.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"expected a suggestion, got: {finding.explain(error)[0]}") from error


def signed(
    verb: Verb,
    suggestion: Suggestion,
    settings: Settings,
    name: str | None,
    *,
    text: str = "",
    change: Modification | None = None,
    version: int | None = None,
) -> SignedCommand:
    """A command on exactly what was shown, signed with the key that the settings name."""
    try:
        key = load_key(settings.command_key_file, create=False)
    except KeyFileError as error:
        raise UserError(
            f"{error}: go where `ha-ai run` runs, as the same user, or set HA_AI_COMMAND_KEY_FILE"
        ) from error
    now_ms = wall_us() // 1000
    approver = login() if name is None else name
    return new_command(
        new_nonce(), verb, suggestion, approver, key, now_ms, text=text, change=change, version=version
    )


def login() -> str:
    """The name of who is at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UserError("expected a login name, got none: give --by NAME") from error


async def review(conversation: Conversation, command: SignedCommand) -> bool:
    """Send a command to the reviewer, and say what it answers; whether it was accepted."""
    await conversation.command(conversation.topics.suggestion_command(command.verb), command)
    timeout_s = TRIED_S if command.verb is Verb.MODIFY else ANSWER_S
    answer = await conversation.hear(
        lambda message: _answer(message, conversation, command), timeout_s=timeout_s
    )
    if answer is None:
        raise unanswered(timeout_s, "review")
    say(readable(answer.text))
    return answer.accepted


def refused(suggestion: Suggestion) -> int:
    """Say what to do instead with what was refused, where that is known; return the exit code."""
    if suggestion.status is Status.DEPLOYED:
        ERR.print("It runs in Home Assistant: use `ha-ai rollback ID` to take it back.")
    return REFUSED


def deploys(settings: Settings, otherwise: str) -> bool:
    """Return whether somebody brings automations into Home Assistant; say `otherwise` if not."""
    if settings.deployer_token_file is not None:
        return True
    ERR.print(f"{otherwise}: set HA_AI_DEPLOYER_TOKEN_FILE, for `ha-ai run` too.", style="yellow")
    return False


async def until_done(conversation: Conversation, command: SignedCommand) -> int:
    """Say what comes of a command in Home Assistant, until that is settled; return the exit code."""
    ERR.print("waiting for Home Assistant", style="dim")
    deadline_s = monotonic_s() + IN_HOME_ASSISTANT_S
    while (left_s := deadline_s - monotonic_s()) > 0:
        outcome: Outcome | None = await conversation.hear(
            lambda message: _outcome(message, conversation, command), timeout_s=left_s
        )
        if outcome is None:
            break
        say(readable(outcome.text))
        if isinstance(outcome, AutomationExecuted):
            return 0
        if isinstance(outcome, SuggestionAnswer) or not outcome.retried:
            return REFUSED
    raise UserError(
        f"nothing came of it in Home Assistant within {IN_HOME_ASSISTANT_S:g} s, it may still: is "
        "`ha-ai run` running, with its consumer deploy, and HA_AI_DEPLOYER_TOKEN_FILE set?"
    )


def _answer(message: Message, conversation: Conversation, command: SignedCommand) -> SuggestionAnswer | None:
    answer = said(message, conversation.topics.suggestion_answered, SuggestionAnswer)
    return answer if answer and answer.nonce == command.nonce else None


def _outcome(message: Message, conversation: Conversation, command: SignedCommand) -> Outcome | None:
    """Return what a message says of the command's end; an automation's ordinary run is none."""
    topics, mine = conversation.topics, command.suggestion_id
    answer = _answer(message, conversation, command)
    if answer and not answer.accepted:
        return answer
    executed = said(message, topics.automation_executed, AutomationExecuted)
    if executed and executed.suggestion_id == mine and executed.what != "ran":
        return executed
    failed = said(message, topics.automation_failed, AutomationFailed)
    return failed if failed and failed.suggestion_id == mine else None
