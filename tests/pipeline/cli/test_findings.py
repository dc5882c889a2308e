"""What the demonstration shows of what it hears."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipeline.cli.findings import Findings
from pipeline.simulation import Household
from schemas.anomalies import Anomaly
from schemas.patterns import Change, DurationDetail, Pattern, Quantiles
from schemas.statuses import AnomalyDetected, PatternDetected
from tests.fixtures.offers import offer, suggestion


@pytest.fixture
def findings() -> Findings:
    """Of a household that has lived for a day."""
    household = Household(days=1)
    assert list(household.messages())
    return Findings(household)


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
    """Once when it is found, again when it moved first, and when it is no more; not for anything else."""
    found = make_pattern()
    moved = make_pattern(change=Change(since=date(2026, 10, 20), minute_before=540, minute_after=424))
    more = found.model_copy(update={"confidence": 0.95})
    again = make_pattern(change=Change(since=date(2026, 10, 20), minute_before=540, minute_after=425))
    shown = []
    told = ("detected", found), ("updated", more), ("updated", moved), ("updated", again), ("retired", again)
    for what, pattern in told:
        findings.take(PatternDetected(message_id="1", at=found.last_seen, what=what, pattern=pattern))
        shown.append(capsys.readouterr().out)
    assert "You turn on coffee maker (switch) on weekdays around 07:04" in shown[0]
    assert shown[1] == ""
    assert "moved from 09:00 to 07:04" in shown[2]
    assert shown[3] == ""
    assert shown[4].startswith("30 Oct  No longer: You turn on coffee maker")
    assert shown[4].endswith(f" {found.id[:7]}\n")


def test_days_go_forward(findings: Findings, make_pattern: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What was last seen before what is said already is known as of that day."""
    late, early = (
        make_pattern(),
        make_pattern(entity_id="light.hall", last_seen=datetime(2026, 10, 9, tzinfo=UTC)),
    )
    for pattern in (late, early):
        findings.take(PatternDetected(message_id="1", at=pattern.last_seen, what="detected", pattern=pattern))
        assert capsys.readouterr().out.startswith("30 Oct  ")


def test_durations_are_counted_at_the_end(
    findings: Findings, make_pattern: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """No duration is told as it comes or goes; the surest three are in the end."""
    found = [
        duration(make_pattern(), name, sure) for name, sure in zip("abcd", (0.6, 0.9, 0.8, 0.7), strict=True)
    ]
    gone = duration(make_pattern(), "e", 0.95)
    told = [("detected", each) for each in (*found, gone)] + [("retired", gone)]
    for what, pattern in told:
        findings.take(PatternDetected(message_id="1", at=pattern.last_seen, what=what, pattern=pattern))
    assert capsys.readouterr().out == ""
    findings.summarize(1, 1.0)
    said = capsys.readouterr().out
    assert "And 4 durations, such as:\n      When b (light) goes on, that lasts 45 min" in said
    assert [name for name in "abcde" if f"When {name} (light)" in said] == ["b", "c", "d"]


def test_suggestions_are_shown_with_their_proof(
    findings: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Title and proof of each, and how a person says yes; where there is none, that there is none yet."""
    findings.propose([suggestion(), suggestion(offer("fan.bath", 600))])
    said = capsys.readouterr().out
    assert "      Turn on bath (fan) at 10:00\n      It would have run " in said
    assert said.count("as you did it yourself") == 2
    assert said.count(" approve ID`") == 1
    findings.propose([])
    said = capsys.readouterr().out
    assert "No automation is suggested yet" in said
    assert "approve" not in said


def duration(pattern: Pattern, name: str, sure: float) -> Pattern:
    """How long a light is on."""
    seconds = Quantiles(p10=2600, p50=2700, p90=2820)
    detail = DurationDetail(entity_id=f"light.{name}", state="on", seconds=seconds, typical_hours=(8,))
    kept = pattern.model_dump(exclude={"id", "pattern_type", "detail", "confidence"})
    return Pattern.of(detail, **kept, confidence=sure)
