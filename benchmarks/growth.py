"""``python -m benchmarks.growth``: how large the store of a home is after a year, without a year's learning.

One day of such a home is learned; its set and its aggregates are kept for each day of the year, pruned hour
by hour as a running service prunes. The journal is written in full for the last weeks: what came before has
left.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks.drills.audit import HOME, count_of
from benchmarks.drills.order import household_events
from benchmarks.results import version, write_rows
from detectors.registry import detectors
from pipeline.core.core import ClosedDay, LearningCore
from schemas.events import StateChange
from schemas.instants import from_us
from sinks.store import SqlStore

DAY_US = 86_400_000_000
HOUR_US = DAY_US // 24
SENSORS = 100
BATCH = 5_000
TABLES = ("journal", "day_sets", "day_aggregates")
HEADER = (
    "| raw changes a day | days | store at the end, MB | at most, MB | journal, rows | day sets | aggregates "
    "| a day's set, kB | seed | version |\n" + "|---" * 10 + "|"
)


def a_day(raw: int, seed: int) -> tuple[list[StateChange], ClosedDay]:
    """A day's changes, a generated household's discrete ones and numbers beside, and what it comes to."""
    rng = random.Random(seed)
    known = household_events(2, seed=seed)
    start_us = known[0].at_us
    discrete = [event for event in known if event.at_us < start_us + DAY_US]
    values = [20.0] * SENSORS
    numbers = []
    for place in range(max(0, raw - len(discrete))):
        sensor = rng.randrange(SENSORS)
        before = values[sensor]
        values[sensor] = round(before + rng.gauss(0, 0.4), 2)
        at_us = start_us + place * DAY_US // raw
        name = f"sensor.number_{sensor}"
        numbers.append(StateChange(at_us, name, str(before), str(values[sensor]), f"{place:026x}"))
    day = sorted([*discrete, *numbers])
    core = LearningCore(HOME, detectors())
    for event in day:
        core.learn_one(event)
    core.learn_one(day[-1]._replace(at_us=start_us + 2 * DAY_US))
    return day, core.close_due()[0]


def grown(database: Path, raw: int, days: int, journaled: int, seed: int) -> tuple[float, float, float]:
    """The store's size at the end and at most, and that of a day's set."""
    events, closed = a_day(raw, seed)
    packed = closed.events.pack()
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    store.migrate()
    first = from_us(events[0].at_us).date()
    most, seq = 0, 0
    for number in range(days):
        shift_us = number * DAY_US
        if number >= days - journaled:
            seq = _journal(store, events, shift_us)
        _keep(store, first + timedelta(days=number), closed, packed, seq)
        for hour in range(24 if number >= days - journaled else 1):
            store.prune(now_us=events[0].at_us + shift_us + DAY_US + hour * HOUR_US)
        most = max(most, database.stat().st_size)
    store.close()
    return database.stat().st_size / 1e6, most / 1e6, len(packed) / 1e3


def _journal(store: SqlStore, events: Sequence[StateChange], shift_us: int) -> int:
    seq = 0
    for begin in range(0, len(events), BATCH):
        moved = [event._replace(at_us=event.at_us + shift_us) for event in events[begin : begin + BATCH]]
        with store.begin() as transaction:
            seq = transaction.journal([(event.key, event) for event in moved], moved[-1].at_us)
    return seq


def _keep(store: SqlStore, day: date, closed: ClosedDay, packed: bytes, seq: int) -> None:
    with store.begin() as transaction:
        transaction.save_day(day, packed, events=len(closed.events), sealed=True, at_us=1, applied_seq=seq)
        for detector, aggregates in closed.aggregates.items():
            transaction.save_aggregates(day, detector, aggregates)
        transaction.save_snapshot("learning", b"{}", version=1, applied_seq=seq)


def main() -> int:
    """Let a store grow, and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--raw", type=int, default=100_000, help="changes a day (%(default)s)")
    parser.add_argument("--days", type=int, default=365, help="of the home (%(default)s)")
    parser.add_argument("--journaled", type=int, default=20, help="last days with a journal (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the day (%(default)s)")
    parser.add_argument("--write", action="store_true", help="the row into RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="haai-growth-") as folder:
        database = Path(folder) / "ha-ai.db"
        size, most, a_set = grown(
            database, arguments.raw, arguments.days, arguments.journaled, arguments.seed
        )
        rows = [f"{count_of(database, f'SELECT count(*) FROM {table}'):,}" for table in TABLES]  # noqa: S608 our own words
    line = (
        f"| {arguments.raw:,} | {arguments.days} | {size:.0f} | {most:.0f} | {' | '.join(rows)} "
        f"| {a_set:.0f} | {arguments.seed} | {version('Size of a store')} |"
    )
    print(f"{HEADER}\n{line}")
    if arguments.write:
        write_rows("Size of a store", HEADER, {f"{arguments.raw:,}": line})
    return 0


if __name__ == "__main__":
    sys.exit(main())
