"""The administrator's token is read from a file that nobody else can read."""

from pathlib import Path

import pytest

from pipeline.deploy.token import LARGEST_BYTES, TokenFileError, read_token

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.abc-_123"  # noqa: S105 nobody's


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as it should be."""
    made = tmp_path / "token"
    made.touch(0o600)
    made.write_text(f"{TOKEN}\n")
    return made


def test_a_token_is_read_without_its_line_end(path: Path) -> None:
    """Editors end a file with a new line."""
    assert read_token(path) == TOKEN


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    """It is as secret as the key; the words say what to do."""
    path.chmod(0o640)
    with pytest.raises(TokenFileError, match=r"chmod 600.*got mode"):
        read_token(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """It says where a token was expected."""
    with pytest.raises(TokenFileError, match="none-there"):
        read_token(tmp_path / "none-there")


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe", b"a\x00b"])
def test_what_is_no_token_is_refused_without_being_shown(path: Path, content: bytes) -> None:
    """It could be one in which a character is wrong."""
    path.write_bytes(content)
    with pytest.raises(TokenFileError, match="nothing of that form") as caught:
        read_token(path)
    assert "two words" not in str(caught.value)


def test_a_file_without_end_is_not_read_to_its_end(path: Path) -> None:
    """A device in place of the file costs no memory."""
    path.write_text("x" * (2 * LARGEST_BYTES))
    assert len(read_token(path)) == LARGEST_BYTES
