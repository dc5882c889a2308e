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
        """Anomalies, as they happen."""
        return self._topic("events/anomaly/detected")

    @property
    def suggestion_generated(self) -> str:
        """Automations that are proposed, with their proof."""
        return self._topic("events/suggestion/generated")

    @property
    def suggestion_changed(self) -> str:
        """Changes of a suggestion's status."""
        return self._topic("events/suggestion/changed")

    @property
    def feedback_given(self) -> str:
        """A person's feedback on a suggestion."""
        return self._topic("events/feedback/given")

    def suggestion_command(self, verb: str) -> str:
        """Topic of a person's signed command: approve, reject, not_now, modify."""
        return self._topic(f"commands/suggestion/{verb}")

    def automation_command(self, verb: str) -> str:
        """Topic of a signed command to the deployer: deploy, rollback."""
        return self._topic(f"commands/automation/{verb}")

    @property
    def press(self) -> str:
        """Topic of the buttons in Home Assistant; a press counts only when Home Assistant confirms it."""
        return self._topic("commands/suggestion/press")

    @property
    def learning_set(self) -> str:
        """Topic of the learning switch, which publishes ON or OFF."""
        return self._topic("commands/learning/set")

    @property
    def minimum_confidence_set(self) -> str:
        """Topic of the minimum confidence, a number from 0 to 1."""
        return self._topic("commands/minimum_confidence/set")

    @property
    def analysis_run(self) -> str:
        """Topic on which a person asks for suggestions now; the payload is not read."""
        return self._topic("commands/analysis/run")

    @property
    def suggestion_answered(self) -> str:
        """Outcome of a command or a press."""
        return self._topic("responses/suggestion/answered")

    @property
    def automation_executed(self) -> str:
        """An automation of ours was deployed, rolled back, or ran."""
        return self._topic("responses/automation/executed")

    @property
    def automation_failed(self) -> str:
        """Failures to do something in Home Assistant, with the reason."""
        return self._topic("responses/automation/failed")

    @property
    def query_ask(self) -> str:
        """Questions; the answer goes to the message's response topic, below `query_answer`."""
        return self._topic("query/ask")

    def query_answer(self, asker: str) -> str:
        """Topic on which an asker awaits answers; answers go nowhere else."""
        return self._topic(f"query/answer/{asker}")

    @property
    def hub(self) -> str:
        """State of our device in Home Assistant; retained."""
        return self._topic("status/hub")

    def suggestion_state(self, suggestion_id: str) -> str:
        """State of a suggestion's device in Home Assistant; retained, empty when settled."""
        return self._topic(f"status/suggestion/{suggestion_id}")

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
    def session(self) -> str:
        """Holder of the durable session, said every few seconds; retained."""
        return self._topic("internal/session")

    @property
    def probe(self) -> str:
        """Topic on which ``ha-ai doctor`` tries out what the broker does."""
        return self._topic("internal/probe")

    @property
    def everything(self) -> str:
        """Topic filter of all of them."""
        return self._topic("#")
