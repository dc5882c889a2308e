"""Findings of checks."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Verdict of a check."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One check: what was found and, unless all is well, what to do."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, found)


def warning(check: str, found: str, advice: str) -> Finding:
    """It works, with a disadvantage."""
    return Finding(check, Verdict.WARNING, found, advice)


def wrong(check: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, Verdict.WRONG, found, advice)
