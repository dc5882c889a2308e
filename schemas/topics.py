"""The table of messages: each that is said or obeyed, once. All else that names topics follows from it."""

from dataclasses import dataclass
from typing import Any

from schemas.commands import (
    LONGEST_VALIDITY_MS,
    Answer,
    AutomationExecuted,
    AutomationFailed,
    Press,
    Question,
    SignedCommand,
    SuggestionAnswer,
    Verb,
)
from schemas.messages import Message, Messages, Party, Row
from schemas.outgoing import Outgoing
from schemas.plain_payloads import (
    Anything,
    DiscoveryConfig,
    Heartbeat,
    HomeAssistantEvent,
    HomeAssistantField,
    HomeAssistantStatus,
    LearningSwitch,
    MinimumConfidence,
)
from schemas.statuses import (
    AnalysisComplete,
    AnomalyDetected,
    DeadLetter,
    HubState,
    PatternDetected,
    ServiceStatus,
    SessionSign,
    SuggestionState,
)
from schemas.suggestions import SuggestionChanged, SuggestionGenerated, UserFeedback

NAMESPACE = "ha-ai"
NODE = "haai"
EVENTSTREAM = "homeassistant_events"
STATESTREAM = "homeassistant_state"
STATUS = "homeassistant/status"
DISCOVERY_PREFIX = "homeassistant"

MINUTE_S = 60
EVENT_S = 5 * MINUTE_S
DAY_S = 86_400


class Role(Party):
    """Roles of ha-ai, each of which can run by itself.

    Learning owns the home, publishing sends what the store's outbox holds; the others are stateless.
    """

    LEARN = "learn"
    PUBLISH = "publish"
    SUGGEST = "suggest"
    REVIEW = "review"
    DEPLOY = "deploy"
    SHOW = "show"
    ANSWER = "answer"

    @property
    def is_role(self) -> bool:
        """Return that it is one."""
        return True


class Outside(Party):
    """Parties that are no role: Home Assistant, whoever asks and commands, and the doctor's own tries."""

    HOME_ASSISTANT = "homeassistant"
    ASKER = "asker"
    DOCTOR = "doctor"

    @property
    def is_other(self) -> bool:
        """Return whether it has rights of its own; the doctor has the service's."""
        return self is not Outside.DOCTOR


