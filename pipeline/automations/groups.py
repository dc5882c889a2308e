"""Groups and scenes of a home, and their members."""

from collections import defaultdict
from collections.abc import Iterator

from schemas.catalogue import Catalogue, KnownEntity

_DEEPEST_GROUP = 8


def known(entity_id: str, catalogue: Catalogue | None) -> KnownEntity | None:
    """Return the catalogue's entry of an entity; None if there is none."""
    return catalogue.entities.get(entity_id) if catalogue else None


def has_members(entity: KnownEntity) -> bool:
    """Return whether an entity lists members."""
    return isinstance(entity.attributes.get("entity_id"), list | tuple | set | frozenset)


def family(entity_id: str, catalogue: Catalogue | None) -> frozenset[str]:
    """Return an entity with the members of the group or scene that it is, and theirs."""
    found, fresh = {entity_id}, {entity_id}
    for _ in range(_DEEPEST_GROUP):
        fresh = {member for group in fresh for member in _members(group, catalogue)} - found
        found |= fresh
    return frozenset(found)


def groups(catalogue: Catalogue) -> dict[str, set[str]]:
    """Return the groups of each member; scenes are left out: their state does not follow their members'."""
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
