"""Messages about suggestions, with ids that follow from their content."""

from hashlib import blake2b

from pipeline.wording.suggestions import suggestion_text
from schemas.instants import to_us
from schemas.outgoing import Outgoing
from schemas.suggestions import Suggestion, SuggestionChanged, SuggestionGenerated
from schemas.topics import Topics


def generated(suggestion: Suggestion, topics: Topics) -> Outgoing:
    """Return the message that a suggestion was made, or made again."""
    payload = SuggestionGenerated(
        message_id=_identity("generated", suggestion),
        at=suggestion.updated_at,
        suggestion=suggestion,
        text=suggestion_text(suggestion),
    )
    return Topics.suggestion_generated.outgoing(topics, payload.message_id, payload)


def changed(suggestion: Suggestion, topics: Topics, *, text: str) -> Outgoing:
    """Return the message that a suggestion has changed; `text` says why."""
    payload = SuggestionChanged(
        message_id=_identity("changed", suggestion),
        at=suggestion.updated_at,
        suggestion_id=suggestion.id,
        status=suggestion.status,
        version=suggestion.version,
        text=text,
    )
    return Topics.suggestion_changed.outgoing(topics, payload.message_id, payload)


def _identity(what: str, suggestion: Suggestion) -> str:
    parts = (what, suggestion.home, suggestion.id, suggestion.status, str(to_us(suggestion.updated_at)))
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()
