"""RESULTS.md: a section a measurement, replaced when it is measured again."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# What was measured\n\nEach section says by which command; `--write` replaces it.\n"


def write_section(title: str, command: str, table: str) -> None:
    """Put a section in place of the one with the same title."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    section = f"## {title}\n\n`{command}`, {conditions()}\n\n{table}\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    text = old.sub(lambda _: section + "\n", text) if old.search(text) else f"{text}\n{section}"
    RESULTS.write_text(text.rstrip() + "\n", encoding="utf-8")


def conditions() -> str:
    """The day, the machine and what else it has to do."""
    load = "/".join(f"{average:.1f}" for average in os.getloadavg())
    cores = os.cpu_count()
    today = datetime.now(UTC).date()
    return (
        f"{today}, {cores} cores, {_processor()}, Python {platform.python_version()}, "
        f"load average {load} (1, 5 and 15 minutes)"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()
