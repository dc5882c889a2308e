"""One state of a store as a file of its own, while others write into the store."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

PAGES_A_STEP = 256
BUSY_S = 10.0
LONGEST_REST_S = 1.0


def copy_state(database: Path, copy: Path) -> None:
    """Copy one state of a store, page by page, and let those who write into it go first."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source = sqlite3.connect(
        f"file:{quote(str(database.resolve()))}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
    )
    with closing(source), closing(sqlite3.connect(copy, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        # While this transaction stands, commits of others neither begin the copy anew nor come into it.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()
        begun_s = time.monotonic()

        def rest(*_left: int) -> None:
            nonlocal begun_s
            # As long as the step took: half of a slow disk at most is taken from those who commit.
            time.sleep(min(time.monotonic() - begun_s, LONGEST_REST_S))
            begun_s = time.monotonic()

        source.backup(target, pages=PAGES_A_STEP, progress=rest)


@contextmanager
def unchanging(path: Path) -> Iterator[sqlite3.Connection]:
    """A file that nobody writes, read without the files that SQLite would put beside it."""
    address = f"file:{quote(str(path.resolve()))}?immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        yield connection
