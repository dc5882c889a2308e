"""Failures of a deployment: their reasons, when they are tried again, and their texts for people."""

from enum import StrEnum
from http import HTTPStatus

from schemas.deployments import Failure, FailureReason


class RetryClass(StrEnum):
    """Retry class of a failure: tried again soon, much later, or only when a person wants it."""

    MOMENTS = "moments"
    UNTIL_MENDED = "until_mended"
    FOR_GOOD = "for_good"


_LASTING = {
    FailureReason.UNREACHABLE: RetryClass.MOMENTS,
    FailureReason.STARTING: RetryClass.MOMENTS,
    FailureReason.SERVER_ERROR: RetryClass.MOMENTS,
    FailureReason.NOT_KEPT: RetryClass.MOMENTS,
    FailureReason.STAYS: RetryClass.MOMENTS,
    FailureReason.TOKEN: RetryClass.UNTIL_MENDED,
    FailureReason.NO_API: RetryClass.UNTIL_MENDED,
    FailureReason.NOT_LOADED: RetryClass.UNTIL_MENDED,
}
_WORDS = {
    FailureReason.UNREACHABLE: "Home Assistant did not answer; what became of it is looked up first.",
    FailureReason.STARTING: "Home Assistant is starting, stopping or in recovery mode.",
    FailureReason.SERVER_ERROR: "Home Assistant failed over automations.yaml. That happens when the file"
    " holds `!secret`, is no list, or is broken YAML: mend it, and save any automation in Home"
    " Assistant to see.",
    FailureReason.NOT_KEPT: "Home Assistant said that it had kept the automation, but it is not there.",
    FailureReason.STAYS: "Home Assistant said that it had removed the automation, but it is still there.",
    FailureReason.TOKEN: "Home Assistant refuses the deployer's token: it has to be a valid long-lived access"
    " token of an administrator, and this machine must not be banned.",
    FailureReason.NO_API: "Home Assistant does not offer its automation editor: `default_config:` or"
    " `config:` is missing from configuration.yaml.",
    FailureReason.NOT_LOADED: "Home Assistant wrote the automation down but did not load it:"
    " configuration.yaml does not include automations.yaml (`automation: !include"
    " automations.yaml`), or its log says why.",
    FailureReason.MALFORMED: "Home Assistant does not accept the automation.",
    FailureReason.NOT_SET_UP: "Home Assistant loaded the automation but cannot set it up; Settings > Repairs"
    " says why.",
    FailureReason.ALTERED: "Home Assistant kept something else than what it was given.",
    FailureReason.FOREIGN: "There is an automation with this id that is not ours; it was left as it is.",
    FailureReason.EDITED: "The automation was changed by hand in Home Assistant; it was left as it is.",
    FailureReason.REFUSED: "It may not be deployed",
    FailureReason.LATE_WRITE: "A write came late and is taken back.",
    FailureReason.UNKNOWN: "It could not be deployed",
}


class StepFailedError(Exception):
    """A step of a deployment failed; says why.

    Parameters
    ----------
    reason
        What kind it is of.
    detail
        What is particular about it, in plain words.
    """

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(explanation(reason, detail))
        self.reason = reason

    @property
    def failure(self) -> Failure:
        """Return the failure as it is kept."""
        return Failure(self.reason, str(self))


def explanation(reason: FailureReason, detail: str = "") -> str:
    """Return the text that a person is told.

    Examples
    --------
    >>> explanation(FailureReason.REFUSED, "lock.unlock is not among the services that may be suggested")
    'It may not be deployed: lock.unlock is not among the services that may be suggested'
    """
    return f"{_WORDS[reason].removesuffix('.')}: {detail}" if detail else _WORDS[reason]


def retry_class(reason: FailureReason) -> RetryClass:
    """Return the retry class of a reason; `FOR_GOOD` unless it is known to pass."""
    return _LASTING.get(reason, RetryClass.FOR_GOOD)


def reason_of(status: int) -> FailureReason:
    """Return the reason that an HTTP status of Home Assistant, not 2xx, stands for.

    Examples
    --------
    >>> [reason_of(status).name for status in (401, 400, 502)]
    ['TOKEN', 'MALFORMED', 'UNREACHABLE']
    """
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return FailureReason.TOKEN
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return FailureReason.NO_API
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return FailureReason.SERVER_ERROR
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.TOO_MANY_REQUESTS:
            return FailureReason.UNREACHABLE
    # A proxy before Home Assistant says the other 5xx.
    return FailureReason.UNREACHABLE if status > HTTPStatus.INTERNAL_SERVER_ERROR else FailureReason.MALFORMED
