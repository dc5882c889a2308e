"""Client of Home Assistant with the administrator's token; pauses once it is refused, to avoid a ban."""

from pathlib import Path

import structlog

from pipeline.deploy.token import TokenFileError, read_token
from pipeline.suggestions.failures import StepFailedError, reason_of
from pipeline.timing.clock import monotonic_s
from schemas.deployments import FailureReason
from sinks.home_assistant import HomeAssistantDeployer, HomeAssistantReader, Refused

log = structlog.get_logger(__name__)


class AdminClient:
    """Client of Home Assistant with the administrator's token, shared by the deployer's parts.

    Parameters
    ----------
    url
        Address of Home Assistant.
    token_file
        Where the token is; a new one in it is taken where the one before was refused.
    timeout_s
        How long Home Assistant may take for one answer.
    refused_s
        How long nothing is asked after the token was refused, unless the file holds another one.

    Raises
    ------
    TokenFileError
        There is no token that may be used.
    """

    def __init__(self, url: str, token_file: Path, *, timeout_s: float, refused_s: float) -> None:
        self._url = url
        self._token_file = token_file
        self._timeout_s = timeout_s
        self._refused_s = refused_s
        self._refusal: StepFailedError | None = None
        self._again_at_s = 0.0
        self._enter(read_token(token_file))

    def _enter(self, token: str) -> None:
        self._token = token
        self.home_assistant = HomeAssistantDeployer(self._url, token, timeout_s=self._timeout_s)
        self.reader = HomeAssistantReader(self._url, token, timeout_s=self._timeout_s)

    def refusal(self) -> StepFailedError | None:
        """Return the refusal for which no request may be made now; None if requests may be made."""
        if self._refusal is not None and (self._is_renewed() or monotonic_s() >= self._again_at_s):
            self._refusal = None
        return self._refusal

    def failure(self, refused: Refused) -> StepFailedError:
        """Return the failure that an answer stands for; a refused token stops requests for a while."""
        reason = reason_of(refused.status)
        failure = StepFailedError(reason, f"status {refused.status}: {refused.text}")
        if reason is FailureReason.TOKEN:
            self._refusal = failure
            self._again_at_s = monotonic_s() + self._refused_s
            log.warning(
                "Home Assistant refuses the deployer's token, nothing is asked for a while",
                advice=f"make a long-lived token of an administrator and put it into {self._token_file}",
                again_in_s=self._refused_s,
                status=refused.status,
            )
        return failure

    def _is_renewed(self) -> bool:
        try:
            token = read_token(self._token_file)
        except TokenFileError as error:
            log.debug("no other token yet", error=str(error))
            return False
        if token == self._token:
            return False
        log.info("another token of the deployer is used", file=str(self._token_file))
        self._enter(token)
        return True
