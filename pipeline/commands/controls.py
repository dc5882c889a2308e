"""Controls that a person sets while ha-ai runs: whether it learns, and the minimum confidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.ingest.messages import Message, PoisonError, Reason
from schemas.controls import Control

LONGEST_NUMBER = 32


class ControlReads(Protocol):
    """What of a store `HomeControls` are read from."""

    def controls(self, *names: str) -> Mapping[str, Any]:
        """Return what was set under these names, all of one moment; what was not is left out."""


class ControlWrites(Protocol):
    """What of a transaction `HomeControls` are kept in."""

    def set_control(self, name: str, value: object) -> None:
        """Keep what a person has set."""


@dataclass(frozen=True, slots=True)
class HomeControls:
    """What people have set in one home; the store is its only place, so every role reads the same.

    Attributes
    ----------
    is_learning
        Whether what happens is learned; on until somebody switches it off.
    off_us
        Since when learning is off, in UTC microseconds; None if it is on, or that is not known.

    Examples
    --------
    >>> class Kept(dict):
    ...     controls = lambda self, *names: {name: self[name] for name in names if name in self}
    ...     set_control = dict.__setitem__
    >>> store = Kept()
    >>> HomeControls.of(store).is_learning, HomeControls.of(store).minimum_confidence(otherwise=0.75)
    (True, 0.75)
    >>> HomeControls.switch_learning(store, off_us=5)
    >>> HomeControls.set_minimum_confidence(store, 0.9)
    >>> HomeControls.of(store).off_us, HomeControls.of(store).minimum_confidence(otherwise=0.75)
    (5, 0.9)
    """

    is_learning: bool = True
    off_us: int | None = None
    _minimum_confidence: float | None = None

    @classmethod
    def of(cls, store: ControlReads) -> "HomeControls":
        """Return what is set now."""
        kept = store.controls(*Control)
        is_learning = kept.get(Control.LEARNING) is not False
        off_us = None if is_learning else kept.get(Control.LEARNING_OFF_US)
        return cls(is_learning, off_us, kept.get(Control.MINIMUM_CONFIDENCE))

    def minimum_confidence(self, *, otherwise: float) -> float:
        """Return the confidence that a suggestion needs at least; `otherwise` until a person has set it."""
        return otherwise if self._minimum_confidence is None else float(self._minimum_confidence)

    @staticmethod
    def switch_learning(store: ControlWrites, *, off_us: int | None) -> None:
        """Keep since when learning is off; None is on."""
        store.set_control(Control.LEARNING, off_us is None)
        store.set_control(Control.LEARNING_OFF_US, off_us)

    @staticmethod
    def set_minimum_confidence(store: ControlWrites, minimum: float) -> None:
        """Keep the confidence, 0 to 1, that a suggestion needs at least."""
        store.set_control(Control.MINIMUM_CONFIDENCE, minimum)


def probability(message: Message) -> float:
    """The number from 0 to 1 that a message holds; a retained one is no person's act.

    Raises
    ------
    PoisonError
        It holds something else.
    """
    try:
        number = float(message.payload[:LONGEST_NUMBER])
    except ValueError:
        number = -1.0
    if message.retain or len(message.payload) > LONGEST_NUMBER or not 0 <= number <= 1:
        raise PoisonError(
            Reason.WRONG_SHAPE, f"expected a number from 0 to 1, not retained, got {message.payload[:20]!r}"
        )
    return number
