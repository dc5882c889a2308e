"""``python -m benchmarks``: measure anew what RESULTS.md states; some hours on a quiet machine."""

import argparse
import subprocess
import sys

from benchmarks.measurements import MEASUREMENTS
from benchmarks.stale import stale


def main() -> int:
    """Run one after the other; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--stale", action="store_true", help="those alone whose code has changed since")
    arguments = parser.parse_args()
    titles = {row.title for row in stale()} if arguments.stale else {each.title for each in MEASUREMENTS}
    codes = []
    for words in dict.fromkeys(each.words for each in MEASUREMENTS if each.title in titles):
        print(f"python -m {' '.join(words)}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", *words, "--write"], check=False).returncode)  # noqa: S603 our own
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
