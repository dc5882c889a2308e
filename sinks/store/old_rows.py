"""Rows of earlier revisions, as the newest revision has them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from sinks.store.checksums import CHECKSUM, covered

DETAIL = "detail"
_DRIFTS = frozenset({"gone", "off", "edited", "stray"})
_LATE_WRITE = "a write came late and is taken back"
# How the sentence about each reason began when revision 0006 was the newest.
_REASONS = {
    "Home Assistant did not answer; what became of it is looked up first": "unreachable",
    "Home Assistant is starting, stopping or in recovery mode": "starting",
    "Home Assistant failed over automations.yaml": "server_error",
    "Home Assistant said that it had kept the automation, but it is not there": "not_kept",
    "Home Assistant said that it had removed the automation, but it is still there": "stays",
    "Home Assistant refuses the deployer's token": "token_refused",
    "Home Assistant does not offer its automation editor": "no_api",
    "Home Assistant wrote the automation down but did not load it": "not_loaded",
    "Home Assistant does not accept the automation": "malformed",
    "Home Assistant loaded the automation but cannot set it up": "not_set_up",
    "Home Assistant kept something else than what it was given": "altered",
    "There is an automation with this id that is not ours": "foreign",
    "The automation was changed by hand in Home Assistant": "edited",
    "It may not be deployed": "refused",
}


def split_detail(detail: str) -> dict[str, str]:
    """Return failure and drift of a deployment, of which revision 0006 kept one as its detail.

    Examples
    --------
    >>> split_detail("off")
    {'failure': '', 'failure_text': '', 'drift': 'off'}
    >>> split_detail("It may not be deployed: it is not what was approved")["failure"]
    'refused'
    """
    if detail in _DRIFTS:
        return {"failure": "", "failure_text": "", "drift": detail}
    if detail == _LATE_WRITE:
        return {"failure": "late_write", "failure_text": detail, "drift": "stray"}
    reason = next((reason for words, reason in _REASONS.items() if detail.startswith(words)), "unknown")
    return {"failure": reason if detail else "", "failure_text": detail, "drift": ""}


def renewed(table: Table, row: Mapping[str, Any], held: frozenset[str]) -> dict[str, Any]:
    """Return a row of a table that held these columns, as that table holds it now.

    What a checksum covered before says nothing of the row as it is now: it has none then.
    """
    found = dict(row)
    if table.name == "deployments" and DETAIL in held:
        found |= split_detail(str(found.pop(DETAIL)))
    if CHECKSUM in found and not held.issuperset(covered(table)):
        found[CHECKSUM] = None
    return found
