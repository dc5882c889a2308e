import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

START_TIMEOUT_S = 60.0


@pytest.fixture
def demo(tmp_path: Path) -> list[str | Path]:
    """The command, which finds a `.env` that would lead it to a broker and a store of somebody else."""
    (tmp_path / ".env").write_text(
        "HA_AI_MQTT_URL=mqtt://127.0.0.1:1\nHA_AI_DATABASE_URL=sqlite:///other.db\n"
    )
    return [Path(sys.executable).with_name("ha-ai"), "demo", "--days", "5"]


def environment(tmp_path: Path) -> dict[str, str]:
    """One whose settings would lead elsewhere, and whose temporary directory can be looked at."""
    (tmp_path / "temporary").mkdir()
    elsewhere = {"MQTT_BROKER": "elsewhere.invalid", "HA_AI_HOME": "villa"}
    return {**os.environ, **elsewhere, "TMPDIR": str(tmp_path / "temporary")}


def test_finds_what_was_planted_and_leaves_nothing(tmp_path: Path, demo: list[str | Path]) -> None:
    """Patterns with evidence and strip, then what was planted and found, then suggestions; no file stays."""
    outcome = subprocess.run(
        demo,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert "Seen " in outcome.stdout
    assert "0 s ·" in outcome.stdout
    assert found("Habits", outcome.stdout) >= 5
    assert found("Pairs", outcome.stdout) >= 2
    assert "none taken for a habit" in outcome.stdout
    assert suggested(outcome.stdout) == 3
    assert "Where to look next" in outcome.stdout
    assert "that lasts" not in outcome.stdout.partition(" messages of ")[0]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "temporary"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_when_interrupted(
    tmp_path: Path, demo: list[str | Path], number: signal.Signals
) -> None:
    """Interrupted in the middle, it takes its broker and its files with it."""
    with subprocess.Popen(
        demo, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        children = wait_for_store(process.pid, tmp_path / "temporary")
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert not any(child.is_running() for child in children)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_ends_cleanly_while_automations_are_tried(tmp_path: Path, demo: list[str | Path]) -> None:
    """Interrupted at its end, it takes the process along in which automations are tried."""
    with subprocess.Popen(
        [*demo[:2], "--days", "2"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        trying = wait_for_child(process.pid, "pipeline.backtest.backtest_worker")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert not trying.is_running()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_kept_store_can_be_read(tmp_path: Path, demo: list[str | Path]) -> None:
    """With `--keep` the store stays, and `patterns` shows what is in it."""
    env = environment(tmp_path)
    subprocess.run(
        [*demo, "--keep", "kept"], cwd=tmp_path, env=env, capture_output=True, timeout=120, check=True
    )
    listed = subprocess.run(
        [demo[0], "patterns", "--json"],
        cwd=tmp_path / "kept",
        env=env | {"HA_AI_HOME": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "binary_sensor.pantry_door" in listed.stdout


def found(what: str, said: str) -> int:
    """How many habits or pairs that were planted were found."""
    counted = re.search(rf"{what} that were planted: (\d+) of \d+ found", said)
    assert counted is not None
    return int(counted[1])


def suggested(said: str) -> int:
    """How many suggestions stand in their place, each with its proof below it."""
    _, _, after = said.partition("Automations that it would suggest now, each tried on these days\n")
    offers, _, _ = after.partition("  Nothing runs before")
    return len(
        re.findall(r"^ {6}\S.+\n {6}It would have run \d+ times in the last \d days", offers, re.MULTILINE)
    )


def wait_for_child(pid: int, module: str) -> psutil.Process:
    """Wait until a process runs that module; return it."""
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at:
        for child in psutil.Process(pid).children():
            with contextlib.suppress(psutil.Error):
                if module in child.cmdline():
                    return child
        time.sleep(0.01)
    raise AssertionError(f"nothing runs {module}")


def wait_for_store(pid: int, directory: Path) -> list[psutil.Process]:
    """Wait until the pipeline works on its store; return the demonstration's own processes."""
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not list(directory.glob("*/ha-ai.db-wal")):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    children = psutil.Process(pid).children(recursive=True)
    assert children
    return children