HOME_ASSISTANT, ASKER = Outside.HOME_ASSISTANT, Outside.ASKER
FOLLOWERS = (HOME_ASSISTANT, ASKER)


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names of one home, and as a class the rows of the table.

    Parameters
    ----------
    home
        The home's id, which stands before its topics; empty for one home.
    eventstream, statestream, status, discovery_prefix
        Where Home Assistant says its events, its states and that it is there, and looks for devices.

    Examples
    --------
    >>> Topics().pattern_detected, Topics("villa").suggestion_command("approve")
    ('ha-ai/events/pattern/detected', 'villa/ha-ai/commands/suggestion/approve')
    >>> Topics.pattern_detected.expiry_s, Topics.pattern_detected.payload.__name__
    (300, 'PatternDetected')
    """

    home: str = ""
    eventstream: str = EVENTSTREAM
    statestream: str = STATESTREAM
    status: str = STATUS
    discovery_prefix: str = DISCOVERY_PREFIX

    pattern_detected = Message(
        path="{own}/events/pattern/detected",
        payload=PatternDetected,
        says="A pattern was detected, updated or retired.",
        writers=(Role.LEARN,),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    anomaly_detected = Message(
        path="{own}/events/anomaly/detected",
        payload=AnomalyDetected,
        says="Something is out of order; said once, as it happens.",
        writers=(Role.LEARN,),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    suggestion_generated = Message(
        path="{own}/events/suggestion/generated",
        payload=SuggestionGenerated,
        says="An automation is proposed, with its proof.",
        writers=(Role.SUGGEST, Role.REVIEW),
        readers=(Role.SHOW, *FOLLOWERS),
        expiry_s=EVENT_S,
    )
    suggestion_changed = Message(
        path="{own}/events/suggestion/changed",
        payload=SuggestionChanged,
        says="Something has become of a suggestion.",
        writers=(Role.SUGGEST, Role.REVIEW, Role.DEPLOY),
        readers=(Role.SHOW, *FOLLOWERS),
        expiry_s=EVENT_S,
    )
    feedback_given = Message(
        path="{own}/events/feedback/given",
        payload=UserFeedback,
        says="A person has said or done something to a suggestion.",
        writers=(Role.REVIEW, Role.DEPLOY),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    suggestion_command = Messages(
        path="{own}/commands/suggestion/{verb}",
        payload=SignedCommand,
        says="Signed command of a person about a suggestion.",
        writers=(ASKER,),
        readers=(Role.REVIEW,),
        expiry_s=LONGEST_VALIDITY_MS // 1000,
        values=(Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY),
    )
    automation_command = Messages(
        path="{own}/commands/automation/{verb}",
        payload=SignedCommand,
        says="Signed command to the deployer.",
        writers=(Role.REVIEW, ASKER),
        readers=(Role.DEPLOY,),
        expiry_s=LONGEST_VALIDITY_MS // 1000,
        values=(Verb.DEPLOY, Verb.ROLLBACK),
    )
    press = Message(
        path="{own}/commands/suggestion/press",
        payload=Press,
        says="A button in Home Assistant was pressed; it counts only when Home Assistant confirms it.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.REVIEW,),
    )
    learning_set = Message(
        path="{own}/commands/learning/set",
        payload=LearningSwitch,
        says="The learning switch was turned.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.LEARN, Role.SHOW),
    )
    minimum_confidence_set = Message(
        path="{own}/commands/minimum_confidence/set",
        payload=MinimumConfidence,
        says="The minimum confidence was set.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.SHOW,),
    )
    analysis_run = Message(
        path="{own}/commands/analysis/run",
        payload=Anything,
        says="A person asks to judge the kept days anew, then to suggest; the payload is not read.",
        writers=FOLLOWERS,
        readers=(Role.LEARN, Role.SUGGEST),
    )
    suggestion_answered = Message(
        path="{own}/responses/suggestion/answered",
        payload=SuggestionAnswer,
        says="Outcome of a command or a press.",
        writers=(Role.REVIEW,),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    automation_executed = Message(
        path="{own}/responses/automation/executed",
        payload=AutomationExecuted,
        says="An automation of ours was deployed, taken back, or ran.",
        writers=(Role.DEPLOY,),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    automation_failed = Message(
        path="{own}/responses/automation/failed",
        payload=AutomationFailed,
        says="Something failed in Home Assistant: at which step, why, and whether it is tried again.",
        writers=(Role.DEPLOY,),
        readers=FOLLOWERS,
        expiry_s=EVENT_S,
    )
    query_ask = Message(
        path="{own}/query/ask",
        payload=Question,
        says="A question; the answer goes to the message's response topic, which is one of the answers' own.",
        writers=(ASKER,),
        readers=(Role.ANSWER,),
    )
    query_answer = Messages(
        path="{own}/query/answer/{asker}",
        payload=Answer,
        says="The answer to a question, to the one who asked; answers go nowhere else.",
        writers=(Role.ANSWER,),
        readers=(ASKER,),
        expiry_s=MINUTE_S,
    )
    hub = Message(
        path="{own}/status/hub",
        payload=HubState,
        says="State of our device in Home Assistant.",
        writers=(Role.SHOW,),
        readers=(Role.SHOW, HOME_ASSISTANT),
        retain=True,
    )
    suggestion_state = Messages(
        path="{own}/status/suggestion/{suggestion_id}",
        payload=SuggestionState,
        says="State of a suggestion's device in Home Assistant; empty when it is settled.",
        writers=(Role.SHOW,),
        readers=(Role.SHOW, HOME_ASSISTANT),
        retain=True,
    )
    analysis_complete = Message(
        path="{own}/status/analysis_complete",
        payload=AnalysisComplete,
        says="A day was closed and judged: counts, duration.",
        writers=(Role.LEARN,),
        readers=(Role.SUGGEST, Role.SHOW, *FOLLOWERS),
        expiry_s=DAY_S,
    )
    service = Message(
        path="{own}/status/service",
        payload=ServiceStatus,
        says="The service is online, degraded or offline, the last also as its will.",
        writers=(Role.LEARN,),
        readers=FOLLOWERS,
        retain=True,
    )
    dead_letter = Message(
        path="{own}/dead-letter",
        payload=DeadLetter,
        says="A message could not be taken, and why.",
        writers=(Role.LEARN, Role.SHOW),
        readers=FOLLOWERS,
        expiry_s=DAY_S,
    )
    heartbeat = Message(
        path="{own}/internal/heartbeat",
        payload=Heartbeat,
        says="The watchdog's own message, through broker and store and back.",
        writers=(Role.LEARN,),
        readers=(Role.LEARN,),
        expiry_s=MINUTE_S,
        is_news=False,
    )
    session = Message(
        path="{own}/internal/session",
        payload=SessionSign,
        says="Holder of the durable session, said every few seconds; empty when it has gone.",
        writers=(Role.LEARN,),
        readers=(Role.LEARN, Outside.DOCTOR),
        retain=True,
    )
    probe = Message(
        path="{own}/internal/probe",
        payload=Anything,
        says="The doctor's tries of what the broker does.",
        writers=(Outside.DOCTOR,),
        readers=(Outside.DOCTOR,),
        is_news=False,
    )
    home_assistant_event = Message(
        path="{eventstream}",
        payload=HomeAssistantEvent,
        says="An event of Home Assistant's mqtt_eventstream.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.LEARN, Role.DEPLOY),
    )
    home_assistant_field = Message(
        path="{statestream}/#",
        payload=HomeAssistantField,
        says="A field of Home Assistant's mqtt_statestream, where that is what is read.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.LEARN,),
        retain=True,
    )
    home_assistant_status = Message(
        path="{status}",
        payload=HomeAssistantStatus,
        says="Birth and will of Home Assistant.",
        writers=(HOME_ASSISTANT,),
        readers=(Role.LEARN, Role.DEPLOY, Role.SHOW),
    )
    discovery = Messages(
        path="{discovery_prefix}/{platform}/{node}/{name}/config",
        payload=DiscoveryConfig,
        says="Announcement of our devices to Home Assistant; empty when one is gone.",
        writers=(Role.SHOW,),
        readers=(Role.SHOW, HOME_ASSISTANT),
        retain=True,
    )

    @property
    def parts(self) -> dict[str, str]:
        """Parts of the topics that depend on the home and its settings, by their placeholders."""
        return {
            "own": f"{self.home}/{NAMESPACE}" if self.home else NAMESPACE,
            "node": self.node,
            "eventstream": self.eventstream,
            "statestream": self.statestream,
            "status": self.status,
            "discovery_prefix": self.discovery_prefix,
        }

    @property
    def node(self) -> str:
        """Node id of our devices, which tells one home's from another's."""
        return f"{NODE}_{self.home}" if self.home else NODE

    @property
    def everything(self) -> str:
        """Topic filter of all that is our own."""
        return f"{self.parts['own']}/#"

    def row_of(self, topic: str) -> Row[Any] | None:
        """Return the row that a topic belongs to; None where it is none of the table's."""
        return next((row for row in TABLE if row.matches(self, topic)), None)

    def outgoing(self, topic: str, identity: str, payload: bytes) -> Outgoing:
        """Return a message on a topic of the table, retained and expiring as its row says.

        Raises
        ------
        ValueError
            The topic is none of the table's.
        """
        row = self.row_of(topic)
        if row is None:
            raise ValueError(f"expected a topic of the table, got {topic!r}")
        return Outgoing(identity, topic, payload, retain=row.retain, expiry_s=row.expiry_s)


TABLE: tuple[Row[Any], ...] = tuple(row for row in vars(Topics).values() if isinstance(row, Row))


def read_by(party: Party) -> tuple[Row[Any], ...]:
    """Return what a party reads."""
    return tuple(row for row in TABLE if party in row.readers)


def said_by(party: Party) -> tuple[Row[Any], ...]:
    """Return what a party says."""
    return tuple(row for row in TABLE if party in row.writers)
