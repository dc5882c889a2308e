"""What a process does to its disk and says to its broker, recorded system call by system call."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mqtt5

from benchmarks.drills.disk import Bind, Operation, Said, SyncBegin, SyncEnd, Truncate, Unbind, Write
from pipeline.mqtt.broker.packets import PacketReader

STRACE = "strace"
CALLS = (
    "openat,pwrite64,pwritev,write,writev,fsync,fdatasync,sync_file_range,ftruncate,truncate,mmap,"
    "unlink,unlinkat,rename,renameat,renameat2,sendto,sendmsg,recvfrom,recvmsg"
)
LONGEST = 4_000_000
# What is memory-mapped is of no use after a power cut, and SQLite does not need it then.
SHARED_MEMORY = "-shm"
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)$", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(?:<((?:\\x..)*)>)?", re.DOTALL)
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_LAST_NUMBER = re.compile(r", (\d+)(?:\)\s+= .*)?$", re.DOTALL)
_OF = re.compile(r"^\d+<((?:\\x..)*)>(\(deleted\))?")


class UnknownCallError(Exception):
    """The process changed its store in a way that the recording does not model."""


def recorded(command: Sequence[str], logs: Path) -> tuple[str, ...]:
    """Return a command that does the same under strace, with a log in `logs` for every start.

    The process keeps the id and the signals that it would have; the tracer is no child of its parent.
    """
    options = f"-D -f -y -xx -s {LONGEST} --seccomp-bpf -e signal=none -e trace={CALLS}"
    words = f'exec {STRACE} {options} -o "$0/$(date +%s%N).strace" "$@"'
    return ("sh", "-c", words, str(logs), *command)


def read(logs: Path, folder: Path) -> Iterator[Operation]:
    """Yield what all starts did to the files of a folder and acknowledged to the broker, in order."""
    names = Names(folder)
    for log in sorted(logs.glob("*.strace")):
        with log.open(encoding="ascii", errors="replace") as lines:
            names.forget_descriptors()
            yield from names.operations(lines)


@dataclass
class Conversation:
    """One connection to the broker: which messages came, and which of them were acknowledged."""

    incoming: PacketReader = field(default_factory=lambda: PacketReader(max_packet_size=2_000_000))
    outgoing: PacketReader = field(default_factory=lambda: PacketReader(max_packet_size=2_000_000))
    under_way: dict[int, bytes] = field(default_factory=dict)
    is_mqtt: bool | None = None

    def hear(self, received: bytes) -> None:
        """Remember what the broker delivered."""
        if self.is_mqtt:
            for packet in self.incoming.feed(received):
                if isinstance(packet, mqtt5.PublishPacket) and packet.packet_id is not None:
                    self.under_way[packet.packet_id] = packet.payload

    def say(self, sent: bytes) -> list[bytes]:
        """Return the payloads that are acknowledged by what is sent."""
        if self.is_mqtt is None:
            self.is_mqtt = sent[:1] == b"\x10"  # CONNECT
        if not self.is_mqtt:
            return []
        packets = self.outgoing.feed(sent)
        acknowledged = [packet.packet_id for packet in packets if isinstance(packet, mqtt5.PubAckPacket)]
        return [self.under_way.pop(packet_id) for packet_id in acknowledged if packet_id in self.under_way]


class Names:
    """Which file each name of a folder stands for, as calls change it.

    Parameters
    ----------
    folder
        The store's; what is elsewhere is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._files: dict[str, int] = {}
        self._made = 0
        self._syncs = 0
        self._ends: dict[str, int] = {}
        self._conversations: dict[str, Conversation] = {}

    def forget_descriptors(self) -> None:
        """Another process begins: it has none of the open files and connections."""
        self._ends.clear()
        self._conversations.clear()

    def operations(self, lines: Iterable[str]) -> Iterator[Operation]:
        """Yield what the lines of one log tell; a call takes effect when it begins, a sync when it ends."""
        begun: dict[str, tuple[str, int]] = {}
        for line in lines:
            thread, _, text = line.rstrip("\n").partition(" ")
            text = text.lstrip()
            if text.endswith(_UNFINISHED):
                text = text.removesuffix(_UNFINISHED)
                begun[thread] = (text, self._syncs)
                yield from self._begin(text)
            elif (resumed := _RESUMED.match(text)) and thread in begun:
                head, sync = begun.pop(thread)
                yield from self._end(head + resumed[1], sync)
            elif text[0].isalpha():
                sync = self._syncs
                yield from self._begin(text)
                yield from self._end(text, sync)

    def _begin(self, text: str) -> Iterator[Operation]:
        name, _, words = text.partition("(")
        if name in ("sendto", "sendmsg", "write", "writev") and "<\\x73\\x6f\\x63\\x6b" in words[:40]:
            yield from self._said(words)
        elif name in ("fsync", "fdatasync") and (path := self._path(words)) is not None:
            self._syncs += 1
            yield SyncBegin(self._syncs, self._files.get(path) if path else None)
        elif name in ("pwrite64", "write") and (path := self._path(words)):
            yield from self._written(name, words, path)
        elif name == "ftruncate" and (path := self._path(words)):
            yield Truncate(self._files[path], _last_number(words))
        elif name in ("pwritev", "writev", "sync_file_range", "truncate") and self._path(words):
            raise UnknownCallError(text[:200])

    def _end(self, text: str, sync: int) -> Iterator[Operation]:
        call = _CALL.match(text)
        if call is None or int(call[3]) < 0:
            return
        name, words = call[1], call[2]
        if name in ("fsync", "fdatasync") and self._path(words) is not None:
            yield SyncEnd(sync + 1)
        elif name in ("recvfrom", "recvmsg"):
            self._heard(words)
        elif name == "openat" and "O_RDONLY" not in words:
            yield from self._opened(words)
        elif name.startswith(("unlink", "rename")):
            yield from self._named(name, words)
        elif name == "mmap" and "PROT_WRITE" in words and "MAP_SHARED" in words:
            self._check_map(words)

    def _path(self, words: str) -> str | None:
        """The name within the folder of the file that the first word stands for; "" for the folder itself."""
        found = _OF.match(words)
        return None if found is None or found[2] else self._inside(_bytes(found[1]).decode(errors="replace"))

    def _inside(self, path: str) -> str | None:
        if path == self._folder:
            return ""
        name = path.removeprefix(self._folder + "/")
        is_ours = path.startswith(self._folder + "/") and not name.endswith(SHARED_MEMORY)
        return name if is_ours else None

    def _opened(self, words: str) -> Iterator[Operation]:
        name = self._inside(_strings(words)[0].decode())
        if not name:
            return
        self._ends[name] = 0
        if name not in self._files and "O_CREAT" in words:
            self._made += 1
            self._files[name] = self._made
            yield Bind(name, self._made)
        elif "O_TRUNC" in words:
            yield Truncate(self._files[name], 0)

    def _written(self, call: str, words: str, name: str) -> Iterator[Operation]:
        data = _strings(words)[0]
        if call == "pwrite64":
            offset = _last_number(words)
        else:
            offset = self._ends.get(name, 0)
            self._ends[name] = offset + len(data)
        yield Write(self._files[name], offset, data)

    def _named(self, call: str, words: str) -> Iterator[Operation]:
        names = [self._inside(path.decode()) for path in _strings(words)]
        file = self._files.pop(names[0], None) if names[0] else None
        if names[0] and file is not None:
            yield Unbind(names[0])
        if call.startswith("rename") and names[1]:
            if file is None:
                raise UnknownCallError(f"a file from elsewhere became {names[1]}")
            self._files[names[1]] = file
            yield Bind(names[1], file)

    def _check_map(self, words: str) -> None:
        found = re.search(r"\d+<((?:\\x..)*)>", words)
        if found and self._inside(_bytes(found[1]).decode(errors="replace")):
            raise UnknownCallError("the store's file is written through memory")

    def _conversation(self, words: str) -> Conversation:
        found = _OF.match(words)
        return self._conversations.setdefault(found[1] if found else "", Conversation())

    def _heard(self, words: str) -> None:
        if strings := _strings(words):
            self._conversation(words).hear(strings[0])

    def _said(self, words: str) -> Iterator[Operation]:
        acknowledged = self._conversation(words).say(b"".join(_strings(words)))
        if acknowledged:
            yield Said(tuple(acknowledged))


def _last_number(words: str) -> int:
    found = _LAST_NUMBER.search(words)
    if found is None:
        raise UnknownCallError(words[-200:])
    return int(found[1])


def _strings(words: str) -> list[bytes]:
    return [_bytes(found) for found in _STRING.findall(words)]


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))
