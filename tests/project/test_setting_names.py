"""Names of settings are the same everywhere."""

import re
from pathlib import Path

from pipeline.settings.names import ELSEWHERE, unknown_names

READ = {".py", ".sh", ".yaml", ".yml", ".md", ".example"}
# What tests and doctests misspell, and what stands for any name.
INVENTED = {"HA_AI_MQTT_PROT", "HA_AI_MQTT_PASWORD", "HA_AI_XYZZY"}


def test_every_name_that_stands_somewhere_is_known(root: Path, project_files: list[Path]) -> None:
    """Code, scripts and documents state no setting that does not exist; what tests read is in one list."""
    stated = {
        name
        for path in project_files
        if path.suffix in READ or path.name == "Dockerfile"
        for name in re.findall(r"\bHA_AI_[A-Z0-9_]*[A-Z0-9]\b", (root / path).read_text(encoding="utf-8"))
    }
    assert {"HA_AI_MQTT_URL", *ELSEWHERE} <= stated
    assert set(unknown_names(stated)) <= INVENTED
