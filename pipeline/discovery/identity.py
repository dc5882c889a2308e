"""The ids by which Home Assistant knows a suggestion: one device, and other entities for each content."""

from schemas.commands import Press
from schemas.suggestions import Suggestion

HASH_DIGITS = 8


def device_of(suggestion: Suggestion) -> str:
    """The identifier of a suggestion's device, which stays the same when its content changes."""
    return f"haai_{suggestion.id}"


def content_of(suggestion: Suggestion) -> str:
    """Return what tells a suggestion's content from what was proposed before, in every id that shows it."""
    return _content(suggestion.id, suggestion.content_hash)


def words_of(suggestion: Suggestion) -> str:
    """The unique id of the sensor that shows what is proposed."""
    return f"haai_{content_of(suggestion)}"


def button_of(press: Press) -> str:
    """The unique id of the button that publishes this: each version of a suggestion has buttons of its own.

    Examples
    --------
    >>> button_of(Press(suggestion_id="0123456789abcdef", verb="not_now", content_hash="ab" * 32))
    'haai_0123456789abcdef_abababab_not_now'
    """
    return f"haai_{_content(press.suggestion_id, press.content_hash)}_{press.verb.value}"


def _content(suggestion_id: str, content_hash: str) -> str:
    return f"{suggestion_id}_{content_hash[:HASH_DIGITS]}"
