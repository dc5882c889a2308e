"""Read the recordings that lie beside this module."""

import gzip
import json
from pathlib import Path
from typing import Any

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
