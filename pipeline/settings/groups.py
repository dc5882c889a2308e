"""Groups of settings, each setting at this one place: several roles share a group, and none has all."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from schemas.home import check_zone
from schemas.topics import DISCOVERY_PREFIX, EVENTSTREAM, NAMESPACE, STATESTREAM, STATUS, Topics

HALF_LIFE = "half_life_days_"


def check_mqtt_url(url: str) -> str:
    """Return `url` if it is an MQTT address, else say what was expected."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(f"expected mqtt://host:1883 or mqtts://host:8883, got {url!r}")
    if parts.username or parts.password:
        raise ValueError("expected user name and password in their own settings, not in the MQTT URL")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"expected a port from 1 to 65535, got {url!r}")
    return url


def check_host(host: str | None) -> str | None:
    """Return `host` if nothing else stands beside it; what does may be a password, and is not said."""
    if host is not None and any(letter in host for letter in "@/ "):
        raise ValueError("expected a host's name or address alone; user name and password have own settings")
    return host


def check_database_url(url: SecretStr | None) -> SecretStr | None:
    """Return `url` if it can be taken apart; what is said of one that cannot be repeats nothing of it."""
    rest = url.get_secret_value().partition("://")[2] if url else ""
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if authority.count("@") > 1:
        raise ValueError("expected an @ of user name or password as %40")
    port = re.sub(r"\[.*\]", "", authority.rpartition("@")[2]).partition(":")[2]
    if port and not port.isdecimal():
        raise ValueError("expected a number as port")
    return url


def _half_life(days: float, what: str) -> Any:
    """Declare a half-life in days: shorter follows changes sooner, longer needs less evidence."""
    return Field(
        days,
        ge=1,
        le=365,
        allow_inf_nan=False,
        description=f"Days after which evidence of {what} counts half.",
    )


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(frozen=True)


class BrokerSettings(Group):
    """The MQTT broker, and who we are there."""

    mqtt_url: Annotated[str, AfterValidator(check_mqtt_url)] = Field(
        "mqtt://localhost:1883", description="The MQTT broker."
    )
    mqtt_host: Annotated[str | None, AfterValidator(check_host)] = Field(
        None,
        description="The broker's host, where no URL is given.",
    )
    mqtt_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The broker's port, where no URL is given.",
    )
    mqtt_username: str | None = Field(
        None,
        description="User name at the broker.",
    )
    mqtt_password: SecretStr | None = Field(None, description="Password at the broker.")
    mqtt_ca_file: Path | None = Field(None, description="CA certificates for mqtts, PEM.")
    mqtt_client_id: str = Field(
        "haai-home-p0",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Client id of the durable session; one for each home.",
    )
    mqtt_session_expiry_s: int = Field(
        604_800,
        ge=0,
        le=0xFFFFFFFF,
        description="How long the broker keeps our session while we are away, seconds.",
    )
    mqtt_receive_maximum: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Unacknowledged messages at most; only for brokers that honour it (mosquitto >= 2.0.13).",
    )

    @property
    def broker_url(self) -> str:
        """The broker's address: the URL where one is given, else made of host and port.

        Examples
        --------
        >>> BrokerSettings(mqtt_host="mosquitto").broker_url
        'mqtt://mosquitto:1883'
        """
        if "mqtt_url" in self.model_fields_set or (self.mqtt_host is None and self.mqtt_port is None):
            return self.mqtt_url
        host = self.mqtt_host or "localhost"
        return f"mqtt://{f'[{host}]' if ':' in host else host}:{self.mqtt_port or 1883}"


class InputSettings(Group):
    """The stream of Home Assistant that is read."""

    input: Literal["eventstream", "statestream"] = Field(
        "eventstream", description="Which stream of Home Assistant to read."
    )


class TopicSettings(Group):
    """Topics of this home, Home Assistant's among them."""

    eventstream_topic: str = Field(
        EVENTSTREAM,
        min_length=1,
        description="`publish_topic` of mqtt_eventstream.",
    )
    statestream_topic: str = Field(
        STATESTREAM,
        min_length=1,
        description="`base_topic` of mqtt_statestream.",
    )
    status_topic: str = Field(
        STATUS,
        min_length=1,
        description="Home Assistant's birth and will topic.",
    )
    discovery_prefix: str = Field(
        DISCOVERY_PREFIX,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Where Home Assistant looks for MQTT devices.",
    )
    home: str = Field(
        "",
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]*$",
        description=f"The home's id, before `{NAMESPACE}/` in topics; empty for one home.",
    )

    @property
    def topics(self) -> Topics:
        """Topics of this home, Home Assistant's among them."""
        return Topics(
            self.home,
            eventstream=self.eventstream_topic,
            statestream=self.statestream_topic,
            status=self.status_topic,
            discovery_prefix=self.discovery_prefix,
        )


class HomeSettings(TopicSettings):
    """The home: its id and its place."""

    tz: Annotated[str, AfterValidator(check_zone)] = Field("UTC", description="The home's IANA time zone.")
    lat: float = Field(50.0, ge=-90, le=90, description="Latitude, degrees.")
    lon: float = Field(10.0, ge=-180, le=180, description="Longitude, degrees.")
    home_file: Path | None = Field(
        None,
        description="A home.json with tz, lat, lon and rooms, instead of the three settings.",
    )


