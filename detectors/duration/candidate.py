"""What may be a duration, and what speaks for it."""

from dataclasses import dataclass

from detectors.duration.splitting import Part
from detectors.duration.window import Trial
from schemas.events import EventType


@dataclass(frozen=True, slots=True)
class Candidate:
    """Stays that may have a typical length, how well that was foreseen, and the evidence that is left for it.

    `log_e` is that of the trial, less the choice of the part.
    """

    event_type: EventType
    slot: int
    part: Part
    trial: Trial
    log_e: float
