"""The topics under ``ha-ai/``; with many homes the home's id stands before."""

from dataclasses import dataclass

NAMESPACE = "ha-ai"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names of one home.

    Examples
    --------
    >>> Topics().pattern_detected, Topics("villa").dead_letter
    ('ha-ai/events/pattern/detected', 'villa/ha-ai/dead-letter')
    """

    home: str = ""

    def _topic(self, name: str) -> str:
        return f"{self.home}/{NAMESPACE}/{name}" if self.home else f"{NAMESPACE}/{name}"

    @property
    def pattern_detected(self) -> str:
        """Patterns found, changed, retired."""
        return self._topic("events/pattern/detected")

    @property
    def anomaly_detected(self) -> str:
        """What is out of order, as it happens."""
        return self._topic("events/anomaly/detected")

    @property
    def analysis_complete(self) -> str:
        """A day was closed and judged."""
        return self._topic("status/analysis_complete")

    @property
    def service(self) -> str:
        """Online, degraded or offline; retained."""
        return self._topic("status/service")

    @property
    def dead_letter(self) -> str:
        """Messages that could not be taken."""
        return self._topic("dead-letter")

    @property
    def heartbeat(self) -> str:
        """The watchdog's own message, through broker and store and back."""
        return self._topic("internal/heartbeat")

    @property
    def probe(self) -> str:
        """Where ``ha-ai doctor`` tries out what the broker does."""
        return self._topic("internal/probe")

    @property
    def everything(self) -> str:
        """Topic filter of all of them."""
        return self._topic("#")
