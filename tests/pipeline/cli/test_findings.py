"""What the demonstration shows of what it hears."""

from datetime import date
from typing import Any

import pytest

from pipeline.cli.findings import Findings
from pipeline.simulation import Household
from schemas.anomalies import Anomaly
from schemas.patterns import Change
from schemas.statuses import AnomalyDetected, PatternDetected


@pytest.fixture
def findings() -> Findings:
    """Of a household of a day."""
    return Findings(Household(days=1))


def test_anomaly_is_shown_as_it_comes(
    findings: Findings, anomaly: Anomaly, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the day in the home's zone, what is out of order, and what was expected."""
    findings.warn(AnomalyDetected(message_id="1", at=anomaly.detail.at, anomaly=anomaly))
    said = capsys.readouterr().out
    assert said.startswith("03 Nov  Oven (switch) has been on for 12 h.")
    assert "It is usually on for less than 90 min." in said


def test_pattern_is_shown_when_it_says_something_new(
    findings: Findings, make_pattern: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once when it is found, again when it moved, and when it is no more; not for more evidence."""
    found = make_pattern()
    moved = make_pattern(change=Change(since=date(2026, 10, 20), minute_before=540, minute_after=424))
    more = found.model_copy(update={"confidence": 0.95})
    shown = []
    for what, pattern in (("detected", found), ("updated", more), ("updated", moved), ("retired", moved)):
        findings.take(PatternDetected(message_id="1", at=found.last_seen, what=what, pattern=pattern))
        shown.append(capsys.readouterr().out)
    assert "You turn coffee maker (switch) on on weekdays around 07:04" in shown[0]
    assert shown[1] == ""
    assert "moved from 09:00 to 07:04" in shown[2]
    assert "No longer: You turn coffee maker" in shown[3]
