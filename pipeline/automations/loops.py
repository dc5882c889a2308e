"""Search for loops: automations that start each other through their effects."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from pipeline.automations.graph import Link, Passes, Reaches
from pipeline.automations.graph.comparison import leads_to

# A loop of more automations than these is hardly one that runs through.
LONGEST = 5


class Loops:
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
            for name, following in self._started_by(link) if len(way) < LONGEST - 2 else ():
                if id(following) not in seen:
                    seen.add(id(following))
                    waiting.append((following, [*way, name]))
        return None

    def _started_by(self, link: Link) -> Iterator[tuple[str, Link]]:
        for name, following in self._by_entity.get(link.effect.entity_id, ()):
            if leads_to(link, following):
                yield name, following
