"""Each trouble is said in plain words, and tried again as long as that may help."""

from http import HTTPStatus

import pytest

from pipeline.suggestions.failures import (
    Lasting,
    ObstacleError,
    Trouble,
    explanation,
    lasting,
    trouble_of,
)

MENDED_BY = {
    Trouble.SERVER_ERROR: "!secret",
    Trouble.TOKEN: "administrator",
    Trouble.NO_API: "default_config:",
    Trouble.NOT_LOADED: "automation: !include automations.yaml",
    Trouble.NOT_SET_UP: "Repairs",
}


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_words(trouble: Trouble) -> None:
    """A sentence for people, and with a detail the detail too."""
    plain, detailed = explanation(trouble), explanation(trouble, "so it is")
    assert plain[0].isupper()
    assert len(plain) > 20
    assert detailed.endswith(": so it is")
    assert str(ObstacleError(trouble, "so it is")) == detailed


@pytest.mark.parametrize(("trouble", "words"), MENDED_BY.items())
def test_what_a_person_can_mend_is_said(trouble: Trouble, words: str) -> None:
    """What to look at, or to write where."""
    assert words in explanation(trouble)


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 408, 409, 413, 418, 429, 500, 502, 503, 504, 599]
)
def test_every_status_means_something(status: int) -> None:
    """What may be over in a moment is tried again, what Home Assistant refuses is not."""
    trouble = trouble_of(status)
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {408, 429}
    assert (lasting(trouble) is Lasting.MOMENTS) == is_passing


def test_what_a_person_has_to_decide_is_not_tried_again() -> None:
    """Somebody's own automation, and what may not run, stay what they are."""
    for trouble in (Trouble.FOREIGN, Trouble.EDITED, Trouble.REFUSED, Trouble.MALFORMED):
        assert lasting(trouble) is Lasting.FOR_GOOD
