"""A generated household on disk: what `learn` and `replay` read, and the truth beside it."""

import json
from gzip import GzipFile
from pathlib import Path

from pipeline.simulation.household import Household


def write_household(household: Household, directory: Path) -> int:
    """Write ``events.jsonl.gz``, ``home.json`` and ``truth.json``; return the number of messages.

    One line of the events is ``{"arrival": epoch seconds, "payload": {...}}``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    number = 0
    # Neither name nor time of writing in the file's head: the same household gives the same bytes.
    with (
        (directory / "events.jsonl.gz").open("wb") as file,
        GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as events,
    ):
        for arrival, payload in household.messages():
            line = json.dumps({"arrival": round(arrival, 6), "payload": payload}, separators=(",", ":"))
            events.write(line.encode() + b"\n")
            number += 1
    truth = household.truth
    home = {"tz": household.tz, "lat": household.lat, "lon": household.lon, "rooms": truth.rooms}
    (directory / "home.json").write_text(json.dumps(home, indent=1) + "\n", encoding="utf-8")
    (directory / "truth.json").write_text(json.dumps(truth.document(), indent=1) + "\n", encoding="utf-8")
    return number
