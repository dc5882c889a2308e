"""What the other tests here build on: a stream, a recorder and contexts that say what really happened."""

import pytest

from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.script import Activity

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="module")]


async def test_the_event_stream_is_the_recorder_row_for_row(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """Every state change of the minute, attribute changes included, is in both, in one order."""
    recorded = home_assistant.recorded(activity.since_us, activity.until_us)
    assert len(recorded) > len(activity.effects)
    assert home_assistant.streamed(activity.since_us, activity.until_us) == recorded


async def test_what_counts_is_what_was_done(home_assistant: HomeAssistant, activity: Activity) -> None:
    """The behaviours in the recorder are the script's effects, each once and in order."""
    recorded = home_assistant.recorded(activity.since_us, activity.until_us)
    behaviours = [(change.entity_id, change.new_state) for change in recorded if change.counts]
    assert behaviours == [(effect.entity_id, effect.new_state) for effect in activity.effects]
