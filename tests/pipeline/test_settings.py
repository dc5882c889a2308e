import pytest
from pydantic import ValidationError

from pipeline.settings import Settings


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
