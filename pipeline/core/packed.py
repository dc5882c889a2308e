"""The aggregates of a closed day, packed while nobody judges them."""

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from detectors.history import Aggregate

# Fast: twice as small again would cost five times as much.
LEVEL = 1


class Packed(Mapping[str, Aggregate]):
    """One detector's aggregates of a day, by key, in a tenth of the memory; plain JSON values come back.

    Read day by day: only the last few that were read are at hand unpacked.

    Examples
    --------
    >>> packed = Packed({"light.hall on": {"seconds": [25_200, 72_000]}})
    >>> packed["light.hall on"], len(packed), "light.hall off" in packed
    ({'seconds': [25200, 72000]}, 1, False)
    """

    __slots__ = ("_keys", "_whole")

    def __init__(self, aggregates: Mapping[str, Aggregate]) -> None:
        # The same keys come every day; each is kept once.
        self._keys = tuple(map(intern, aggregates))
        self._whole = zlib.compress(json.dumps(dict(aggregates), separators=(",", ":")).encode(), LEVEL)

    def __getitem__(self, key: str) -> Aggregate:
        aggregate: Aggregate = _unpack(self._whole)[key]
        return aggregate

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@lru_cache(maxsize=8)
def _unpack(whole: bytes) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(zlib.decompress(whole))
    return plain
