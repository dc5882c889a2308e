"""Deployments: the version of each suggestion wanted in Home Assistant, and all versions it ever had."""

from enum import StrEnum
from typing import Any, NamedTuple

from schemas.suggestions import Suggestion


class FailureReason(StrEnum):
    """Reason for which a step of a deployment failed."""

    UNREACHABLE = "unreachable"
    STARTING = "starting"
    SERVER_ERROR = "server_error"
    NOT_KEPT = "not_kept"
    STAYS = "stays"
    TOKEN = "token_refused"  # noqa: S105 a name, not a password
    NO_API = "no_api"
    NOT_LOADED = "not_loaded"
    MALFORMED = "malformed"
    NOT_SET_UP = "not_set_up"
    ALTERED = "altered"
    FOREIGN = "foreign"
    EDITED = "edited"
    REFUSED = "refused"
    LATE_WRITE = "late_write"
    UNKNOWN = "unknown"


class Failure(NamedTuple):
    """Failure of the last step taken: its reason, and that reason in words."""

    reason: FailureReason
    text: str


class Drift(StrEnum):
    """Drift of a deployed automation from its approved version; `FINE` is none."""

    FINE = ""
    GONE = "gone"
    OFF = "off"
    EDITED = "edited"
    STRAY = "stray"


class Deployment(NamedTuple):
    """Version wanted in Home Assistant for a suggestion (`wanted`, 0 for none), and the one that stands.

    `failure` is why its last step was not done, None where it was. `drift` is how Home Assistant was found to
    differ from what stands there by our doing.
    """

    suggestion_id: str
    automation_id: str
    wanted: int
    standing: int
    step: str
    attempts: int
    approval: str
    updated_us: int
    failure: Failure | None = None
    drift: Drift = Drift.FINE

    @property
    def is_well(self) -> bool:
        """Return whether nothing has failed, and nobody has changed what stands."""
        return self.failure is None and self.drift is Drift.FINE


class AutomationVersion(NamedTuple):
    """One version of an automation, as it was approved and as Home Assistant was given it."""

    version: int
    content_hash: str
    suggestion: Suggestion
    config: dict[str, Any]
    deployed_us: int
