"""Events in the life of suggestions, each in a line."""

from collections.abc import Callable
from typing import TypeVar

from pipeline.cli.terminal import SHORT_ID
from pipeline.wording.sentences import counted
from schemas.commands import (
    Answer,
    AutomationExecuted,
    AutomationFailed,
    Press,
    Question,
    SignedCommand,
    SuggestionAnswer,
    Verb,
)
from schemas.patterns import Schema
from schemas.statuses import HubState
from schemas.suggestions import SuggestionChanged, SuggestionGenerated, UserFeedback
from schemas.topics import Topics

S = TypeVar("S", bound=Schema)
SUGGESTION_VERBS = (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY)
AUTOMATION_VERBS = (Verb.DEPLOY, Verb.ROLLBACK)
Read = Callable[[bytes], str]


def about_suggestions(topic: str, payload: bytes, topics: Topics) -> str:
    """Say what a message tells of suggestions; empty where it is about something else.

    Raises
    ------
    pydantic.ValidationError
        The payload is none of its topic's.
    """
    readers: dict[str, Read] = {
        topics.suggestion_generated: _as(SuggestionGenerated, _generated),
        topics.suggestion_changed: _as(SuggestionChanged, _changed),
        topics.suggestion_answered: _as(SuggestionAnswer, _answered),
        topics.feedback_given: _as(UserFeedback, _feedback),
        topics.automation_executed: _as(AutomationExecuted, _executed),
        topics.automation_failed: _as(AutomationFailed, _failed),
        topics.press: _as(Press, lambda press: f"{_short(press.suggestion_id)} {press.verb} pressed"),
        topics.query_ask: _as(Question, lambda question: f"asked for {question.ask}"),
        topics.hub: _as(HubState, _hub),
        **{topics.suggestion_command(verb): _as(SignedCommand, _commanded) for verb in SUGGESTION_VERBS},
        **{topics.automation_command(verb): _as(SignedCommand, _commanded) for verb in AUTOMATION_VERBS},
    }
    if topic.startswith(shown := topics.suggestion_state("")):
        device = "shown" if payload else "no longer shown"
        return f"{_short(topic.removeprefix(shown))} is {device} in Home Assistant"
    if topic.startswith(topics.query_answer("")):
        return _as(Answer, _answer)(payload)
    read = readers.get(topic)
    return read(payload) if read else ""


def _as(model: type[S], line: Callable[[S], str]) -> Read:
    return lambda payload: line(model.model_validate_json(payload))


def _short(suggestion_id: str) -> str:
    return f"suggestion {suggestion_id[:SHORT_ID]}"


def _generated(said: SuggestionGenerated) -> str:
    return f"suggested ({said.suggestion.id[:SHORT_ID]}): {said.text}"


def _changed(said: SuggestionChanged) -> str:
    return f"{_short(said.suggestion_id)} is {said.status}: {said.text}"


def _answered(said: SuggestionAnswer) -> str:
    return f"{_short(said.suggestion_id)} {said.verb} {'taken' if said.accepted else 'refused'}: {said.text}"


def _answer(said: Answer) -> str:
    return f"answer: {counted(len(said.suggestions), 'suggestion')}" if said.ok else f"no answer: {said.text}"


def _feedback(said: UserFeedback) -> str:
    words = f": {said.text}" if said.text else ""
    return f"{_short(said.suggestion_id)} {said.opinion.replace('_', ' ')} by {said.person}{words}"


def _executed(said: AutomationExecuted) -> str:
    return f"{said.entity_id or said.automation_id} {said.what.replace('_', ' ')}: {said.text}"


def _failed(said: AutomationFailed) -> str:
    then = "it is tried again" if said.retried else "it is given up"
    return f"{said.automation_id} failed at {said.step}: {said.text} ({then})"


def _commanded(said: SignedCommand) -> str:
    return f"{_short(said.suggestion_id)} {said.verb} commanded by {said.approver}"


def _hub(said: HubState) -> str:
    pending = counted(said.pending, "suggestion")
    return (
        f"{counted(said.patterns, 'pattern')}, {pending} pending, {said.deployed:,} deployed, "
        f"{counted(said.gaps, 'gap')}; learning {said.learning.lower()}, "
        f"minimum confidence {said.minimum_confidence:.0%}"
    )
