"""Check of the names under which something was set."""

from collections.abc import Iterator

from pipeline.doctor.finding import Finding, warning
from pipeline.settings.names import stated_names, unknown_names, words_of_unknown

CHECK = "settings"


def check_setting_names() -> Iterator[Finding]:
    """Yield a warning for each name in the environment or in `.env` that is like a setting's, and is none."""
    for name, nearest in unknown_names(stated_names()).items():
        advice = f"Call it {nearest}, or remove it." if nearest else "Remove it: README.md has every setting."
        yield warning(CHECK, words_of_unknown(name, nearest), advice)
