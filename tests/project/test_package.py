"""The package that people install holds the four packages whole, and nothing else."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

PACKAGES = {"schemas", "detectors", "sinks", "pipeline"}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the files of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=60)
    (built,) = folder.glob("*.whl")
    return [Path(name) for name in ZipFile(built).namelist()]


def test_wheel_holds_every_file_of_the_packages(wheel: list[Path], project_files: list[Path]) -> None:
    """Migrations, type markers and data are installed too."""
    ours = {path for path in project_files if path.parts[0] in PACKAGES}
    assert len(ours) > len(PACKAGES)
    assert ours - set(wheel) == set()


def test_wheel_holds_nothing_else(wheel: list[Path]) -> None:
    """Tests and benchmarks stay in the checkout."""
    foreign = {path.parts[0] for path in wheel} - PACKAGES
    assert [name for name in foreign if not name.endswith(".dist-info")] == []
