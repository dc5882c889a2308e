"""Read the recordings that lie beside this module."""

import gzip
import json
from pathlib import Path
from typing import Any

from schemas.catalogue import Catalogue, KnownEntity

RECORDINGS = Path(__file__).parent


def read_capture(release: str, scene: str) -> list[dict[str, Any]]:
    """Return the messages of a scene as they arrived: `tst`, `topic`, `qos`, `retain` and `payload`."""
    lines = gzip.decompress((RECORDINGS / "captures" / release / f"{scene}.jsonl.gz").read_bytes())
    # The subscriber escaped no control characters, and cut long topics inside a character.
    text = lines.decode(errors="replace")
    return [json.loads(line, strict=False) for line in text.split("\n") if line]


def unpack_recorder(release: str, folder: Path) -> Path:
    """Unpack a recorder's database into a folder, and return its path."""
    packed = RECORDINGS / "recorder" / f"home-assistant_v2_{release}.db.gz"
    database = folder / packed.stem
    database.write_bytes(gzip.decompress(packed.read_bytes()))
    return database


def read_services() -> dict[str, list[str]]:
    """Return the services that each release had, as in ``light.turn_on``."""
    services: dict[str, list[str]] = json.loads((RECORDINGS / "services.json").read_text())
    return services


def read_catalogue() -> Catalogue:
    """Return what stood in a Home Assistant 2025.4.4 with the `demo` integration."""
    states = json.loads(gzip.decompress((RECORDINGS / "states_2025.4.4.json.gz").read_bytes()))
    entities = {
        state["entity_id"]: KnownEntity(
            state["entity_id"],
            name=state["attributes"].get("friendly_name", ""),
            device_class=state["attributes"].get("device_class", ""),
            attributes=state["attributes"],
        )
        for state in states
    }
    return Catalogue((2025, 4), entities, frozenset(read_services()["2025.4.4"]))
