"""Conflicts of an automation with others that do the same or the opposite, or that form a loop with it."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.automations.graph import Link, Passes, Reaches, links_of_ours, links_of_theirs
from pipeline.automations.graph.comparison import is_opposite, is_same, leads_to
from pipeline.wording.naming import LONGEST_NAME, title_of, whole_name
from pipeline.wording.plain_text import harmless
from schemas.automations import Automation
from schemas.catalogue import KnownAutomation
from schemas.suggestions import STANDING, Suggestion

# A loop of more automations than these is hardly one that runs through.
LONGEST_LOOP = 5


class Kind(StrEnum):
    """Kind of a conflict; `TOUCHES` is a remark, all others keep the automation from being suggested."""

    DUPLICATE = "duplicate"
    OPPOSITE = "opposite"
    LOOP = "loop"
    TOUCHES = "touches"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Conflict with an automation (`with_` is its entity id) or with a suggestion (its id)."""

    kind: Kind
    with_: str
    text: str


@dataclass(frozen=True, slots=True)
class _Other:
    """Another automation, deployed or suggested; `is_whole` is false if some of it cannot be read."""

    id: str
    title: str
    links: Sequence[Link]
    is_whole: bool = True
    touches: frozenset[str] = frozenset()
    runs: bool = True


class _Loops:
    """Finds the way from one automation through others and back.

    Parameters
    ----------
    others
        The links of each, by its id.
    """

    def __init__(self, others: dict[str, Sequence[Link]]) -> None:
        self._by_entity: defaultdict[str, list[tuple[str, Link]]] = defaultdict(list)
        for name, found in others.items():
            for link in found:
                # Unknown conditions may be what keeps it from running on.
                if isinstance(link.start, Reaches | Passes) and link.scope.is_known:
                    self._by_entity[link.start.entity_id].append((name, link))

    def way(self, ours: Sequence[Link], first: str) -> list[str] | None:
        """Return through which others ours is started again, once it started `first`; None if it is not."""
        begun = [link for our in ours for name, link in self._started_by(our) if name == first]
        waiting: deque[tuple[Link, list[str]]] = deque((link, []) for link in begun)
        seen = {id(link) for link in begun}
        while waiting:
            link, way = waiting.popleft()
            if any(leads_to(link, our) for our in ours):
                return way
            for name, following in self._started_by(link) if len(way) < LONGEST_LOOP - 2 else ():
                if id(following) not in seen:
                    seen.add(id(following))
                    waiting.append((following, [*way, name]))
        return None

    def _started_by(self, link: Link) -> Iterator[tuple[str, Link]]:
        for name, following in self._by_entity.get(link.effect.entity_id, ()):
            if leads_to(link, following):
                yield name, following


def conflicts(
    automation: Automation, existing: Sequence[KnownAutomation], others: Sequence[Suggestion]
) -> list[Conflict]:
    """Compare an automation with those in Home Assistant and those that are suggested.

    Of each at most one conflict is told: that it does the same; else that it does the opposite on the same
    occasion; else that both would start each other, by way of others too; else that it touches the same
    entity and cannot be looked into.

    Parameters
    ----------
    automation
        What is to be suggested or deployed.
    existing
        What stands in Home Assistant; without the automation itself, where it stands there already.
    others
        Suggestions, without its own; those that are rejected or retired do not count.
    """
    ours = links_of_ours(automation)
    standing = [each for each in others if each.status in STANDING]
    known = [*_existing(existing, standing), *(_suggested(each) for each in standing)]
    loops = _Loops({each.id: each.links for each in known if each.runs})
    titles = {each.id: each.title for each in known}
    found = (_conflict(ours, other, loops, titles) for other in known)
    return [conflict for conflict in found if conflict]


def _existing(existing: Sequence[KnownAutomation], suggested: Iterable[Suggestion]) -> Iterator[_Other]:
    ids = {each.automation_id for each in suggested}
    for known in existing:
        if known.automation_id not in ids:
            yield _Other(
                known.entity_id, title_of(known), *links_of_theirs(known), known.touches, known.enabled
            )


def _suggested(suggestion: Suggestion) -> _Other:
    title = f"the suggestion “{harmless(suggestion.title, LONGEST_NAME)}”"
    return _Other(suggestion.id, title, links_of_ours(suggestion.automation))


def _conflict(
    ours: Sequence[Link], other: _Other, loops: _Loops, titles: Mapping[str, str]
) -> Conflict | None:
    if done := _entities(ours, other.links, is_same):
        aside = "" if other.runs else ", but is switched off"
        return _told(Kind.DUPLICATE, other, f"does the same with {_names(done)}{aside}")
    if other.runs and (undone := _entities(ours, other.links, is_opposite)):
        return _told(
            Kind.OPPOSITE, other, f"does the opposite with {_names(undone)} at about the same moment"
        )
    if other.runs and (way := loops.way(ours, other.id)) is not None:
        through = f", by way of {' and '.join(titles[each] for each in way)}" if way else ""
        return _told(Kind.LOOP, other, f"and this one would start each other over and over{through}")
    shared = {link.effect.entity_id for link in ours} & other.touches
    if shared and not other.is_whole:
        told = f"has to do with {_names(shared)} too, and what it does there cannot be read"
        return _told(Kind.TOUCHES, other, told)
    return None


def _told(kind: Kind, other: _Other, does: str) -> Conflict:
    text = f"{other.title} {does}."
    return Conflict(kind, other.id, text[0].upper() + text[1:])


def _entities(
    ours: Sequence[Link], theirs: Sequence[Link], compare: Callable[[Link, Link], bool]
) -> set[str]:
    return {one.effect.entity_id for one in ours for other in theirs if compare(one, other)}


def _names(entity_ids: Iterable[str]) -> str:
    return ", ".join(map(whole_name, sorted(entity_ids)))
