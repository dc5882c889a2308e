"""Effects of others' automations that an automation of ha-ai would trigger in turn."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.automations.dangerous_entities import is_grave_to_act_on
from pipeline.automations.graph import Link, Passes, Reaches, links_of_ours, links_of_theirs
from pipeline.automations.graph.comparison import leads_to
from pipeline.automations.supported_features import family, groups, known
from pipeline.wording.naming import title_of, whole_name
from schemas.automations import Automation
from schemas.catalogue import Catalogue, KnownAutomation


def grave_consequences(automation: Automation, catalogue: Catalogue) -> list[str]:
    """Return which of others' automations would follow and unlock, open, disarm or let water through.

    Whoever may set off an automation does what it does. Those that are switched off do not count; what
    cannot be read counts if it has to do with both.
    """
    following = _Following(catalogue)
    found = list[str]()
    for link in following.of(links_of_ours(automation)):
        for acted_on in sorted(family(link.link.effect.entity_id, catalogue)):
            if is_grave_to_act_on(acted_on, known(acted_on, catalogue)):
                found.append(f"{title_of(link.by)} would follow, and acts on {whole_name(acted_on)}")
    return list(dict.fromkeys([*found, *following.unread()]))


@dataclass(frozen=True, slots=True)
class _Followed:
    by: KnownAutomation
    link: Link


class _Following:
    """Walks from what is done to the automations that it starts, to what they do, and on."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._groups = groups(catalogue)
        self._unread = list[KnownAutomation]()
        self._starting: defaultdict[str, list[_Followed]] = defaultdict(list)
        self._touched = set[str]()
        for each in catalogue.automations:
            if each.enabled:
                self._add(each)

    def of(self, ours: Sequence[Link]) -> Iterator[_Followed]:
        """Yield all that follows, each link once."""
        waiting, seen = deque(ours), set[int]()
        while waiting:
            for done in self._felt(waiting.popleft()):
                self._touched.add(done.effect.entity_id)
                for each in self._starting.get(done.effect.entity_id, ()):
                    if id(each) not in seen and leads_to(done, each.link):
                        seen.add(id(each))
                        waiting.append(each.link)
                        yield each

    def unread(self) -> Iterator[str]:
        """Yield the unreadable automations that touch a reached entity and one that is grave to act on."""
        for each in self._unread:
            shared = sorted(each.touches & self._touched)
            grave = [name for name in sorted(each.touches) if self._is_grave(name)]
            if shared and grave:
                both = f"{whole_name(shared[0])} and {whole_name(grave[0])}"
                yield f"{title_of(each)} has to do with {both}, and what it does there cannot be read"

    def _add(self, automation: KnownAutomation) -> None:
        theirs, is_whole = links_of_theirs(automation)
        if not is_whole:
            self._unread.append(automation)
        for link in theirs:
            if isinstance(link.start, Reaches | Passes):
                self._starting[link.start.entity_id].append(_Followed(automation, link))

    def _is_grave(self, entity_id: str) -> bool:
        return is_grave_to_act_on(entity_id, known(entity_id, self._catalogue))

    def _felt(self, link: Link) -> Iterator[Link]:
        """Yield a link, and the same for each member and each group, whose state changes with it."""
        yield link
        entity_id = link.effect.entity_id
        others = family(entity_id, self._catalogue) | self._groups.get(entity_id, set())
        for other in others - {entity_id}:
            same_kind = other.partition(".")[0] == entity_id.partition(".")[0]
            effect = replace(link.effect, entity_id=other, value=link.effect.value if same_kind else None)
            yield replace(link, effect=effect)
