"""What is concluded from how a deployed automation was found."""

from typing import Any

import pytest

from pipeline.suggestions.drift import drift_of
from schemas.deployments import Drift

STANDING: dict[str, Any] = {"alias": "A", "trigger": [], "action": []}
OLDER = STANDING | {"alias": "Older"}
THEIRS = STANDING | {"alias": "Theirs"}
ON, OFF = {"state": "on"}, {"state": "off"}


@pytest.mark.parametrize(
    ("found", "entity", "look"),
    [
        (STANDING, ON, Drift.FINE),
        (STANDING, OFF, Drift.OFF),
        (STANDING, None, Drift.OFF),
        (STANDING, {"state": "unavailable"}, Drift.FINE),
        (THEIRS, ON, Drift.EDITED),
        (THEIRS, OFF, Drift.EDITED),
        (OLDER, ON, Drift.STRAY),
        (None, None, Drift.GONE),
        (None, ON, Drift.FINE),
    ],
)
def test_what_stands_is_judged(
    found: dict[str, Any] | None, entity: dict[str, Any] | None, look: Drift
) -> None:
    """By configuration and entity together."""
    assert drift_of(found, entity, STANDING, [OLDER, STANDING]) is look


@pytest.mark.parametrize(
    ("found", "look"),
    [(None, Drift.FINE), (STANDING, Drift.STRAY), (OLDER, Drift.STRAY), (THEIRS, Drift.FINE)],
)
def test_where_nothing_is_to_stand_only_ours_is_a_stray(found: dict[str, Any] | None, look: Drift) -> None:
    """Somebody's own automation is not our business."""
    assert drift_of(found, None, None, [OLDER, STANDING]) is look
