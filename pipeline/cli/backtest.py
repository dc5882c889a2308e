"""``ha-ai backtest ID``: what an automation, or a changed one, would have done on the home's own past."""

import argparse

from rich.text import Text

from pipeline.cli.changes import add_change_arguments, change_of
from pipeline.cli.commanding import REFUSED, add_id, as_suggestion, find
from pipeline.cli.mqtt_request import TRIED_S, Conversation, converse
from pipeline.cli.suggestion_view import show_days, show_offer
from pipeline.cli.terminal import ERR, OUT, readable, say
from pipeline.settings import Settings
from pipeline.wording.suggestions import proof
from schemas.commands import Question


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_id(parser)
    add_change_arguments(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Have it tried, and show what came of it beside what was known."""
    change = change_of(arguments)

    async def work(conversation: Conversation) -> int:
        suggestion = await find(conversation, arguments.id)
        ERR.print("it is tried on the past, which may take a minute", style="dim")
        question = Question(ask="backtest", suggestion_id=suggestion.id, change=change)
        answer = await conversation.ask(question, timeout_s=TRIED_S)
        if not answer.ok or len(answer.suggestions) != 1:
            ERR.print(readable(answer.text) or "it could not be tried", style="red")
            return REFUSED
        tried = as_suggestion(answer.suggestions[0])
        if arguments.json:
            say(tried.model_dump_json())
            return 0
        show_offer(tried)
        show_days(tried.trial, tried.automation)
        if change is not None:
            OUT.print(Text(f"\nAs it was suggested: {proof(suggestion.trial)}", style="dim"))
        return 0

    return converse(Settings(), work)
