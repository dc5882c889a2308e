import os
from pathlib import Path

import pytest

from pipeline.runtime import key_file
from pipeline.runtime.key_file import SecretFileError, read_secret

SECRET = b"only ours"
NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as it should be."""
    made = tmp_path / "secret"
    made.touch(0o600)
    made.write_bytes(SECRET)
    return made


def read(path: Path) -> bytes:
    """Read a secret."""
    return read_secret(path, "the secret", longest_bytes=100)


def test_a_secret_is_read_up_to_its_longest(path: Path) -> None:
    """What has no end is not read to its end."""
    assert read(path) == SECRET
    assert read_secret(path, "the secret", longest_bytes=4) == SECRET[:4]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_a_secret_that_others_can_get_at_is_refused(path: Path, mode: int) -> None:
    """Neither group nor others may read or write it; the words say what to do, and not the secret."""
    path.chmod(mode)
    with pytest.raises(SecretFileError, match=rf"chmod 600.*{mode:03o}") as caught:
        read(path)
    assert SECRET.decode() not in str(caught.value)


def test_a_secret_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns a file can change it, and could put another secret there."""
    found = os.stat_result((0o100600, 0, 0, 1, NOBODY, 0, len(SECRET), 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: found)
    with pytest.raises(SecretFileError, match=f"belong to root or to user .*got user {NOBODY}"):
        read(path)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert read(path) == SECRET


def test_a_secret_of_root_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may put it there for a service that runs as somebody else."""
    found = os.stat_result((0o100600, 0, 0, 1, 0, 0, len(SECRET), 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: found)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert read(path) == SECRET


def test_a_secret_of_a_container_is_taken_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the folder of secrets, which is mounted readable for all, mode and owner say nothing."""
    monkeypatch.setattr(key_file, "SECRETS", path.parent)
    path.chmod(0o444)
    assert read(path) == SECRET


def test_a_link_counts_as_what_it_leads_to(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to a container's secret is one, and a link from among them to elsewhere is none."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setattr(key_file, "SECRETS", folder)
    path.chmod(0o444)
    (folder / "outward").symlink_to(path)
    with pytest.raises(SecretFileError, match="chmod 600"):
        read(folder / "outward")
    inside = path.rename(folder / "inside")
    (tmp_path / "inward").symlink_to(inside)
    assert read(tmp_path / "inward") == SECRET


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, or a pipe without an end, is no secret."""
    with pytest.raises(SecretFileError, match="Is a directory"):
        read(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    writer = os.open(pipe, os.O_RDWR)
    with pytest.raises(SecretFileError, match="expected a file"):
        read(pipe)
    os.close(writer)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """It says where which secret was expected."""
    with pytest.raises(SecretFileError, match=r"expected the secret at .*none-there, got: No such file"):
        read(tmp_path / "none-there")
