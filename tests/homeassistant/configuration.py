"""What Home Assistant finds in its folder when it first starts."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.homeassistant.wire import EVENTS_TOPIC

DOORBELL_TOPIC = "home/doorbell"
PATTERN_TOPIC = "ha-ai/events/pattern/detected"
CONFIGURATION = """
homeassistant:
  name: Test home
  latitude: 52.37
  longitude: 4.90
  elevation: 2
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: Europe/Amsterdam
http:
  server_host: 127.0.0.1
  server_port: {port}
config:
history:
recorder:
  commit_interval: 0
  auto_purge: false
input_boolean:
  guest_mode:
  pattern_seen:
  bookmark:
input_datetime:
  alarm:
    has_date: true
    has_time: true
automation: !include automations.yaml
mqtt_eventstream:
  publish_topic: {events_topic}
mqtt_statestream:
  base_topic: homeassistant_state
  publish_attributes: true
  publish_timestamps: true
"""

# The singular keys are the ones that every release accepts.
AUTOMATIONS = [
    {
        "id": "hall_lamp_on_motion",
        "alias": "Hall lamp on motion",
        "trigger": {"platform": "state", "entity_id": "binary_sensor.hall_motion", "to": "on"},
        "action": {"service": "light.turn_on", "target": {"entity_id": "light.hall_lamp"}},
    },
    {
        "id": "kitchen_lamp_on_doorbell",
        "alias": "Kitchen lamp on doorbell",
        "trigger": {"platform": "mqtt", "topic": DOORBELL_TOPIC},
        "action": {"service": "light.toggle", "target": {"entity_id": "light.kitchen_lamp"}},
    },
    {
        "id": "fan_on_at_the_alarm",
        "alias": "Fan on at the alarm",
        "trigger": {"platform": "time", "at": "input_datetime.alarm"},
        "action": {"service": "switch.turn_on", "target": {"entity_id": "switch.fan"}},
    },
    {
        "id": "pattern_seen",
        "alias": "Pattern seen",
        "trigger": {"platform": "mqtt", "topic": PATTERN_TOPIC},
        "action": {"service": "input_boolean.turn_on", "target": {"entity_id": "input_boolean.pattern_seen"}},
    },
]


@dataclass(frozen=True)
class Login:
    """A user with a long-lived access token, known before Home Assistant first starts."""

    name: str
    group: str
    user_id: str = field(default_factory=lambda: secrets.token_hex(16))
    token_id: str = field(default_factory=lambda: secrets.token_hex(16))
    key: str = field(default_factory=lambda: secrets.token_hex(64))

    @property
    def token(self) -> str:
        """The access token: a JSON web token that Home Assistant checks against the key."""

        def encode(part: bytes) -> str:
            return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

        now_s = int(time.time())
        claims = {"iss": self.token_id, "iat": now_s, "exp": now_s + 86_400}
        parts = [encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signature = hmac.digest(self.key.encode(), ".".join(parts).encode(), hashlib.sha256)
        return ".".join([*parts, encode(signature)])

    def as_user(self) -> dict[str, Any]:
        """Return the user as Home Assistant stores it."""
        return {
            "id": self.user_id,
            "name": self.name,
            "group_ids": [self.group],
            "is_owner": self.group == "system-admin",
            "is_active": True,
            "system_generated": False,
        }

    def as_refresh_token(self) -> dict[str, Any]:
        """Return the token's secret half as Home Assistant stores it."""
        return {
            "id": self.token_id,
            "user_id": self.user_id,
            "client_id": None,
            "client_name": "tests",
            "token_type": "long_lived_access_token",
            "created_at": datetime.now(UTC).isoformat(),
            "access_token_expiration": 86_400.0,
            "token": secrets.token_hex(64),
            "jwt_key": self.key,
        }


# As the config flow of 2024.3 makes it; later releases migrate it. The two stream integrations look for it
# when Home Assistant starts: made by the flow, it would cost a second start.
MQTT_ENTRY: dict[str, Any] = {
    "entry_id": secrets.token_hex(16),
    "version": 1,
    "domain": "mqtt",
    "title": "127.0.0.1",
    "options": {},
    "pref_disable_new_entities": False,
    "pref_disable_polling": False,
    "source": "user",
    "unique_id": None,
    "disabled_by": None,
}


def write_configuration(folder: Path, port: int, broker_port: int, logins: tuple[Login, ...]) -> None:
    """Write the YAML files, and the storage of a Home Assistant that is onboarded and knows its broker."""
    storage = folder / ".storage"
    storage.mkdir(parents=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port, events_topic=EVENTS_TOPIC))
    (folder / "automations.yaml").write_text(json.dumps(AUTOMATIONS))
    onboarding = {"done": ["user", "core_config", "analytics", "integration"]}
    auth = {
        "users": [login.as_user() for login in logins],
        # Without the groups every user would be migrated to an administrator.
        "groups": [{"id": group, "name": group} for group in ("system-admin", "system-users")],
        "credentials": [],
        "refresh_tokens": [login.as_refresh_token() for login in logins],
    }
    entries = {"entries": [MQTT_ENTRY | {"data": {"broker": "127.0.0.1", "port": broker_port}}]}
    stores = (("onboarding", 4, onboarding), ("auth", 1, auth), ("core.config_entries", 1, entries))
    for key, version, content in stores:
        store = {"version": version, "minor_version": 1, "key": key, "data": content}
        (storage / key).write_text(json.dumps(store))
