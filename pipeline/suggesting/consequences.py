"""What somebody's automations would do next, once one of ours has acted."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.suggesting.families import family, groups, known
from pipeline.suggesting.links import Link, Passes, Reaches, links
from pipeline.suggesting.links.comparison import leads_to
from pipeline.suggesting.naming import whole_name
from pipeline.suggesting.perils import is_grave_to_act_on
from pipeline.suggesting.rendering import harmless, render
from schemas.automations import Automation
from schemas.catalogue import Catalogue, KnownAutomation

_LONGEST_NAME = 80


def grave_consequences(automation: Automation, catalogue: Catalogue) -> list[str]:
    """Say which of somebody's automations would follow and unlock, open, disarm or let water through.

    Whoever may set off an automation does what it does. Those that are switched off do not count; what
    cannot be read counts if it has to do with both.
    """
    following = _Following(catalogue)
    found = list[str]()
    for link in following.of(links(render(automation, title="", description=""))):
        for acted_on in sorted(family(link.link.deed.entity_id, catalogue)):
            if is_grave_to_act_on(acted_on, known(acted_on, catalogue)):
                found.append(f"{_title(link.by)} would follow, and acts on {whole_name(acted_on)}")
    return list(dict.fromkeys([*found, *following.unread()]))


@dataclass(frozen=True, slots=True)
class _Followed:
    by: KnownAutomation
    link: Link


class _Following:
    """Walks from what is done to the automations that it starts, to what they do, and on."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        running = [each for each in catalogue.automations if each.enabled]
        self._unread = [each for each in running if each.config is None or "use_blueprint" in each.config]
        self._groups = groups(catalogue)
        self._starting: defaultdict[str, list[_Followed]] = defaultdict(list)
        for each in running:
            if each.config is not None and "use_blueprint" not in each.config:
                self._add(each, links(each.config))
        self._touched = set[str]()

    def of(self, ours: Sequence[Link]) -> Iterator[_Followed]:
        """Yield all that follows, each link once."""
        waiting, seen = deque(ours), set[int]()
        while waiting:
            for done in self._felt(waiting.popleft()):
                self._touched.add(done.deed.entity_id)
                for each in self._starting.get(done.deed.entity_id, ()):
                    if id(each) not in seen and leads_to(done, each.link):
                        seen.add(id(each))
                        waiting.append(each.link)
                        yield each

    def unread(self) -> Iterator[str]:
        """Name what cannot be read and has to do with something that was reached and something grave."""
        for each in self._unread:
            shared = sorted(each.touches & self._touched)
            grave = [name for name in sorted(each.touches) if self._is_grave(name)]
            if shared and grave:
                both = f"{whole_name(shared[0])} and {whole_name(grave[0])}"
                yield f"{_title(each)} has to do with {both}, and what it does there cannot be read"

    def _add(self, automation: KnownAutomation, theirs: Sequence[Link]) -> None:
        for link in theirs:
            if isinstance(link.start, Reaches | Passes):
                self._starting[link.start.entity_id].append(_Followed(automation, link))

    def _is_grave(self, entity_id: str) -> bool:
        return is_grave_to_act_on(entity_id, known(entity_id, self._catalogue))

    def _felt(self, link: Link) -> Iterator[Link]:
        """Yield a link, and the same for each member and each group, whose state changes with it."""
        yield link
        entity_id = link.deed.entity_id
        others = family(entity_id, self._catalogue) | self._groups.get(entity_id, set())
        for other in others - {entity_id}:
            same_kind = other.partition(".")[0] == entity_id.partition(".")[0]
            deed = replace(link.deed, entity_id=other, value=link.deed.value if same_kind else None)
            yield replace(link, deed=deed)


def _title(automation: KnownAutomation) -> str:
    return f"the automation “{harmless(automation.name or automation.entity_id, _LONGEST_NAME)}”"
