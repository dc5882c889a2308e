"""`benchmarks/RESULTS.md`: a section for each figure, with its command, machine and date."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "# Results\n\nEvery figure with the command that makes it; run them again with `make bench`.\n"


def write_section(title: str, command: str, body: str) -> None:
    """Put a section in place of the one of the same title, or at the end."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEADING
    section = f"## {title}\n\n`{command}`, {stamp()}\n\n{body.strip()}\n"
    known = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if known.search(text):
        text = known.sub(lambda _: section + "\n", text, count=1)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text.rstrip() + "\n", encoding="utf-8")


def stamp() -> str:
    """Date and machine, as a section states them."""
    today = datetime.now(UTC).date()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{today}, {os.cpu_count()} shared cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load averages {load}."
    )
