"""RESULTS.md: a section a measurement, replaced when it is measured again."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
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


def write_rows(title: str, command: str, header: str, rows: Mapping[str, str]) -> None:
    """Put rows, by their first cells, in place of those of a section; its other rows stay.

    Each row says its own commit, see `commit`; those of an older, narrower table are filled up.
    """
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    old = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^\| .*\|$", old[1] if old else "", re.MULTILINE)[1:]
    width = header.partition("\n")[0].count("|")
    kept = {_first_cell(line): line + " - |" * (width - line.count("|")) for line in lines}
    write_section(title, command, "\n".join([header, *{**kept, **rows}.values()]))


def _first_cell(line: str) -> str:
    return line.split("|")[1].strip()


def commit() -> str:
    """The commit that is measured; with a plus sign when something else than this file was changed since."""
    measured = _git("rev-parse", "--short=8", "HEAD")
    changed = _git("status", "--porcelain", "--", ":/", f":(exclude,top)benchmarks/{RESULTS.name}")
    return f"{measured}{'+' if changed else ''}" if measured else "unknown"


def _git(*words: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(RESULTS.parent), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 our own words


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
