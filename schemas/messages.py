"""One row of the table of messages: topic, payload, who says it, who reads it, and for how long it holds."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from functools import cached_property
from itertools import product
from string import Formatter
from typing import Generic, Protocol, Self, TypeVar, overload

from pydantic import BaseModel

from schemas.outgoing import Outgoing
from schemas.payload import Schema

P = TypeVar("P", bound=BaseModel)

QOS = 1
"""Quality of service of all that is published and subscribed to."""


class Party(StrEnum):
    """Base of those who say and read messages."""

    @property
    def is_role(self) -> bool:
        """Return whether it is one of ha-ai's roles."""
        return False

    @property
    def is_other(self) -> bool:
        """Return whether it is somebody else, with rights of its own at the broker."""
        return False


class Direction(StrEnum):
    """Direction of a message, as seen from ha-ai."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    INTERNAL = "internal"


class Place(Protocol):
    """Where a home's topics lie: the parts that stand before the names, by their placeholders."""

    @property
    def parts(self) -> dict[str, str]: ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Row(Generic[P]):
    """A message, or a family of messages with the same payload.

    Parameters
    ----------
    path
        Template of the topic. Placeholders are the `parts` of a place, and the family's own parameters.
    payload
        Model of the payload.
    says
        One sentence of what it tells, or asks for.
    writers, readers
        Who publishes it and who acts on it.
    retain
        Whether the broker keeps the last one.
    expiry_s
        Seconds after which the broker need not deliver it; None is for ever.
    values
        Values that the parameter takes, where they are few.
    is_news
        Whether somebody who follows all topics wants to see it.
    """

    path: str
    payload: type[P]
    says: str
    writers: tuple[Party, ...]
    readers: tuple[Party, ...]
    retain: bool = False
    expiry_s: int | None = None
    values: tuple[str, ...] = ()
    is_news: bool = True
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name that the row has in the table."""
        object.__setattr__(self, "name", name)

    @property
    def direction(self) -> Direction:
        """Subscribed to where others may say it, published where others read it, else internal."""
        if any(writer.is_other for writer in self.writers):
            return Direction.SUBSCRIBE
        is_followed = any(reader.is_other for reader in self.readers)
        return Direction.PUBLISH if is_followed else Direction.INTERNAL

    @property
    def is_said(self) -> bool:
        """Return whether a role publishes it."""
        return any(writer.is_role for writer in self.writers)

    @property
    def is_own(self) -> bool:
        """Return whether its topic is below our namespace."""
        return self.path.startswith("{own}/")

    @property
    def stem(self) -> str:
        """Part of the topic that is the same in every home and for all values."""
        return self.path.removeprefix("{own}").partition("{")[0]

    @property
    def document(self) -> str:
        """Name of the document that holds the payload's JSON schema."""
        return document_name(self.payload)

    def parameters(self, place: Place) -> tuple[str, ...]:
        """Return the family's own parameters, in their order."""
        return tuple(name for name in self._placeholders if name not in place.parts)

    def filled(self, place: Place, *values: str) -> str:
        """Return the topic with these values of its parameters.

        Raises
        ------
        ValueError
            There are more or fewer values than parameters.
        """
        names = self.parameters(place)
        if len(names) != len(values):
            raise ValueError(f"expected {self.name} with {names or 'no parameters'}, got {values}")
        return self.path.format_map({**place.parts, **dict(zip(names, values, strict=True))})

    def filters(self, place: Place) -> tuple[str, ...]:
        """Return the topic filters to subscribe to: one a value where these are listed, else a wildcard."""
        choices = self.values or ("+",)
        names = self.parameters(place)
        return tuple(self.filled(place, *chosen) for chosen in product(choices, repeat=len(names)))

    def addresses(self, place: Place) -> tuple[str, ...]:
        """Return the topics as readers know them: parameters that take any value stay in braces."""
        return self.filters(place) if self.values else (self.filled(place, *self.placeholders(place)),)

    def placeholders(self, place: Place) -> tuple[str, ...]:
        """Return the family's parameters in braces, as they stand for any value."""
        return tuple(f"{{{name}}}" for name in self.parameters(place))

    def matches(self, place: Place, topic: str) -> bool:
        """Return whether a topic is one of these."""
        return any(re.fullmatch(_pattern(each), topic) for each in self.filters(place))

    def outgoing(
        self, place: Place, identity: str, payload: P | bytes, *values: str, zone: tzinfo | None = None
    ) -> Outgoing:
        """Return the message with this payload, retained and expiring as the table says.

        Its instants have the offset of the home's `zone`, UTC without one.
        """
        topic = self.filled(place, *values)
        return Outgoing(identity, topic, _content(payload, zone), retain=self.retain, expiry_s=self.expiry_s)

    @cached_property
    def _placeholders(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)


class Message(Row[P]):
    """A message on one topic: on a home's topics it is that topic, on the table it is the row."""

    @overload
    def __get__(self, place: None, owner: type) -> Self: ...
    @overload
    def __get__(self, place: Place, owner: type) -> str: ...
    def __get__(self, place: Place | None, owner: type) -> Self | str:
        """Return the row, or the topic of a home."""
        return self if place is None else self.filled(place)


class Messages(Row[P]):
    """A family of messages: on a home's topics it makes the topic from the parameters' values."""

    @overload
    def __get__(self, place: None, owner: type) -> Self: ...
    @overload
    def __get__(self, place: Place, owner: type) -> Callable[..., str]: ...
    def __get__(self, place: Place | None, owner: type) -> Self | Callable[..., str]:
        """Return the row, or what makes a topic of a home."""
        if place is None:
            return self
        return lambda *values: self.filled(place, *values)


def document_name(payload: type[BaseModel]) -> str:
    """Return the name of the document with a payload's schema.

    Examples
    --------
    >>> class PatternDetected(BaseModel):
    ...     schema_version: int = 1
    >>> document_name(PatternDetected)
    'pattern_detected.v1.json'
    """
    version = payload.model_fields.get("schema_version")
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", payload.__name__).lower()
    return f"{snake}.v{version.default if version else 1}.json"


def _content(payload: BaseModel | bytes, zone: tzinfo | None) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return payload.published(zone) if isinstance(payload, Schema) else payload.model_dump_json().encode()


def _pattern(topic_filter: str) -> str:
    """Return the regular expression of a topic filter."""
    return re.escape(topic_filter).replace(r"\+", "[^/]*").replace(r"/\#", "(/.*)?").replace(r"\#", ".*")
