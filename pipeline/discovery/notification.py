"""The notification that points to the suggestions: how many wait, and where; nothing of their content."""

from typing import NamedTuple

from pipeline.wording.sentences import counted

NOTIFICATION_ID = "haai_suggestions"
PLACE = "[Settings, Devices & services, MQTT](/config/integrations/integration/mqtt)"


class Notification(NamedTuple):
    """A persistent notification."""

    title: str
    message: str


def notification(waiting: int) -> Notification:
    """Return the notification that is shown while so many suggestions wait.

    Examples
    --------
    >>> print(notification(1).message)
    1 suggestion for an automation waits for you. It is a device of its own under [Settings, Devices &
    services, MQTT](/config/integrations/integration/mqtt), with its proof and the buttons Approve, Not now
    and Reject.
    """
    subject, each = ("an automation waits", "It") if waiting == 1 else ("automations wait", "Each")
    return Notification(
        "ha-ai",
        f"{counted(waiting, 'suggestion')} for {subject} for you. {each} is a device of its own under "
        f"{PLACE}, with its proof and the buttons Approve, Not now and Reject.",
    )
