"""``python -m benchmarks``: measure anew what RESULTS.md states; some hours on a quiet machine."""

import subprocess
import sys

MEASUREMENTS = (
    ("benchmarks.quality",),
    ("benchmarks.numeric",),
    ("benchmarks.suggesting",),
    ("benchmarks.learning",),
    ("benchmarks.night",),
    ("benchmarks.equivalence",),
    ("benchmarks.throughput",),
    ("benchmarks.latency",),
    ("benchmarks.memory",),
    ("benchmarks.memory", "--all"),
    ("benchmarks.validity",),
    ("benchmarks.forging",),
    ("benchmarks.flooding",),
    ("benchmarks.deploying",),
    ("benchmarks.fuzzing",),
    ("benchmarks.rebuild",),
    ("benchmarks.backing_up",),
    ("benchmarks.growth",),
    ("benchmarks.soak",),
    ("benchmarks.flakes", "--runs", "30", "tests/pipeline/delivery"),
    ("benchmarks.damage",),
    ("benchmarks.drills", "--full"),
    ("benchmarks.targets",),
)


def main() -> int:
    """Run one after the other; 1 if one failed."""
    codes = []
    for words in MEASUREMENTS:
        print(f"python -m {' '.join(words)}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", *words, "--write"], check=False).returncode)  # noqa: S603 our own
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
