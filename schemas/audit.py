"""The audit log: who did what, and what was refused."""

from typing import NamedTuple


class NewAuditEntry(NamedTuple):
    """An entry that is to be appended; the log gives it its place and its hash."""

    at_us: int
    actor: str
    what: str
    subject: str
    detail: str
