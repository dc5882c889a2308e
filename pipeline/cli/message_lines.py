"""What a message says, in a line."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.cli import SHORT_ID
from pipeline.wording.sentences import counted
from schemas.commands import (
    Answer,
    AutomationExecuted,
    AutomationFailed,
    Press,
    Question,
    SignedCommand,
    SuggestionAnswer,
)
from schemas.messages import Row
from schemas.statuses import AnalysisComplete, DeadLetter, HubState, ServiceStatus
from schemas.suggestions import SuggestionChanged, SuggestionGenerated, UserFeedback
from schemas.topics import Topics

TEXT = "text"


def line_of(row: Row[Any], topic: str, payload: bytes) -> str:
    """Return a message in a line; empty where only its payload can be shown.

    A payload that no line is written for is told by its own words, where it has some.

    Raises
    ------
    pydantic.ValidationError
        The payload is none of its row's.
    """
    if row is Topics.suggestion_state:
        device = "shown" if payload else "no longer shown"
        return f"{_short(topic.rpartition('/')[2])} is {device} in Home Assistant"
    line = LINES.get(row.payload, _own_words if TEXT in row.payload.model_fields else None)
    return line(row.payload.model_validate_json(payload, extra="ignore")) if line else ""


def _own_words(said: Any) -> str:
    return str(getattr(said, TEXT))


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


def _pressed(said: Press) -> str:
    return f"{_short(said.suggestion_id)} {said.verb} pressed"


def _asked(said: Question) -> str:
    return f"asked for {said.ask}"


def _judged(said: AnalysisComplete) -> str:
    return (
        f"{said.day} judged in {said.duration_ms / 1000:.1f} s: {counted(said.events, 'event')}, "
        f"{counted(said.patterns_active, 'pattern')}, {said.patterns_changed} changed"
    )


def _service(said: ServiceStatus) -> str:
    return f"ha-ai {said.version} is {said.state}"


def _not_taken(said: DeadLetter) -> str:
    return f"not taken, {said.reason}: {said.detail} (from {said.topic})"


LINES: Mapping[type[BaseModel], Callable[[Any], str]] = {
    AnalysisComplete: _judged,
    Answer: _answer,
    AutomationExecuted: _executed,
    AutomationFailed: _failed,
    DeadLetter: _not_taken,
    HubState: _hub,
    Press: _pressed,
    Question: _asked,
    ServiceStatus: _service,
    SignedCommand: _commanded,
    SuggestionAnswer: _answered,
    SuggestionChanged: _changed,
    SuggestionGenerated: _generated,
    UserFeedback: _feedback,
}
