"""A name that begins like a setting and is none is said; its value is not."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.cli import run
from pipeline.doctor.finding import Verdict, check_setting_names
from pipeline.settings.names import ELSEWHERE, known_names, stated_names, unknown_names

SECRET = "correct-horse-battery"  # noqa: S105 nobody's


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that sets a little, and an empty directory."""
    monkeypatch.chdir(tmp_path)
    for name in stated_names():
        if name.upper().startswith("HA_AI_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("stated", "nearest"),
    [
        ("HA_AI_MQTT_PROT", "HA_AI_MQTT_PORT"),
        ("ha_ai_mqtt_prot", "HA_AI_MQTT_PORT"),
        ("HA_AI_MQTT_PASWORD", "HA_AI_MQTT_PASSWORD"),
        ("HA_AI_XYZZY", None),
    ],
)
def test_nearest_name_is_said(stated: str, nearest: str | None) -> None:
    """In whatever case, as settings are read."""
    assert unknown_names([stated]) == {stated: nearest}


@pytest.mark.parametrize("stated", [*known_names(), "ha_ai_mqtt_port", "PATH", "HA_URL", *sorted(ELSEWHERE)])
def test_what_has_a_meaning_is_not_said(stated: str) -> None:
    """Every setting, what tests read, and what is not ours."""
    assert unknown_names([stated]) == {}


@pytest.mark.parametrize("in_file", [False, True])
def test_doctor_names_it(monkeypatch: pytest.MonkeyPatch, *, in_file: bool) -> None:
    """In the environment and in `.env`; of the value nothing is said."""
    if in_file:
        Path(".env").write_text(f"HA_AI_MQTT_PASWORD={SECRET}\n")
    else:
        monkeypatch.setenv("HA_AI_MQTT_PASWORD", SECRET)
    (finding,) = check_setting_names()
    assert finding.verdict is Verdict.WARNING
    assert "HA_AI_MQTT_PASWORD" in finding.found
    assert "HA_AI_MQTT_PASSWORD" in finding.advice
    assert SECRET not in str(finding)


def test_doctor_says_nothing_of_right_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all names are settings there is no finding."""
    monkeypatch.setenv("HA_AI_MQTT_PORT", "1884")
    assert list(check_setting_names()) == []


def test_start_warns_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log names it and the nearest, and goes on."""
    monkeypatch.setenv("HA_AI_MQTT_PASWORD", SECRET)
    with capture_logs() as logs:
        run.warn_of_unknown_settings()
    (line,) = logs
    assert line["log_level"] == "warning"
    assert (line["name"], line["nearest"]) == ("HA_AI_MQTT_PASWORD", "HA_AI_MQTT_PASSWORD")
    assert SECRET not in str(line)
