"""``python -m benchmarks.drills [NAME ...] [--full] [--write]``: run drills, print or keep their rows."""

import argparse
import asyncio
import sys

from benchmarks.drills import DRILLS, HEADER, Row
from benchmarks.processes import HA_AI
from benchmarks.results import version, write_rows

_TITLES, _RULES = HEADER.split("\n")
RECORDED = f"{_TITLES} size | seed | version |\n{_RULES}---|---|---|"


def main() -> int:
    """Run the drills that were named, or all; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drills", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*DRILLS, []], metavar="NAME", help=", ".join(DRILLS))
    parser.add_argument("--full", action="store_true", help="as many faults as a release has to stand")
    parser.add_argument("--write", action="store_true", help="each drill's row into RESULTS.md")
    parser.add_argument("--seed", type=int, default=1, help="of events and moments (%(default)s)")
    arguments = parser.parse_args()
    print(HEADER, flush=True)
    rows, lines = [], {}
    for name in arguments.names or DRILLS:
        drill = DRILLS[name]
        row = asyncio.run(drill.run(drill.full if arguments.full else drill.small, arguments.seed, HA_AI))
        print(row, flush=True)
        rows.append(row)
        size = "full" if arguments.full else "small"
        lines[name] = f"{row} {size} | {arguments.seed} | {version('Fault drills')} |"
        if arguments.write:
            write_rows("Fault drills", RECORDED, lines)
    return int(sum(_failed(row) for row in rows) > 0)


def _failed(row: Row) -> bool:
    for problem in [*row.problems, *row.audit.differences[:20]]:
        print(f"{row.drill}: {problem}", file=sys.stderr)
    return not row.is_passed


if __name__ == "__main__":
    sys.exit(main())
