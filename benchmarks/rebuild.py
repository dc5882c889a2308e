"""``python -m benchmarks.rebuild``: what the journal alone gives back equals what was learned live."""

import argparse
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from benchmarks.drills.audit import HOME
from benchmarks.drills.in_process import batches, deliver, learner_over, rest
from benchmarks.drills.load import make_load
from benchmarks.results import version, write_rows
from pipeline.core.day_set import DaySet
from sinks.store import SqlStore, day_sets

# What the journal holds for good: nothing of it has left yet.
HOURS = 100.0
HEADER = (
    "| events | days | live, sha256 | from the journal | equal | learning, s | rebuilding, s | seed "
    "| version |\n" + "|---" * 9 + "|"
)


def rebuilt(database: Path, events: int, seed: int) -> tuple[str, str, int, float, float]:
    """The state learned live and the one from the journal as hashes; the days; how long each took."""
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    store.migrate()
    began_s = time.monotonic()
    learner = learner_over(store)
    for batch in batches(make_load(events, seed=seed, hours=HOURS).events):
        deliver(learner, batch)
    rest(learner)
    learned_s = time.monotonic()
    live, days = _state(store), len(day_sets.days(store))
    with closing(sqlite3.connect(database)) as connection, connection:
        for table in ("day_sets", "day_aggregates", "patterns", "snapshots"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 our own words
    again_s = time.monotonic()
    rest(learner_over(store))
    seconds = time.monotonic() - again_s
    found = _state(store)
    store.close()
    return live, found, days, learned_s - began_s, seconds


def _state(store: SqlStore) -> str:
    """All day sets, aggregates and patterns in their canonical form, hashed."""
    sets = [day_sets.day_set(store, day) for day, *_ in day_sets.days(store)]
    said = [f"{each.day} {DaySet.unpack(each.packed).canonical()}" for each in sets if each]
    with store._database.reading() as connection:  # noqa: SLF001 no reader needs all aggregates
        rows = connection.exec_driver_sql("SELECT day, detector, packed FROM day_aggregates").all()
    said += sorted(map(str, rows))
    said += [pattern.exact() for pattern in store.patterns(status="active")]
    return sha256("\n".join(said).encode()).hexdigest()


def main() -> int:
    """Learn, forget all but the journal, and learn again from that; 1 if it differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rebuild", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the events (%(default)s)")
    parser.add_argument("--write", action="store_true", help="the row into RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="haai-rebuild-") as folder:
        live, found, days, learning_s, again_s = rebuilt(
            Path(folder) / "ha-ai.db", arguments.events, arguments.seed
        )
    equal = "yes" if live == found else "no"
    line = (
        f"| {arguments.events:,} | {days} | `{live[:16]}` | `{found[:16]}` | {equal} "
        f"| {learning_s:.0f} | {again_s:.0f} | {arguments.seed} | {version('Rebuilt from the journal')} |"
    )
    print(f"{HEADER}\n{line}")
    if arguments.write:
        write_rows("Rebuilt from the journal", HEADER, {f"{arguments.events:,}": line})
    return int(live != found)


if __name__ == "__main__":
    sys.exit(main())