class HomeAssistantSettings(Group):
    """Home Assistant's API, as an ordinary user reads it."""

    home_assistant_url: str | None = Field(
        None,
        description="Home Assistant's address, for areas, zone and position.",
    )
    home_assistant_token: SecretStr | None = Field(
        None,
        description="A long-lived token of an ordinary user there.",
    )


class StoreSettings(Group):
    """The store and its backups."""

    database_url: Annotated[SecretStr | None, AfterValidator(check_database_url)] = Field(
        None,
        description="The store, an SQLAlchemy URL; without it `database_path` is used.",
    )
    database_path: Path = Field(
        Path("ha-ai.db"),
        description="The SQLite file of the store.",
    )
    backup_dir: Path | None = Field(
        None,
        description="Where backups of the SQLite file lie; `backups` beside it without it.",
    )
    backup_keep: int = Field(
        7,
        ge=0,
        le=1_000,
        description="Daily backups that are kept; with 0 none is made.",
    )

    @property
    def store_url(self) -> str:
        """The store's SQLAlchemy URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.database_path}"


class DetectorSettings(Group):
    """What detectors are made with."""

    entity_cap: int = Field(5_000, ge=10, description="Entities known at most.")
    retain_days: int = Field(90, ge=7, le=365, description="Days that detectors judge.")
    half_life_days_time_of_day: float = _half_life(14.0, "a habit of the clock")
    half_life_days_co_occurrence: float = _half_life(14.0, "what follows on what")
    half_life_days_sequence: float = _half_life(14.0, "a chain of steps")
    half_life_days_duration: float = _half_life(28.0, "how long a state lasts")
    anomalies_per_week: float = Field(
        5.0,
        gt=0,
        le=100,
        allow_inf_nan=False,
        description="Anomalies that are told a week at most, in the long run.",
    )

    @property
    def of_kinds(self) -> dict[str, dict[str, float]]:
        """Parameters of the detectors by kind and name, as they are made with them.

        Examples
        --------
        >>> DetectorSettings(half_life_days_duration=7).of_kinds["duration"]
        {'half_life_days': 7.0}
        """
        fields = [name for name in type(self).model_fields if name.startswith(HALF_LIFE)]
        lives = {name.removeprefix(HALF_LIFE): {"half_life_days": getattr(self, name)} for name in fields}
        return {**lives, "anomaly": {"per_week": self.anomalies_per_week}}


class SuggestionSettings(Group):
    """How many suggestions are made, and how sure they have to be."""

    suggestions_per_day: int = Field(
        3,
        ge=0,
        le=50,
        description="Suggestions that are made a day at most.",
    )
    minimum_confidence: float = Field(
        0.75,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of wanted runs that a suggestion has to expect; the number in Home Assistant "
        "comes before it.",
    )
    not_now_days: int = Field(14, ge=1, le=365, description="Days after which `Not now` is asked again.")


class KeySettings(Group):
    """The key that signs commands."""

    command_key_file: Path = Field(
        Path("ha-ai.key"),
        description="The key that signs commands, made at the first start, readable by its owner only.",
    )


class TokenSettings(Group):
    """The administrator's token."""

    deployer_token_file: Path | None = Field(
        None,
        description="A file with an administrator's long-lived token, read by the deployer's process and the "
        "doctor alone; without it nothing is deployed.",
    )


class CommitSettings(Group):
    """How messages are committed, and when the process counts as stuck."""

    batch_size: int = Field(200, ge=1, le=5_000, description="Messages a commit at most.")
    linger_ms: int = Field(
        20,
        ge=0,
        le=1_000,
        description="How long a message waits for company before its commit, milliseconds.",
    )
    heartbeat_s: float = Field(
        30.0,
        ge=0.5,
        description="How often a message goes through broker and store and back, seconds.",
    )
    watchdog_s: float = Field(
        90.0,
        ge=1,
        description="Without a heartbeat committed for this long the process exits, seconds.",
    )


class LeaseSettings(Group):
    """How the home is owned."""

    lease_s: float = Field(
        10.0,
        ge=1,
        le=300,
        description="How long an owner may be silent before another takes the home over, seconds.",
    )


class HttpSettings(Group):
    """Where health and metrics are served."""

    http_host: str = Field(
        "127.0.0.1",
        description="Where /health and /metrics listen; beyond the loopback, other machines are told whether "
        "it is well, and the figures, and nothing else.",
    )
    http_port: int = Field(
        8099,
        ge=0,
        le=65535,
        description="Their port; 0 picks a free one.",
    )
    http_hosts: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.:_, \[\]-]*$",
        description="Names by which others may ask for them, with commas between, such as `ha-ai, haus.lan`; "
        "the loopback's and the address that they reach are always taken.",
    )


class LogSettings(Group):
    """The form of logs."""

    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Logs: `auto` is console on a terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )


class FormerSettings(Group):
    """Settings of an earlier backend, still accepted."""

    analysis_schedule: str | None = Field(
        None,
        description="Of old; accepted and without effect: days are judged when they end.",
    )
    openai_api_key: SecretStr | None = Field(
        None,
        description="Of old; kept for wording by a language model, which is not there yet.",
    )
