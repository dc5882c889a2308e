"""What belongs to what in a home: groups and scenes, and their members."""

from collections import defaultdict
from collections.abc import Iterator

from schemas.catalogue import Catalogue, KnownEntity

_DEEPEST_GROUP = 8


def known(entity_id: str, catalogue: Catalogue | None) -> KnownEntity | None:
    """What is known of an entity; None where nothing is."""
    return catalogue.entities.get(entity_id) if catalogue else None


def has_members(entity: KnownEntity) -> bool:
    """Whether an entity tells which others it stands for."""
    return isinstance(entity.attributes.get("entity_id"), list | tuple | set | frozenset)


def family(entity_id: str, catalogue: Catalogue | None) -> frozenset[str]:
    """An entity and all that belongs to it: a group's and a scene's members, and theirs."""
    found, fresh = {entity_id}, {entity_id}
    for _ in range(_DEEPEST_GROUP):
        fresh = {member for group in fresh for member in _members(group, catalogue)} - found
        found |= fresh
    return frozenset(found)


def groups(catalogue: Catalogue) -> dict[str, set[str]]:
    """What each member belongs to; a scene is left out: it does not change with what its members do."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entity_id, entity in catalogue.entities.items():
        if has_members(entity) and not entity_id.startswith("scene."):
            for member in family(entity_id, catalogue) - {entity_id}:
                found[member].add(entity_id)
    return dict(found)


def _members(entity_id: str, catalogue: Catalogue | None) -> Iterator[str]:
    entity = known(entity_id, catalogue)
    if entity and has_members(entity):
        yield from (member for member in entity.attributes["entity_id"] if isinstance(member, str))
