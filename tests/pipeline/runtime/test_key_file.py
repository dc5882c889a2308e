import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipeline.runtime.key_file import KEY_BYTES, KeyFileError, load_key


def make(path: Path) -> bytes:
    """Load in a process of its own."""
    return load_key(path, create=True)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """The first start makes it, every later one reads the same; its folder is made too."""
    path = tmp_path / "keys" / "ha-ai.key"
    made = load_key(path, create=True)
    assert len(made) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [load_key(path, create=create) for create in (True, False)] == [made, made]
    assert bytes.fromhex(path.read_text().strip()) == made


def test_no_two_keys_are_the_same(tmp_path: Path) -> None:
    """Each is random."""
    assert len({load_key(tmp_path / str(number), create=True) for number in range(20)}) == 20


@pytest.mark.parametrize("round_number", range(5))
def test_processes_that_start_at_once_get_one_key(tmp_path: Path, round_number: int) -> None:
    """Whoever is first makes it, the others take it, and nothing else is left in the folder."""
    path = tmp_path / f"{round_number}.key"
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        keys = set(pool.map(make, [path] * 16))
    assert len(keys) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_key_is_said_where_it_is_not_to_be_made(tmp_path: Path) -> None:
    """Who only signs does not make a key that nobody knows."""
    path = tmp_path / "ha-ai.key"
    with pytest.raises(KeyFileError, match=r"expected the key .* got: No such file"):
        load_key(path, create=False)
    assert not path.exists()


def test_a_key_that_others_can_get_at_is_refused(tmp_path: Path) -> None:
    """It is as secret as the token; the words say what to do."""
    path = tmp_path / "ha-ai.key"
    load_key(path, create=True)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"chmod 600.*640"):
        load_key(path, create=True)


@pytest.mark.parametrize("content", [b"", b"\n", b"ab" * 31, b"ab" * 33, b"xy" * 32, b"\xff" * 64, bytes(32)])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """A short, long or empty key would sign nothing that counts; none is made in its place."""
    path = tmp_path / "ha-ai.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"^expected (64 hexadecimal digits|32 bytes)"):
        load_key(path, create=True)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Where no key can be made, the words name the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="expected to make a key"):
        load_key(tmp_path / "file" / "ha-ai.key", create=True)
