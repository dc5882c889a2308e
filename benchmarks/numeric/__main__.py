"""``python -m benchmarks.numeric``: River's parts against our own for anomalies, baselines and drift."""

import argparse
from pathlib import Path

from benchmarks.numeric import baselines, detection, drift, quiet
from benchmarks.quality.homes import RECORDED
from benchmarks.results import write_section

COMMAND = "python -m benchmarks.numeric"
ARTIFICIAL_SEEDS, QUIET_SEEDS = (0,), (10, 11)


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=RECORDED, help="folder with nab_open.csv.gz and its labels"
    )
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    folder = arguments.data if (arguments.data / "nab_open.csv.gz").exists() else None
    measurements = {
        "Numeric anomalies": lambda: detection.report(folder, ARTIFICIAL_SEEDS),
        "Numeric anomalies, false alarms": lambda: quiet.report(QUIET_SEEDS),
        "Baselines": baselines.report,
        "Drift of a daily habit": drift.report,
    }
    for title, measure in measurements.items():
        table = measure()
        print(f"{title}\n\n{table}\n", flush=True)
        if arguments.write:
            write_section(title, table)


if __name__ == "__main__":
    main()
