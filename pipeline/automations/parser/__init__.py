"""The one reader of Home Assistant's automations: any release's configuration as one typed tree."""

from pipeline.automations.parser.reader import joining_key, parse
from pipeline.automations.parser.tree import (
    Action,
    Call,
    Condition,
    Configuration,
    Opaque,
    Option,
    Part,
    Targets,
    Trigger,
)

__all__ = [
    "Action",
    "Call",
    "Condition",
    "Configuration",
    "Opaque",
    "Option",
    "Part",
    "Targets",
    "Trigger",
    "joining_key",
    "parse",
]
