"""One fault a trial: what the start said of it, and what is missing after it that nobody spoke of."""

import json
import os
import random
import sqlite3
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.damage.faults import Fault, copied
from benchmarks.damage.home import DAY_US, HOME, Place, start
from pipeline.core.day_set import DaySet
from schemas.events import StateChange
from schemas.tables import METADATA
from sinks.store import backup

AGE_S = 3_600.0
# What a start writes anew, or notes of itself.
LEFT_OUT = frozenset({"commits", "damaged", "leases", "audit", "controls", "snapshots"})
# Places and times of writing, and what is judged or closed again.
COLUMNS_LEFT_OUT = frozenset(
    {"seq", "changed_us", "closed_us", "applied_seq", "checksum", "sealed", "created_us"}
)
# Judged anew, or pruned by others; their loss is no loss.
CACHES = frozenset(
    {"patterns", "anomalies", "outbox", "dead_letters", "day_aggregates", "quarantine", "nonces"}
)
Content = dict[str, set[tuple[Any, ...]]]


@dataclass(slots=True)
class Outcome:
    """What came of one fault."""

    fault: str
    noticed: bool = False
    without_effect: bool = False
    crash: str = ""
    silent: list[str] = field(default_factory=list)
    restless: str = ""
    lost_older: int = 0


class Trials:
    """Faults on copies of one home, each followed by two starts."""

    def __init__(self, whole: Place, events: Sequence[StateChange], scratch: Path) -> None:
        self._whole = whole
        self._events = events
        self._scratch = scratch
        clean = copied(whole, scratch / "clean")
        said = start(clean)
        if said:
            raise AssertionError(f"expected a kill alone to be no damage, got: {said}")
        self._clean = _content(clean)
        self._days = _changes(clean)

    def run(self, fault: Fault, number: int, seed: int) -> Outcome:
        """Do one fault, start twice, and look."""
        place = copied(self._whole, self._scratch / f"{number:04d}")
        outcome = Outcome("")
        outcome.fault = f"{fault.target}/{fault.kind}: {fault.do(place, random.Random(seed))}"
        _age(place)
        if fault.target == "backup":
            outcome.noticed = not _has_good_backup(place)
        said: list[Any] = []
        try:
            said = start(place)
            again = start(place)
        except Exception:  # noqa: BLE001 whatever escapes is what is looked for
            outcome.crash = traceback.format_exc()
            return outcome
        outcome.noticed |= bool(said)
        if len(again) != len(said):
            outcome.restless = f"{len(said)} then {len(again)}: {again[-1].mended}"
        self._compare(place, outcome, {each.table_name for each in said})
        return outcome

    def _compare(self, place: Place, outcome: Outcome, told: set[str]) -> None:
        after = _content(place)
        differing = sorted(name for name, rows in self._clean.items() if rows != after[name])
        missing = _missing(self._days, _changes(place))
        gaps = _gaps(place)
        unseen = [at_us for at_us in missing if not any(begin <= at_us <= end for begin, end in gaps)]
        if not outcome.noticed:
            outcome.without_effect = not differing and not missing
            outcome.silent = differing + [f"{len(missing)} changes"] * bool(missing)
            return
        if unseen:
            outcome.silent.append(f"{len(unseen)} changes outside of a gap")
        yesterday_us = self._events[-1].at_us - DAY_US
        outcome.lost_older = sum(at_us < yesterday_us for at_us in missing)
        if "store" not in told:
            lost = {name for name in differing if self._clean[name] - after[name]} - CACHES
            outcome.silent += sorted(lost - told - {"day_sets", "journal", "gaps"})


def _age(place: Place) -> None:
    """Let an hour pass since the process died: what a disk does changes no time of a file."""
    died_s = time.time() - AGE_S
    for file in filter(Path.is_file, place.folder.rglob("*")):
        os.utime(file, (died_s, died_s))


def _has_good_backup(place: Place) -> bool:
    return backup.latest_good(place.backups, HOME.id) is not None


def _content(place: Place) -> Content:
    found: Content = {}
    with closing(sqlite3.connect(place.database)) as connection:
        for table in METADATA.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            columns = [each.name for each in table.columns if each.name not in COLUMNS_LEFT_OUT]
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table.name}")  # noqa: S608 our tables
            found[table.name] = set(rows)
    return found


def _changes(place: Place) -> set[tuple[int, str]]:
    """When and of what the days' sets know, in microseconds; numbers by their steps."""
    known = set()
    with closing(sqlite3.connect(place.database)) as connection:
        for (packed,) in connection.execute("SELECT packed FROM day_sets"):
            plain = DaySet.unpack(packed).canonical()
            known |= {(at_ms * 1000, entity_id) for at_ms, entity_id, *_ in plain["changes"]}
            for entity_id, steps in plain["numbers"].items():
                known |= {(step[5] * 1000, f"{entity_id} {json.dumps(step)}") for step in steps}
    return known


def _missing(before: set[tuple[int, str]], after: set[tuple[int, str]]) -> list[int]:
    return [at_us for at_us, _ in before - after]


def _gaps(place: Place) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(place.database)) as connection:
        return connection.execute("SELECT from_us, to_us FROM gaps").fetchall()
