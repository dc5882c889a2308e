"""The recordings are what they say they are, and the tests' own reading of them is right."""

import json
from pathlib import Path

import pytest

from tests.homeassistant.changes import read_recorded, read_streamed
from tests.recordings.reading import RECORDINGS, read_capture, unpack_recorder

# Scenes of which the database of the same run was kept.
SCENES = [
    ("2025.4.4", "01_light_rest"),
    ("2025.4.4", "03_mqtt_device"),
    ("2025.4.4", "04_context_automation"),
    ("2025.4.4", "05_rapid_toggle"),
    ("2025.4.4", "07_manual_override"),
    ("2026.11.0", "01_light_rest"),
    ("2026.11.0", "04_context_automation"),
    ("2026.11.0", "05_rapid_toggle"),
    ("2026.11.0", "07_manual_override"),
    ("2026.11.0", "11_bulk"),
]
STATES = {"2024.3.3": 3448, "2025.4.4": 5186, "2026.11.0": 5120}


@pytest.mark.parametrize(("release", "scene"), SCENES)
def test_a_scene_is_the_recorder_row_for_row(release: str, scene: str, tmp_path: Path) -> None:
    """What was published between a scene's first and last change is what the recorder wrote down."""
    messages = [
        message for message in read_capture(release, scene) if message["topic"] == "homeassistant_events"
    ]
    events = [json.loads(message["payload"]) for message in messages]
    streamed = read_streamed(events, 0, 10**16)
    since_us, until_us = streamed[0].at_us - 1, streamed[-1].at_us + 1
    assert read_recorded(unpack_recorder(release, tmp_path), since_us, until_us) == streamed


@pytest.mark.parametrize("release", STATES)
def test_one_query_reads_every_schema(release: str, tmp_path: Path) -> None:
    """The recorders of all three releases give every state that they hold."""
    recorded = read_recorded(unpack_recorder(release, tmp_path), 0, 10**16)
    assert len(recorded) == STATES[release]


def test_the_repository_stays_light() -> None:
    """All recordings together take less than three megabytes."""
    assert sum(path.stat().st_size for path in RECORDINGS.rglob("*.gz")) < 3_000_000
