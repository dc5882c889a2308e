import inspect

import pytest
from pydantic import ValidationError

from detectors.anomaly import Anomalies
from detectors.registry import REGISTRY, detectors
from pipeline.settings import Settings
from sinks.store.retention import DAY_SET_TERM


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:1883", "expected mqtt://host:1883 or mqtts://host:8883"),
        ("mqtt://user:secret@localhost", "expected user name and password in their own settings"),
        ("mqtt://localhost:99999", "expected a port from 1 to 65535"),
        ("mqtt://localhost:0", "expected a port from 1 to 65535"),
        ("mqtt://localhost:mqtt", "expected a port from 1 to 65535"),
    ],
)
def test_address_of_no_broker_is_refused(url: str, message: str) -> None:
    """An address at which no broker can be is refused with what was expected."""
    with pytest.raises(ValidationError, match=message):
        Settings(_env_file=None, mqtt_url=url)


@pytest.mark.parametrize("url", ["mqtt://localhost", "mqtts://broker.example:8884", "mqtt://[::1]:1883"])
def test_address_of_a_broker_is_taken(url: str) -> None:
    """Host alone or with a port, by name or by number."""
    assert Settings(_env_file=None, mqtt_url=url).broker_url == url


@pytest.mark.parametrize(
    ("host", "address"),
    [("mosquitto", "mqtt://mosquitto:1884"), ("::1", "mqtt://[::1]:1884"), ("", "mqtt://localhost:1884")],
)
def test_host_and_port_make_an_address(monkeypatch: pytest.MonkeyPatch, host: str, address: str) -> None:
    """Under their old names too, and by number."""
    monkeypatch.setenv("MQTT_BROKER", host)
    monkeypatch.setenv("MQTT_PORT", "1884")
    assert Settings(_env_file=None).broker_url == address


def test_a_url_comes_before_an_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever moves to the new names need not remove the old ones."""
    monkeypatch.setenv("MQTT_BROKER", "of-old")
    monkeypatch.setenv("HA_AI_MQTT_URL", "mqtts://broker.example")
    assert Settings(_env_file=None).broker_url == "mqtts://broker.example"


def test_no_more_days_are_judged_than_are_kept() -> None:
    """Beyond them a restart would judge fewer days than the process before it."""
    assert Settings(_env_file=None, retain_days=DAY_SET_TERM.days).retain_days == DAY_SET_TERM.days
    with pytest.raises(ValidationError, match="retain_days"):
        Settings(_env_file=None, retain_days=DAY_SET_TERM.days + 1)


def test_half_lives_are_those_of_the_detectors() -> None:
    """Every detector that forgets has a setting, whose default is its own."""
    defaults = {
        kind().kind: inspect.signature(kind).parameters["half_life_days"].default
        for kind in REGISTRY
        if "half_life_days" in inspect.signature(kind).parameters
    }
    assert "time_of_day" in defaults
    given = Settings(_env_file=None).of_kinds.items()
    assert {kind: of["half_life_days"] for kind, of in given if "half_life_days" in of} == defaults


def test_half_life_of_a_kind_reaches_its_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the kind; the others keep theirs."""
    monkeypatch.setenv("HA_AI_HALF_LIFE_DAYS_TIME_OF_DAY", "7")
    made = detectors(Settings(_env_file=None).of_kinds)
    lives = {each.kind: getattr(each, "half_life_days", None) for each in made}
    assert lives.pop("anomaly") is None
    assert lives == {"time_of_day": 7.0, "co_occurrence": 14.0, "sequence": 14.0, "duration": 28.0}


@pytest.mark.parametrize("days", ["0", "-3", "nan", "1e9", "fortnight"])
def test_half_life_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    """It is a number of days from one to a year; the setting is named."""
    monkeypatch.setenv("HA_AI_HALF_LIFE_DAYS_DURATION", days)
    with pytest.raises(ValidationError, match="half_life_days_duration"):
        Settings(_env_file=None)


def test_budget_of_anomalies_reaches_its_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets fewer a week gets fewer; without it the setting and the detector agree."""
    assert Settings(_env_file=None).anomalies_per_week == Anomalies().per_week
    monkeypatch.setenv("HA_AI_ANOMALIES_PER_WEEK", "0.5")
    (told,) = (each for each in detectors(Settings(_env_file=None).of_kinds) if isinstance(each, Anomalies))
    assert told.per_week == 0.5
    monkeypatch.setenv("HA_AI_ANOMALIES_PER_WEEK", "0")
    with pytest.raises(ValidationError, match="anomalies_per_week"):
        Settings(_env_file=None)
