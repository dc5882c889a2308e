"""What every file of the project keeps to: it names no package registry and no path of one machine."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REGISTRIES = [
    ".".join(labels)
    for labels in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("crates", "io"),
        ("anaconda", "org"),
    ]
]
REGISTRY = re.compile("|".join(re.escape(host) for host in REGISTRIES))
MACHINE_PATH = re.compile(r"(?<![\w./}~*-])/(?:work|root|Users|tmp/\w|home/\w+/)[\w./-]*")


def found(pattern: re.Pattern[str], root: Path, files: list[Path]) -> Iterator[str]:
    """Yield where the pattern stands in the text files."""
    for path in files:
        content = (root / path).read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
            if match := pattern.search(line):
                yield f"{path}:{number}: {match[0]}"


def test_no_file_names_a_package_registry(root: Path, project_files: list[Path]) -> None:
    """Packages and images come through whatever index or mirror a machine is set up with."""
    assert list(found(REGISTRY, root, project_files)) == []


def test_no_file_names_a_path_of_one_machine(root: Path, project_files: list[Path]) -> None:
    """A fresh checkout on another machine finds all that the files name."""
    assert list(found(MACHINE_PATH, root, project_files)) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, f"registry+https://{REGISTRIES[0]}/simple"),
        (REGISTRY, f"image: {REGISTRIES[4]}/home-assistant/home-assistant:stable"),
        (MACHINE_PATH, 'open("/ro' + 'ot/ha.db")'),
        (MACHINE_PATH, "see /wo" + "rk/other/notes.md"),
        (MACHINE_PATH, "/ho" + "me/somebody/ha-ai"),
    ],
)
def test_the_patterns_catch_what_they_are_for(pattern: re.Pattern[str], line: str, tmp_path: Path) -> None:
    """A file with such a line is found, with its place."""
    (tmp_path / "notes.md").write_text(f"good\n{line}\n")
    assert [hit.rpartition(": ")[0] for hit in found(pattern, tmp_path, [Path("notes.md")])] == ["notes.md:2"]
