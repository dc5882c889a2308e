"""One place of the code, and how it is broken."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One place, and how it is broken.

    Attributes
    ----------
    name
        The rule that no longer holds.
    path
        The file, from the root of the repository.
    old, new
        An expression that stands there once, and the one in its place.
    guarded_by
        What pytest is given.
    """

    name: str
    path: str
    old: str
    new: str
    guarded_by: Sequence[str]
