"""The worker of the soak: the real pipeline, whose wall clock jumps when a file says so.

``python -m benchmarks.soak.worker``; event times are checked against the stream itself, as a replay does, so
that a year passes in minutes. Everything else takes the time of the clock that jumps.
"""

import os
import signal
import sys
import time
from pathlib import Path

JUMP = "HA_AI_SOAK_JUMP_FILE"


def let_the_clock_jump(file: Path) -> None:
    """Shift what ``time`` says by the seconds in `file`: at once, and whenever SIGUSR1 comes."""
    true_ns = time.time_ns
    offset_ns = [0]

    def read(*_: object) -> None:
        offset_ns[0] = int(file.read_text()) * 1_000_000_000 if file.exists() else 0

    time.time_ns = lambda: true_ns() + offset_ns[0]
    time.time = lambda: time.time_ns() / 1e9
    signal.signal(signal.SIGUSR1, read)
    read()


def main() -> int:
    """Run learning and publishing."""
    let_the_clock_jump(Path(os.environ.pop(JUMP)))
    from pipeline.cli import main as ha_ai  # noqa: PLC0415 what it imports must find the clock that jumps
    from pipeline.ingest.bounds import StreamClock  # noqa: PLC0415 as above
    from pipeline.learn import service  # noqa: PLC0415 as above

    service.WallClock = StreamClock  # type: ignore[assignment,attr-defined]
    return ha_ai(["run", "learn", "publish"])


if __name__ == "__main__":
    sys.exit(main())
