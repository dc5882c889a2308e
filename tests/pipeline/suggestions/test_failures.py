"""Each trouble is said in plain words, and tried again as long as that may help."""

from http import HTTPStatus

import pytest

from pipeline.suggestions.failures import (
    RetryClass,
    StepFailedError,
    explanation,
    reason_of,
    retry_class,
)
from schemas.deployments import FailureReason

MENDED_BY = {
    FailureReason.SERVER_ERROR: "!secret",
    FailureReason.TOKEN: "administrator",
    FailureReason.NO_API: "default_config:",
    FailureReason.NOT_LOADED: "automation: !include automations.yaml",
    FailureReason.NOT_SET_UP: "Repairs",
}


@pytest.mark.parametrize("reason", FailureReason)
def test_every_trouble_has_words(reason: FailureReason) -> None:
    """A sentence for people, and with a detail the detail too."""
    plain, detailed = explanation(reason), explanation(reason, "so it is")
    assert plain[0].isupper()
    assert len(plain) > 20
    assert detailed.endswith(": so it is")
    assert str(StepFailedError(reason, "so it is")) == detailed


@pytest.mark.parametrize(("reason", "words"), MENDED_BY.items())
def test_what_a_person_can_mend_is_said(reason: FailureReason, words: str) -> None:
    """What to look at, or to write where."""
    assert words in explanation(reason)


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 408, 409, 413, 418, 429, 500, 502, 503, 504, 599]
)
def test_every_status_means_something(status: int) -> None:
    """What may be over in a moment is tried again, what Home Assistant refuses is not."""
    reason = reason_of(status)
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {408, 429}
    assert (retry_class(reason) is RetryClass.MOMENTS) == is_passing


def test_what_a_person_has_to_decide_is_not_tried_again() -> None:
    """Somebody's own automation, and what may not run, stay what they are."""
    for reason in (
        FailureReason.FOREIGN,
        FailureReason.EDITED,
        FailureReason.REFUSED,
        FailureReason.MALFORMED,
    ):
        assert retry_class(reason) is RetryClass.FOR_GOOD
