"""The AsyncAPI document: what ha-ai reads and what it says, as FastStream tells it of its brokers."""

import json
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from faststream.mqtt import MQTTBroker, QoS
from faststream.specification.asyncapi import AsyncAPI
from pydantic import BaseModel

from pipeline.settings import Settings
from schemas.commands import (
    AutomationExecuted,
    AutomationFailed,
    Press,
    Question,
    SignedCommand,
    SuggestionAnswer,
    Verb,
)
from schemas.statuses import (
    AnalysisComplete,
    AnomalyDetected,
    DeadLetter,
    HubState,
    PatternDetected,
    ServiceStatus,
)
from schemas.suggestions import SuggestionChanged, SuggestionGenerated, UserFeedback
from schemas.topics import Topics

SAID: dict[str, tuple[type[BaseModel], bool]] = {
    "pattern_detected": (PatternDetected, False),
    "anomaly_detected": (AnomalyDetected, False),
    "suggestion_generated": (SuggestionGenerated, False),
    "suggestion_changed": (SuggestionChanged, False),
    "feedback_given": (UserFeedback, False),
    "suggestion_answered": (SuggestionAnswer, False),
    "automation_executed": (AutomationExecuted, False),
    "automation_failed": (AutomationFailed, False),
    "analysis_complete": (AnalysisComplete, False),
    "service": (ServiceStatus, True),
    "hub": (HubState, True),
    "dead_letter": (DeadLetter, False),
}
OBEYED: dict[str, type[BaseModel]] = {
    **{
        f"suggestion_command/{verb}": SignedCommand
        for verb in (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY)
    },
    **{f"automation_command/{verb}": SignedCommand for verb in (Verb.DEPLOY, Verb.ROLLBACK)},
    "press": Press,
    "query_ask": Question,
}
SET = {
    "RunAnalysis": "analysis_run",
    "SetLearning": "learning_set",
    "SetMinimumConfidence": "minimum_confidence_set",
}
SCHEMA_VERSION = "3.0.0"
UNORDERED = ("channels", "operations", "components")


def declare_said(broker: MQTTBroker, topics: Topics) -> None:
    """Declare on a broker what is published through it."""
    for name, (payload, retain) in SAID.items():
        broker.publisher(
            getattr(topics, name),
            qos=QoS.AT_LEAST_ONCE,
            retain=retain,
            schema=payload,
            title=payload.__name__,
            description=getattr(Topics, name).__doc__,
        )


def declare_read(broker: MQTTBroker, settings: Settings) -> None:
    """Declare on a broker what Home Assistant publishes to it, its switches among it."""
    read = {
        "Eventstream": (settings.eventstream_topic, "An event of Home Assistant's mqtt_eventstream."),
        "Statestream": (f"{settings.statestream_topic}/#", "A field of Home Assistant's mqtt_statestream."),
        "HomeAssistantStatus": (settings.status_topic, "Home Assistant's birth and will: online, offline."),
    }
    for title, name in SET.items():
        read[title] = (getattr(settings.topics, name), str(getattr(Topics, name).__doc__))
    for title, (topic, description) in read.items():
        subscriber = broker.subscriber(topic, qos=QoS.AT_LEAST_ONCE, title=title, description=description)
        subscriber(_any_payload)


def declare_obeyed(broker: MQTTBroker, topics: Topics) -> None:
    """Declare on a broker what people and their tools command and ask."""
    for name, payload in OBEYED.items():
        attribute, _, verb = name.partition("/")
        topic = getattr(topics, attribute)(verb) if verb else getattr(topics, attribute)
        description = str(getattr(Topics, attribute).__doc__)
        title = "".join(part.title() for part in (verb or payload.__name__).split("_"))
        subscriber = broker.subscriber(topic, qos=QoS.AT_LEAST_ONCE, title=title, description=description)
        subscriber(_handler_of(payload))


def document(settings: Settings) -> dict[str, Any]:
    """The document of a service with these settings."""
    broker = MQTTBroker(settings.broker_url)
    declare_read(broker, settings)
    declare_said(broker, settings.topics)
    declare_obeyed(broker, settings.topics)
    specification = AsyncAPI(
        broker,
        title="ha-ai",
        version=version("ha-ai"),
        description="Learns a household's habits from Home Assistant's state changes as they happen.",
        schema_version=SCHEMA_VERSION,
    )
    found: dict[str, Any] = json.loads(specification.to_specification().to_json())
    # FastStream keeps publishers and subscribers in sets, whose order differs from run to run.
    return {name: _sorted(part) if name in UNORDERED else part for name, part in found.items()}


def text(document: dict[str, Any]) -> str:
    """The document as JSON for people, as it is written and served."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sorted(part: dict[str, Any], levels: int = 2) -> dict[str, Any]:
    if not levels:
        return part
    return {name: _sorted(part[name], levels - 1) for name in sorted(part)}


def _handler_of(payload: type[BaseModel]) -> Callable[[Any], Awaitable[None]]:
    """Return a stand-in for a consumer's handler: it takes this payload."""

    async def take(message: Any) -> None:
        """The consumers check and handle it."""

    take.__annotations__["message"] = payload
    return take


async def _any_payload(message: bytes) -> None:
    """Stand in for the handler: the intake decodes by itself, within bounds."""
