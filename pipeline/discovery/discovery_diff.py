"""Difference between what is retained for Home Assistant and what should be, as steps to publish."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.hub import hub_device
from pipeline.discovery.suggestion import device_of, is_shown, suggestion_device, suggestion_state
from schemas.statuses import HubState
from schemas.suggestions import Suggestion
from schemas.topics import Topics

NOTHING = b""


def digest(payload: bytes) -> bytes:
    """Return a digest that tells one payload from another, however large it is."""
    return hashlib.sha256(payload).digest()


class Steps(NamedTuple):
    """Messages to publish, in this order, retained.

    Before `begin` is over, and Home Assistant has had a moment, `follow` must not begin: an entity that is
    announced in another form has to be gone before.
    """

    begin: list[tuple[str, bytes]]
    follow: list[tuple[str, bytes]]


class DiscoveryDiff:
    """Retained messages by which one home shows itself in Home Assistant."""

    def __init__(self, discovery: Discovery, topics: Topics) -> None:
        self._discovery = discovery
        self._topics = topics

    def wanted(
        self, hub: HubState, suggestions: Sequence[Suggestion], form: Form, now: datetime
    ) -> dict[str, bytes]:
        """All that should be retained; the hub first, which the suggestions' devices refer to."""
        shown = [each for each in suggestions if is_shown(each, now)]
        wanted = {self._topics.hub: hub.published()}
        wanted |= {self._topics.suggestion_state(each.id): suggestion_state(each) for each in shown}
        wanted |= self._discovery.announce(hub_device(self._discovery, self._topics), form)
        for each in shown:
            device = suggestion_device(each, self._discovery, self._topics)
            wanted |= self._discovery.announce(device, form)
        return wanted

    def entities(self, suggestions: Sequence[Suggestion], now: datetime) -> dict[str, str]:
        """The identifier of its device by the unique id of each entity that the suggestions have."""
        return {
            component.config["unique_id"]: device_of(each)
            for each in suggestions
            if is_shown(each, now)
            for component in suggestion_device(each, self._discovery, self._topics).components
        }

    def steps(
        self,
        retained: Mapping[str, bytes],
        wanted: Mapping[str, bytes],
        form: Form,
        *,
        foreign: Collection[str] = (),
        again: bool = False,
    ) -> Steps:
        """Return the steps that lead from what is retained to what is wanted.

        Parameters
        ----------
        retained
            The digest of what is retained, by topic.
        wanted
            What should be retained, by topic.
        form
            How devices are announced.
        foreign
            Topics on which somebody else has published. What they announced in our place is taken away
            before ours comes again: Home Assistant would keep entities that ours does not name.
        again
            Whether all that is wanted is published, changed or not.
        """
        stale = [topic for topic in retained if topic not in wanted]
        # A device's entities go before the state that they show.
        stale.sort(key=lambda topic: self._discovery.form_of(topic) is None)
        other = [topic for topic in stale if self._discovery.form_of(topic) not in (None, form)]
        wrong = [topic for topic, payload in wanted.items() if retained.get(topic) != digest(payload)]
        overlaid = [
            topic
            for topic in wrong
            if topic in foreign and topic in retained and self._discovery.form_of(topic)
        ]
        changed = [(topic, payload) for topic, payload in wanted.items() if again or topic in wrong]
        gone = [(topic, NOTHING) for topic in stale if topic not in other]
        return Steps([(topic, NOTHING) for topic in other + overlaid], changed + gone)

    def form_of(self, retained: Iterable[str]) -> Form:
        """The form in which these topics announce; where none does, the one that is always understood."""
        forms = {self._discovery.form_of(topic) for topic in retained}
        return Form.DEVICE if Form.DEVICE in forms else Form.COMPONENTS
