"""`ha-ai learn` over homes that were recorded elsewhere, where they lie beside the checkout."""

import json
from pathlib import Path

import pytest

from pipeline.cli import main

RECORDED = Path(__file__).parents[4] / "shared" / "data"
HOMES = sorted(path.name for path in RECORDED.glob("*.csv.gz"))

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("name", HOMES or ["none"])
def test_a_recorded_home_is_learned_to_its_end(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line can be taken, and what is printed are patterns with their evidence."""
    if not HOMES:
        pytest.skip("not applicable: no recorded homes beside the checkout")
    assert main(["learn", str(RECORDED / name), "--tz", "UTC", "--json"]) == 0
    printed = capsys.readouterr()
    assert " 0 that could not be read" in printed.err
    for line in printed.out.splitlines():
        pattern = json.loads(line)
        evidence = pattern["evidence"]
        assert evidence["hits"] + evidence["misses"] == evidence["opportunities"]
        assert pattern["pattern_type"] == "anomaly" or pattern["status"] == "active"
