"""A disk after a power cut: what was synced is there, of the rest any part; and what a recording says."""

from pathlib import Path
from random import Random

from benchmarks.drills.disk import SECTOR, Bind, Disk, Operation, SyncBegin, SyncEnd, Unbind, Write
from benchmarks.drills.recording import read

SYNCED: tuple[Operation, ...] = (Bind("a", 1), Write(1, 0, b"safe"), SyncBegin(1, 1), SyncEnd(1))


def outcomes(*operations: Operation, seeds: int = 200) -> set[tuple[tuple[str, bytes], ...]]:
    """All that may be found after the operations, each as names with contents."""
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    found = (disk.after_power_cut(Random(seed)) for seed in range(seeds))
    return {tuple((name, bytes(content)) for name, content in each.items()) for each in found}


def test_what_was_synced_stays() -> None:
    """A synced write is always found, one after it may be or not."""
    assert outcomes(*SYNCED) == {(("a", b"safe"),)}
    assert outcomes(*SYNCED, Write(1, 4, b"!")) == {(("a", b"safe"),), (("a", b"safe!"),)}


def test_a_write_during_a_sync_may_be_lost() -> None:
    """A sync covers what was written before it was asked for."""
    during = (Bind("a", 1), SyncBegin(1, 1), Write(1, 0, b"x"), SyncEnd(1))
    assert (("a", b""),) in outcomes(*during)


def test_a_later_write_may_outlive_an_earlier_one() -> None:
    """Nothing keeps the order of writes that were not synced."""
    found = outcomes(*SYNCED, Write(1, 0, b"S"), Write(1, 3, b"E"))
    assert {dict(each)["a"] for each in found} == {b"safe", b"Safe", b"safE", b"SafE"}


def test_a_write_may_be_torn_at_a_sector() -> None:
    """Of a write that spans sectors one may be kept without the other, never half of one."""
    found = {dict(each)["a"] for each in outcomes(*SYNCED, Write(1, 0, b"x" * SECTOR + b"y" * SECTOR))}
    first = b"x" * SECTOR
    assert first in found
    assert all(content[:SECTOR] in (first, b"safe", b"safe" + bytes(SECTOR - 4)) for content in found)


def test_a_name_that_is_gone_may_come_back() -> None:
    """Without a sync of the folder the end of a name does not last."""
    assert outcomes(*SYNCED, Unbind("a")) == {(), (("a", b"safe"),)}
    assert outcomes(*SYNCED, Unbind("a"), SyncBegin(2, None), SyncEnd(2)) == {()}


def hexed(text: str) -> str:
    """As strace writes strings and paths."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_a_call_that_another_thread_interrupts_counts_from_beginning_to_end(tmp_path: Path) -> None:
    """A write counts when it begins, a sync from when it ends; elsewhere and shared memory do not count."""
    path, elsewhere = hexed("/store/a"), hexed("/elsewhere/a")
    lines = [
        f'1 openat(AT_FDCWD<{hexed("/")}>, "{path}", O_RDWR|O_CREAT, 0644) = 3<{path}>',
        f'1 pwrite64(3<{path}>, "{hexed("ab")}", 2, 4096) = 2',
        f'1 pwrite64(4<{elsewhere}>, "{hexed("ab")}", 2, 0) = 2',
        f'1 pwrite64(5<{path}{hexed("-shm")}>, "{hexed("ab")}", 2, 0) = 2',
        f"1 fdatasync(3<{path}> <unfinished ...>",
        f'2 pwrite64(3<{path}>, "{hexed("cd")}", 2, 8192 <unfinished ...>',
        "1 <... fdatasync resumed>) = 0",
        "2 <... pwrite64 resumed>) = 2",
    ]
    (tmp_path / "1.strace").write_text("\n".join(lines) + "\n")
    assert list(read(tmp_path, Path("/store"))) == [
        Bind("a", 1),
        Write(1, 4096, b"ab"),
        SyncBegin(1, 1),
        Write(1, 8192, b"cd"),
        SyncEnd(1),
    ]
