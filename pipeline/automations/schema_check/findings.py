"""Findings in a part of a configuration, and the forms that parts have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.automations.parser.values import short


class Finding(NamedTuple):
    """Finding about a part: grave if every release refuses it, otherwise outside the rules known here."""

    is_grave: bool
    why: str


Check = Callable[[Any], Iterator[Finding]]


def wrong(why: str) -> Finding:
    """Return a finding that every release refuses."""
    return Finding(is_grave=True, why=why)


def beyond(why: str) -> Finding:
    """Return a finding that cannot be judged here."""
    return Finding(is_grave=False, why=why)


def at(place: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """Prefix each finding with its place in the configuration."""
    for finding in found:
        yield finding._replace(why=f"{place}{',' if ': ' in finding.why else ':'} {finding.why}")


def several(check: Check) -> Check:
    """Check what may be one alone or a list; nothing at all counts as an empty list."""

    def check_all(value: Any) -> Iterator[Finding]:
        if value is None:
            return
        if not isinstance(value, list):
            yield from check(value)
            return
        for number, each in enumerate(value, start=1):
            yield from at(f"number {number}", check(each))

    return check_all


@dataclass(frozen=True)
class Form:
    """The keys of a part and what each may hold, which it needs, and which exclude each other.

    A key that is not among them may be a newer release's: with one in it, a part is never held against it
    that it lacks something.
    """

    keys: Mapping[str, Check]
    needs: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    never_both: tuple[tuple[str, str], ...] = ()

    def __call__(self, part: Any) -> Iterator[Finding]:
        """Check a part."""
        if not isinstance(part, dict):
            yield wrong(f"expected keys with values, got {short(part)}")
            return
        strange = [key for key in part if key not in self.keys]
        for key in strange:
            yield beyond(f"{short(key)} is not a key that we know here")
        for key, check in self.keys.items():
            if key in part:
                yield from at(key, check(part[key]))
        for one, other in self.never_both:
            if one in part and other in part:
                yield wrong(f"{one} and {other} exclude each other")
        if not strange:
            yield from self._lacking(part)

    def _lacking(self, part: Mapping[str, Any]) -> Iterator[Finding]:
        for key in self.needs:
            if key not in part:
                yield wrong(f"{key} is missing")
        if self.one_of and not any(key in part for key in self.one_of):
            yield wrong(f"one of {', '.join(self.one_of)} is missing")
