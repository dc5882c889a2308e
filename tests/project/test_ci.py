"""CI runs everything, and sees what did not run."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

SKIPPING = """
import pytest

@pytest.mark.mosquitto
def test_absent():
    pytest.skip("mosquitto is not installed")

@pytest.mark.mosquitto
@pytest.mark.skipif(True, reason="mosquitto is too old")
def test_condition():
    pass

@pytest.mark.mosquitto
def test_without_meaning():
    pytest.skip("not applicable: this release has no such setting")

@pytest.mark.mosquitto
@pytest.mark.xfail(strict=True)
def test_known_defect():
    raise AssertionError

def test_unmarked():
    pytest.skip("needs something else")
"""


@pytest.fixture
def outcome(root: Path, tmp_path: Path) -> dict[str, dict[str, int]]:
    """Return how tests that skip come out, by what the environment requires."""
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(root / "pyproject.toml"),
    ]
    outcomes = {}
    for required in ("", "mosquitto homeassistant"):
        environment = {**os.environ, "HA_AI_TEST_REQUIRE": required}
        done = subprocess.run(
            [*command, "--rootdir", str(tmp_path), str(tmp_path)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        counts = done.stdout.splitlines()[-1].partition(" in ")[0].split(", ")
        outcomes[required] = {what: int(number) for number, what in (count.split() for count in counts)}
    return outcomes


def test_what_is_required_fails_instead_of_skipping(outcome: dict[str, dict[str, int]]) -> None:
    """Where CI requires mosquitto, its absence is a failure; what has no meaning there stays a skip."""
    assert outcome[""] == {"skipped": 4, "xfailed": 1}
    assert outcome["mosquitto homeassistant"] == {"failed": 1, "error": 1, "skipped": 2, "xfailed": 1}


def test_ci_requires_markers_that_exist(root: Path, pyproject: Mapping[str, Any]) -> None:
    """A marker that CI requires is one that tests can bear."""
    script = (root / ".ci" / "run").read_text()
    required = script.partition('HA_AI_TEST_REQUIRE="')[2].partition('"')[0].split()
    markers = {line.partition(":")[0] for line in pyproject["tool"]["pytest"]["ini_options"]["markers"]}
    assert required
    assert set(required) <= markers


def test_ci_ends_with_the_command_that_people_run(root: Path) -> None:
    """CI runs `make check` last, which leaves no test out, and then no summary hides another."""
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make check"
    subprocess.run(["bash", "-n", str(script)], check=True)
    dry = ["make", "--no-print-directory", "--dry-run", "check"]
    recipe = subprocess.run(dry, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in recipe if "pytest" in line] == [".venv/bin/pytest --numprocesses=6"]
    assert ".venv/bin/lint-imports" in recipe


def test_pre_commit_fetches_nothing(root: Path) -> None:
    """Every hook is local and runs what is installed."""
    path = root / ".pre-commit-config.yaml"
    subprocess.run([Path(sys.executable).parent / "pre-commit", "validate-config", str(path)], check=True)
    repositories = yaml.safe_load(path.read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    languages = {hook["language"] for repository in repositories for hook in repository["hooks"]}
    assert languages <= {"system", "pygrep"}
