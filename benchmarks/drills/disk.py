"""A disk whose power may go: what was synced is there, of the rest any part."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

SECTOR = 512
# From nothing of what was not synced to all of it; in between any write may be lost and a later one kept.
KEPT_SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)
TORN_SHARE = 0.25


class Write(NamedTuple):
    """Bytes into a file."""

    file: int
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A file's new length."""

    file: int
    size: int


class Bind(NamedTuple):
    """A name stands for a file from now on."""

    name: str
    file: int


class Unbind(NamedTuple):
    """A name is gone."""

    name: str


class SyncBegin(NamedTuple):
    """A sync is asked for, of a file, or of the folder's names (None)."""

    sync: int
    file: int | None


class SyncEnd(NamedTuple):
    """A sync is over: what was written before it was asked for lasts."""

    sync: int


class Said(NamedTuple):
    """Messages were acknowledged: these payloads may never be lost."""

    payloads: tuple[bytes, ...]


Operation = Write | Truncate | Bind | Unbind | SyncBegin | SyncEnd | Said


@dataclass(slots=True)
class _File:
    lasting: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)


class Disk:
    """The files of one folder.

    A sync of a file makes its content and its name last, as on ext4, XFS and btrfs; that another name is gone
    lasts only when the folder is synced.

    Examples
    --------
    >>> disk = Disk()
    >>> for operation in (Bind("a", 1), Write(1, 0, b"safe"), SyncBegin(1, 1), SyncEnd(1), Write(1, 4, b"!")):
    ...     disk.apply(operation)
    >>> {bytes(disk.after_power_cut(random.Random(seed))["a"]) for seed in range(20)} == {b"safe", b"safe!"}
    True
    """

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, list[int | None]] = {}
        self._asked: dict[int, tuple[int | None, int]] = {}

    def apply(self, operation: Operation) -> None:
        """Do what the process did."""
        match operation:
            case Write(file=file) | Truncate(file=file):
                self._files[file].pending.append(operation)
            case Bind(name=name, file=file):
                self._files.setdefault(file, _File())
                self._names.setdefault(name, [None]).append(file)
            case Unbind(name=name):
                self._names[name].append(None)
            case SyncBegin(sync=sync, file=file):
                self._asked[sync] = (file, 0 if file is None else len(self._files[file].pending))
            case SyncEnd(sync=sync):
                self._settle(*self._asked.pop(sync))

    def after_power_cut(self, rng: random.Random) -> dict[str, bytearray]:
        """Return what may be found in the folder when the power comes back."""
        share = rng.choice(KEPT_SHARES)
        found = {}
        for name, files in sorted(self._names.items()):
            file = rng.choice(files)
            if file is not None:
                found[name] = self._found(self._files[file], share, rng)
        return found

    @staticmethod
    def _found(file: _File, share: float, rng: random.Random) -> bytearray:
        content = bytearray(file.lasting)
        for change in file.pending:
            if isinstance(change, Write) and rng.random() < TORN_SHARE:
                for sector in _sectors(change):
                    if rng.random() < share:
                        _do(content, sector)
            elif rng.random() < share:
                _do(content, change)
        return content

    def _settle(self, file: int | None, count: int) -> None:
        if file is None:
            for name, files in self._names.items():
                self._names[name] = files[-1:]
            return
        settled = self._files[file]
        for change in settled.pending[:count]:
            _do(settled.lasting, change)
        del settled.pending[:count]
        for name, files in self._names.items():
            if files[-1] == file:
                self._names[name] = files[-1:]


def _do(content: bytearray, change: Write | Truncate) -> None:
    size = change.size if isinstance(change, Truncate) else change.offset + len(change.data)
    if len(content) < size:
        content.extend(bytes(size - len(content)))
    if isinstance(change, Truncate):
        del content[change.size :]
    else:
        content[change.offset : size] = change.data


def _sectors(write: Write) -> list[Write]:
    """The parts of a write that a disk keeps or loses whole."""
    parts, begin, end = [], write.offset, write.offset + len(write.data)
    while begin < end:
        until = min(end, (begin // SECTOR + 1) * SECTOR)
        parts.append(Write(write.file, begin, write.data[begin - write.offset : until - write.offset]))
        begin = until
    return parts
