"""Settings: groups of them, a section for each role, and all together."""

from pipeline.settings.settings import OLD_NAMES, PREFIX, Settings

__all__ = ["OLD_NAMES", "PREFIX", "Settings"]
