"""Names under which the store keeps what a person sets while ha-ai runs."""

from enum import StrEnum


class Control(StrEnum):
    """Control that a person sets; `LEARNING_OFF_US` is since when learning is off, in UTC microseconds."""

    LEARNING = "learning"
    LEARNING_OFF_US = "learning_off_us"
    MINIMUM_CONFIDENCE = "minimum_confidence"
