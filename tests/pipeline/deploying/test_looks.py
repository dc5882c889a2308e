"""What is concluded from how a deployed automation was found."""

from typing import Any

import pytest

from pipeline.suggestions.drift import Look, look_of

STANDING: dict[str, Any] = {"alias": "A", "trigger": [], "action": []}
OLDER = STANDING | {"alias": "Older"}
THEIRS = STANDING | {"alias": "Theirs"}
ON, OFF = {"state": "on"}, {"state": "off"}


@pytest.mark.parametrize(
    ("found", "entity", "look"),
    [
        (STANDING, ON, Look.FINE),
        (STANDING, OFF, Look.OFF),
        (STANDING, None, Look.OFF),
        (STANDING, {"state": "unavailable"}, Look.FINE),
        (THEIRS, ON, Look.EDITED),
        (THEIRS, OFF, Look.EDITED),
        (OLDER, ON, Look.STRAY),
        (None, None, Look.GONE),
        (None, ON, Look.FINE),
    ],
)
def test_what_stands_is_judged(
    found: dict[str, Any] | None, entity: dict[str, Any] | None, look: Look
) -> None:
    """By configuration and entity together."""
    assert look_of(found, entity, STANDING, [OLDER, STANDING]) is look


@pytest.mark.parametrize(
    ("found", "look"), [(None, Look.FINE), (STANDING, Look.STRAY), (OLDER, Look.STRAY), (THEIRS, Look.FINE)]
)
def test_where_nothing_is_to_stand_only_ours_is_a_stray(found: dict[str, Any] | None, look: Look) -> None:
    """Somebody's own automation is not our business."""
    assert look_of(found, None, None, [OLDER, STANDING]) is look
