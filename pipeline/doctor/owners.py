"""Owners of a home: their process, where it runs, and whether it is alive."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from pipeline.doctor.finding import Finding, ok, warning
from pipeline.runtime.ownership import is_dead, process_name
from pipeline.timing.clock import wall_us
from schemas.tables import LeaseRow, table_of
from sinks.store import Beat

CHECK = "owner"
US = 1_000_000
TTL_US = 10 * US
LEASES = table_of(LeaseRow)
ROLES = {"p0": "learns", "deploy": "deploys"}


def check_owners(connection: Connection) -> Iterator[Finding]:
    """Say of every home who owns it, in words."""
    columns = (LEASES.c.owner, LEASES.c.epoch, LEASES.c.until_us, LEASES.c.ttl_us)
    rows = select(LEASES.c.home, LEASES.c.partition, *columns).order_by(LEASES.c.home, LEASES.c.partition)
    for home, partition, *beat in connection.execute(rows).all():
        what = f"who {ROLES.get(partition, partition)} in {home}"
        yield describe(what, Beat(*beat), now_us=wall_us())


def describe(what: str, beat: Beat, *, now_us: int) -> Finding:
    """Say how one lease stands.

    Examples
    --------
    >>> describe("who learns", Beat("elsewhere/1/7/2", 3, 0, 0), now_us=0).found
    'who learns: nobody at the moment, whoever starts next does at once'
    >>> describe("who learns", Beat("elsewhere/1/7/2", 3, 14_000_000, 10_000_000), now_us=5_000_000).found
    'who learns: process 7 of another machine or container, heard of 1 s ago (term 3)'
    """
    if beat.is_released:
        return ok(CHECK, f"{what}: nobody at the moment, whoever starts next does at once")
    who = f"{what}: {_named(beat.owner)}"
    if is_dead(beat.owner):
        return ok(CHECK, f"{who}, which is gone; whoever starts next takes over at once (term {beat.epoch})")
    ttl_us = beat.ttl_us or TTL_US
    age_us = now_us - (beat.until_us - ttl_us)
    if _is_here(beat.owner) and abs(age_us) <= 2 * ttl_us:
        return ok(CHECK, f"{who}, which is alive (term {beat.epoch})")
    if abs(age_us) <= 2 * ttl_us:
        return ok(CHECK, f"{who}, heard of {max(0, age_us) // US} s ago (term {beat.epoch})")
    heard = (
        f"silent for {_length(age_us)}" if age_us > 0 else f"its clock is {_length(-age_us)} ahead of ours"
    )
    return warning(
        CHECK,
        f"{who}, {heard} (term {beat.epoch})",
        f"If it runs, compare the clocks. If not, there is nothing to do: who starts next takes over after "
        f"{ttl_us // US} s without a word from it, whatever the clocks say.",
    )


def _named(owner: str) -> str:
    words = owner.split("/")
    pid = words[2] if len(words) > 2 else "unknown"
    return f"process {pid} of {'this machine' if _is_here(owner) else 'another machine or container'}"


def _is_here(owner: str) -> bool:
    return owner.split("/")[:2] == process_name().split("/")[:2]


def _length(duration_us: int) -> str:
    for name, size_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if duration_us >= 2 * size_s * US:
            return f"{duration_us // (size_s * US)} {name}"
    return f"{duration_us // US} s"
