"""RESULTS.md: a section a measurement, replaced when it is measured again."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measurements import BY_TITLE, fingerprint

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# What was measured\n\nEach section says by which command; `--write` replaces it.\n"


def write_section(title: str, table: str, *, seed: int | str | None = None) -> None:
    """Put a section in place of the one with the same title, with command, version, seed and conditions."""
    seeded = "" if seed is None else f"seed {seed}, "
    _replace(title, f"`{command_line()}`, version {version(title)}, {seeded}{conditions()}\n\n{table}")


def write_rows(title: str, header: str, rows: Mapping[str, str]) -> None:
    """Put rows, by their first cells, in place of those of a section; its other rows stay.

    Each row says its own version, see `version`; those of an older, narrower table are filled up.
    """
    lines = re.findall(r"^\| .*\|$", section(title) or "", re.MULTILINE)[1:]
    width = header.partition("\n")[0].count("|")
    kept = {_first_cell(line): line + " - |" * (width - line.count("|")) for line in lines}
    table = "\n".join([header, *{**kept, **rows}.values()])
    _replace(title, f"`{BY_TITLE[title].command}`, {conditions()}\n\n{table}")


def command_line() -> str:
    """Return the command that runs: the module and what it was told."""
    module = getattr(sys.modules["__main__"].__spec__, "name", "?").removesuffix(".__main__")
    return " ".join(["python -m", module, *sys.argv[1:]])


def section(title: str) -> str | None:
    """Return what stands below a heading; None where there is no such section."""
    found = _section(title).search(_text())
    return found[1] if found else None


def _replace(title: str, content: str) -> None:
    text, whole = _text(), f"## {title}\n\n{content}\n"
    old = _section(title)
    text = old.sub(lambda _: whole + "\n", text) if old.search(text) else f"{text}\n{whole}"
    RESULTS.write_text(text.rstrip() + "\n", encoding="utf-8")


def _section(title: str) -> re.Pattern[str]:
    return re.compile(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


def _text() -> str:
    return RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD


def _first_cell(line: str) -> str:
    return line.split("|")[1].strip()


def version(title: str) -> str:
    """Return the commit that is measured, and the fingerprint of the code that a section's figures are about.

    A plus sign after the commit: something else than RESULTS.md was changed since.

    Raises
    ------
    KeyError
        A title that is not in the table of measurements.
    """
    measured = _git("rev-parse", "--short=8", "HEAD")
    changed = _git("status", "--porcelain", "--", ":/", f":(exclude,top)benchmarks/{RESULTS.name}")
    commit = f"{measured}{'+' if changed else ''}" if measured else "unknown"
    return f"{commit}/{fingerprint(BY_TITLE[title].paths)}"


def _git(*words: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(RESULTS.parent), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 our own words


def conditions() -> str:
    """Return the day, the machine and what else it has to do, in words."""
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
