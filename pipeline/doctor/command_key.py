"""Check of the key that signs commands."""

import os
from pathlib import Path

from pipeline.doctor.finding import Finding, ok, wrong
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.settings import Settings

CHECK = "command key"


def check_command_key(settings: Settings) -> Finding:
    """Look at the key's file without making it."""
    path = settings.command_key_file
    try:
        load_key(path, create=False)
    except KeyFileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return _absent(path)
        return wrong(
            CHECK,
            str(error),
            f"chmod 600 {path}; if somebody else may have read it, or it is damaged, delete it, and the next "
            "start makes another.",
        )
    return ok(CHECK, f"{path} is there, for its owner only")


def _absent(path: Path) -> Finding:
    place = next(each for each in path.resolve().parents if each.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        return wrong(
            CHECK,
            f"{path} does not exist, and user {os.getuid()} cannot write into {place}",
            "Give it the right to, or let HA_AI_COMMAND_KEY_FILE name another place.",
        )
    return ok(CHECK, f"{path} is made at the first start")
