import pytest
from pydantic import ValidationError

from pipeline.settings import Settings
from sinks.store.retention import DAY_SET_DAYS


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
    assert Settings(_env_file=None, retain_days=DAY_SET_DAYS).retain_days == DAY_SET_DAYS
    with pytest.raises(ValidationError, match="retain_days"):
        Settings(_env_file=None, retain_days=DAY_SET_DAYS + 1)
