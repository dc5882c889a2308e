"""Floods in their small form: what they cost, and whom they hold up."""

import pytest

from benchmarks.flooding import FLOODS, SECONDS

pytestmark = [pytest.mark.drill, pytest.mark.mosquitto]

# Beside other tests on a small machine everything takes some times as long.
SLOWER = 10
# Statuses go the way of switches, and a million changes take minutes.
SHORT = ("junk", "switches", "ids", "approvals", "presses")


@pytest.mark.parametrize("name", SHORT)
async def test_a_flood_stays_within_its_bounds(name: str) -> None:
    """In bytes, rows and memory exactly; in seconds within reason."""
    flood, _, small = FLOODS[name]
    for limit in await flood(small):
        at_most = limit.at_most * (SLOWER if limit.what.startswith(SECONDS) else 1)
        assert limit.reached <= at_most, limit
