"""What is said of days that are past their age, and who deletes them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sinks.store import SqlStore

Command = Any
TODAY = datetime.now(UTC).date()


@pytest.fixture
def days(tmp_path: Path) -> list[date]:
    """A store, where the command looks for it, with a month of two years ago and the last fortnight."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    old = [TODAY - timedelta(days=730 - number) for number in range(30)]
    since = [TODAY - timedelta(days=number) for number in range(14)]
    with made.begin() as transaction:
        for day in [*old, *since]:
            transaction.save_day(day, b"x", events=1, sealed=True, at_us=0, applied_seq=0)
    made.close()
    return old


def test_shown_and_then_deleted(ha_ai: Command, days: list[date]) -> None:
    """It says which days, why they stay and what deletes them; with the word given they are gone for good."""
    shown = ha_ai("prune")
    assert shown.code == 0
    assert f"30 days ({days[0]} to {days[-1]}) are past 365 days" in shown.out
    assert "`ha-ai prune --yes`" in shown.out
    assert "Deleted: 30 days" in ha_ai("prune", "--yes", "--by", "Ada").out
    assert "No day is overdue" in ha_ai("prune").out
    assert "Ada" in ha_ai("audit").out


def test_the_doctor_says_it(ha_ai: Command, days: list[date]) -> None:
    """Until then the doctor names the days and the command."""
    assert len(days) == 30
    said = ha_ai("doctor").out
    assert "still there past their age" in said
    assert "ha-ai prune" in said
