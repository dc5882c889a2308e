"""Homes without habits: the same events, at other times of the day."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

from schemas.events import ServiceCall, StateChange
from schemas.instants import from_us, to_us

Rotation = Literal["days", "entities"]

DAY_US = 86_400_000_000


def rotate(
    entries: Iterable[StateChange | ServiceCall], zone: ZoneInfo, rotation: Rotation, seed: int
) -> Iterator[StateChange]:
    """Shift every local day, or every entity within it, by a random time, around its midnight.

    Days as a whole lose the habits of the clock, and keep what follows what. Where each entity is shifted by
    itself, nothing follows anything any more.

    Parameters
    ----------
    entries
        In any order; what was delivered twice counts once. Service calls are left out.
    """
    rng, offsets = Random(f"rotate-{seed}"), dict[str, int]()
    moved = {}
    for change in entries:
        if isinstance(change, StateChange):
            at = from_us(change.at_us).astimezone(zone)
            midnight = to_us(datetime(at.year, at.month, at.day, tzinfo=zone))
            part = f"{at.date()} {change.entity_id if rotation == 'entities' else ''}"
            if part not in offsets:
                offsets[part] = rng.randrange(DAY_US)
            since_us = (change.at_us - midnight + offsets[part]) % DAY_US
            moved[change.key] = change._replace(at_us=midnight + since_us)
    yield from _changes(sorted(moved.values(), key=lambda change: (change.at_us, change.entity_id)))


def _changes(ordered: Iterable[StateChange]) -> Iterator[StateChange]:
    """Leave out what repeats an entity's state in the new order."""
    states: dict[str, str] = {}
    for change in ordered:
        old = states.get(change.entity_id)
        if change.mark or old != change.new:
            yield change if change.mark else change._replace(old=change.old if old is None else old)
            states[change.entity_id] = change.new
