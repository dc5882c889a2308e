"""Saboteurs of tests: each leaves something behind, or reaches out, and is found out."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import asyncio, socket, threading, time\nkept = []\n"
SABOTEURS = {
    "left behind: socket": "def test_it(): kept.append(socket.socket())",
    "left behind: thread idle": """
def test_it():
    kept.append(threading.Event())
    threading.Thread(target=kept[0].wait, name="idle", daemon=True).start()
""",
    "left behind: <Task pending": "async def test_it(): kept.append(asyncio.create_task(asyncio.sleep(60)))",
    "left behind: <TimerHandle": "async def test_it(): asyncio.get_running_loop().call_later(60, print)",
    "expected connections to this machine alone, got 192.0.2.1": """
async def test_it():
    try:
        await asyncio.open_connection("192.0.2.1", 80)
    except Exception:
        pass
""",
}
HONEST = """
import pytest

@pytest.fixture
def shared():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        one.listen()
        other.connect(one.getsockname())
        yield other

def test_sync(shared): pass

async def test_async(shared):
    task = asyncio.create_task(asyncio.sleep(0.01))
    await asyncio.wait_for(task, 5)
    await asyncio.to_thread(time.sleep, 0.001)
    asyncio.get_running_loop().call_later(60, print).cancel()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    writer.close()
    server.close()

@pytest.mark.asyncio(loop_scope="module")
async def test_of_a_lasting_loop(): kept.append(asyncio.create_task(asyncio.sleep(60)))
"""


def outcome(root: Path, folder: Path, text: str) -> str:
    """Run tests under the conftest of all, and return what pytest says."""
    (folder / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (folder / "test_saboteur.py").write_text(HEAD + text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c"]
    run = [*command, str(root / "pyproject.toml"), "--rootdir", str(folder), str(folder)]
    return subprocess.run(run, cwd=root, capture_output=True, text=True, check=False, timeout=120).stdout


@pytest.mark.parametrize(("said", "text"), SABOTEURS.items(), ids=lambda each: each.split(" ")[-1][:12])
def test_what_is_left_behind_is_said(root: Path, tmp_path: Path, said: str, text: str) -> None:
    """And is an error of its test."""
    found = outcome(root, tmp_path, text)
    assert said in found, found
    assert "1 passed, 1 error" in found


def test_what_is_closed_is_no_fault(root: Path, tmp_path: Path) -> None:
    """Nor what belongs to an event loop that outlives the test."""
    found = outcome(root, tmp_path, HONEST)
    assert "3 passed" in found, found
    assert "error" not in found
