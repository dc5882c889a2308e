"""Tests that wait for each other's sake are one queue, and the rest goes by files."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ports
from benchmarks.ports import EACH, PortRange
from tests.side_by_side import REAL_TIME, queue_of

TEST = """
import os, time

def test_{name}():
    time.sleep(0.1)
    with open("{log}", "a") as log:
        print("{name}", os.environ["PYTEST_XDIST_WORKER"], file=log)
"""
FILES = {
    "tests/pipeline/core/test_plain.py": "abc",
    "tests/pipeline/runtime/test_rival.py": "rs",
    "tests/pipeline/timing/test_waiting.py": "tu",
    "tests/schemas/test_plain.py": "xyz",
}


def test_queues_begin_and_files_stay_together(tmp_path: Path, root: Path) -> None:
    """One worker has a queue's tests, of whatever file, and one the tests of a file that is in none."""
    log = tmp_path / "log"
    for name, tests in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("".join(TEST.format(name=test, log=log) for test in tests))
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses=2"]
    run = [*command, "-c", str(root / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(run, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert "10 passed" in done.stdout, done.stdout
    ran = [line.split() for line in log.read_text().splitlines()]
    assert next(name for name, _ in ran if name in "rx") == "r"
    for together in ("abc", "rstu", "xyz"):
        assert len({worker for name, worker in ran if name in together}) == 1
    assert len({worker for _, worker in ran}) == 2


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("tests/homeassistant/test_run.py::test_journal[2024.3]", "homeassistant-2024.3"),
        ("tests/homeassistant/test_validity.py::test_taken[2025.4-light-on]", "homeassistant-2025.4"),
        ("tests/homeassistant/test_validity.py::test_taken[light-2025.4-on]", "homeassistant-2025.4"),
        ("tests/homeassistant/test_wire.py::test_words[2-3]", None),
        ("tests/drills/test_drills.py::test_small[kill9]", "drills"),
        ("tests/pipeline/runtime/test_rival.py::test_one", "realtime"),
        ("tests/pipeline/runtime/test_ownership_machine.py::TestOwners::runTest", None),
        ("tests/broker/test_clients.py::test_version[2024.3]", None),
    ],
)
def test_a_queue_follows_from_the_name(name: str, queue: str | None) -> None:
    """Home Assistant's by version, of whatever parameters it is one."""
    assert queue_of(name) == queue


def test_what_is_for_the_night_is_left_out(tmp_path: Path, root: Path) -> None:
    """With each change, but neither at night nor where it is asked for."""
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    test = "import pytest\ndef test_a(): pass\n@pytest.mark.nightly\ndef test_b(): pass\n"
    (tmp_path / "test_night.py").write_text(test)
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

    def outcome(*words: str, profile: str = "quick") -> str:
        run = [*command, "--rootdir", str(tmp_path), str(tmp_path), *words]
        environment = {**os.environ, "HYPOTHESIS_PROFILE": profile}
        return subprocess.run(
            run, cwd=root, capture_output=True, text=True, check=True, env=environment
        ).stdout

    assert "1 passed, 1 deselected" in outcome()
    assert "2 passed" in outcome(profile="long")
    assert "1 passed, 1 deselected" in outcome("-m", "nightly")


def test_what_goes_by_real_time_is_there(root: Path) -> None:
    """No file is in the queue that has moved."""
    named = re.findall(r"[\w/]+/test_\w+", REAL_TIME.pattern)
    assert len(named) == REAL_TIME.pattern.count("test_")
    assert [name for name in named if not (root / "tests" / "pipeline" / f"{name}.py").is_file()] == []


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges beside those that tests of this machine claim."""
    monkeypatch.setattr(ports, "FIRST", 32_100)
    monkeypatch.setattr(ports, "LAST", 32_700)


@pytest.mark.usefixtures("_elsewhere")
def test_nobody_claims_a_port_of_anothers_range(tmp_path: Path) -> None:
    """While it is claimed; each port of a range is given once before the first comes again."""
    one, other = PortRange(tmp_path), PortRange(tmp_path)
    assert set(one.ports).isdisjoint(other.ports)
    assert len({one.take() for _ in range(EACH // 2)}) == EACH // 2
    one.release()
    again = PortRange(tmp_path)
    assert again.ports == one.ports
    again.release()
    other.release()


@pytest.mark.usefixtures("_elsewhere")
def test_a_port_on_which_somebody_listens_is_passed_over(tmp_path: Path) -> None:
    """And where somebody listens on all of them it is said."""
    mine = PortRange(tmp_path, size=2)
    first, second = mine.ports
    with socket.socket() as listener, socket.socket() as another:
        listener.bind(("127.0.0.1", first))
        listener.listen()
        assert [mine.take(), mine.take()] == [second, second]
        another.bind(("127.0.0.1", second))
        another.listen()
        with pytest.raises(RuntimeError, match=f"nobody listens from {first} to {second}"):
            mine.take()
    mine.release()
