"""A household on disk."""

import gzip
import json
from pathlib import Path

from pipeline.simulation import Household, write_household


def test_the_files_hold_the_household(tmp_path: Path) -> None:
    """Events are the messages line by line; home and truth are the household's own."""
    household = Household(seed=3, days=2)
    number = write_household(household, tmp_path)
    with gzip.open(tmp_path / "events.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == number
    assert [line["payload"] for line in lines] == [payload for _, payload in household.messages()]
    home = json.loads((tmp_path / "home.json").read_text())
    assert {key: home[key] for key in ("tz", "lat", "lon")} == {
        "tz": "Europe/Berlin",
        "lat": 52.52,
        "lon": 13.405,
    }
    assert home["rooms"]["switch.coffee_maker"] == "kitchen"
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth == json.loads(json.dumps(household.truth.document()))
    assert sum(len(habit["occurrences"]) for habit in truth["habits"]) > 5


def test_the_same_household_is_the_same_file(tmp_path: Path) -> None:
    """Two writings agree byte for byte, wherever and whenever they are made."""
    for name in ("one", "two"):
        write_household(Household(seed=3, days=1), tmp_path / name)
    for file in ("events.jsonl.gz", "home.json", "truth.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    head = (tmp_path / "one" / "events.jsonl.gz").read_bytes()[:10]
    assert head[3:8] == bytes(5), "neither a file name nor a time of writing in the gzip header"
