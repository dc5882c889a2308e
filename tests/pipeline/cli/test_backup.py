"""`backup`, `restore` and `check` as a person meets them, and a home that moves to another machine."""

import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.signing import new_command, verified
from pipeline.runtime.key_file import load_key
from pipeline.runtime.nonces import new_nonce
from schemas.commands import Verb
from schemas.deployments import Deployment
from schemas.events import StateChange
from sinks.store import SqlStore, replacing
from sinks.store.backup import backups

Command = Any


def learned(path: Path = Path("ha-ai.db"), *, batches: int = 3) -> None:
    """A store with something in it."""
    store = SqlStore(f"sqlite:///{path}")
    store.migrate()
    with store.begin() as transaction:
        for batch in range(batches):
            change = StateChange(batch, "light.a", None, "on")
            transaction.journal([(change.key, change)], 1)
    store.close()


def journal(path: Path = Path("ha-ai.db")) -> int:
    """How many rows the journal has."""
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("SELECT count(*) FROM journal").fetchone()[0]
    return found


@contextmanager
def in_folder(path: Path) -> Iterator[Path]:
    """Work there."""
    before = Path.cwd()
    path.mkdir()
    os.chdir(path)
    try:
        yield path
    finally:
        os.chdir(before)


@pytest.fixture
def made(ha_ai: Command) -> Callable[..., Path]:
    """Make a backup; return its file."""

    def make(*words: object) -> Path:
        outcome = ha_ai("backup", *words)
        assert outcome.code == 0, outcome.err
        return Path(outcome.out.strip()).absolute()

    return make


def test_a_home_moves_to_another_machine(
    ha_ai: Command, made: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder it finds what it knew, its settings, and the key with which it signs."""
    Path("home.json").write_text(json.dumps({"id": "cabin", "tz": "Europe/Berlin", "lat": 1, "lon": 2}))
    Path(".env").write_text("HA_AI_MQTT_PASSWORD=it's\nHA_AI_HOME_FILE=home.json\nHA_AI_RETAIN_DAYS=60\n")
    key = load_key(Path("ha-ai.key"), create=True)
    learned()
    copy = made()
    with in_folder(tmp_path / "elsewhere") as elsewhere:
        monkeypatch.setattr("sys.stdin", None)
        outcome = ha_ai("restore", copy, "--settings", "--yes")
        assert outcome.code == 0, outcome.err
        assert "home cabin" in outcome.out
        assert journal() == 3
        assert Path("home.json").read_text() == (tmp_path / "home.json").read_text()
        assert Path(".env").read_text().splitlines() == [
            "HA_AI_HOME_FILE='home.json'",
            "HA_AI_MQTT_PASSWORD='it\\'s'",
            "HA_AI_RETAIN_DAYS='60'",
        ]
        assert {stat.S_IMODE(path.stat().st_mode) for path in elsewhere.iterdir()} == {0o600}
        command = new_command(new_nonce(), Verb.REJECT, ("0123456789abcdef", "0" * 64), "anna", key, 1_000)
        moved = load_key(Path("ha-ai.key"), create=False)
        assert verified(command.model_dump_json().encode(), Verb.REJECT, moved, 2_000) == command
        assert ha_ai("check").code == 0


def test_secrets_can_be_left_out(made: Callable[..., Path], ha_ai: Command, tmp_path: Path) -> None:
    """Then neither key nor password are in it, and the terminal says so; else it says that they are."""
    learned()
    load_key(Path("ha-ai.key"), create=True)
    Path(".env").write_text("HA_AI_MQTT_PASSWORD=canary-password\n")
    bare = made("bare.zip", "--without-secrets")
    with in_folder(tmp_path / "unpacked") as folder:
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(bare), "."], check=True)
        assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "settings.env", "store.db"]
        assert "canary" not in Path("settings.env").read_text()
    assert "no key, password or token" in ha_ai("backup", "--without-secrets").err
    assert "the key that signs commands" in ha_ai("backup").err


def test_what_is_there_is_shown_and_kept(ha_ai: Command, made: Callable[..., Path]) -> None:
    """Before it replaces anything it names what was deployed since; afterwards where the old store lies."""
    learned()
    copy = made()
    store = SqlStore("sqlite:///ha-ai.db")
    with store.begin() as transaction:
        for name, standing in (("since", 1), ("never", 0)):
            deployment = Deployment(name, f"haai_{name}", standing, standing, "stands", 0, "{}", 1)
            transaction.suggestions.deploy(deployment)
    store.close()
    learned(batches=5)
    outcome = ha_ai("restore", copy, "--yes")
    assert "1 automation deployed since then will go on running" in outcome.out
    assert "haai_since" in outcome.out
    assert "haai_never" not in outcome.out
    assert journal() == 3
    aside = next(path for path in Path().glob("ha-ai.db.before-*Z"))
    assert str(aside) in outcome.out
    assert journal(aside) == 5


@pytest.mark.parametrize("answer", ["n", "", "yes"])
def test_a_person_is_asked(
    ha_ai: Command, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Whatever is no yes leaves everything as it was."""
    learned()
    copy = made()
    learned(batches=5)
    before = sorted(path.name for path in Path().iterdir())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    outcome = ha_ai("restore", copy)
    assert (outcome.code, journal()) == ((0, 3) if answer == "yes" else (1, 5))
    if answer != "yes":
        assert sorted(path.name for path in Path().iterdir()) == before


def test_nobody_to_ask_is_said(ha_ai: Command, made: Callable[..., Path]) -> None:
    """A script has to say --yes."""
    learned()
    outcome = ha_ai("restore", made())
    assert outcome.code == 2
    assert "say --yes" in outcome.err


def test_a_store_that_somebody_has_open_is_not_replaced(ha_ai: Command, made: Callable[..., Path]) -> None:
    """Whatever the lease says; and a backup of it can be made."""
    learned()
    holder = (
        "import sqlite3, sys; c = sqlite3.connect('ha-ai.db'); c.execute('SELECT 1 FROM journal').fetchone();"
        "print('open', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", holder], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        copy = made()
        outcome = ha_ai("restore", copy, "--yes")
        process.communicate()
    assert outcome.code == 2
    assert "a process has it open: stop `ha-ai run`" in outcome.err
    assert ha_ai("restore", copy, "--yes").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.zip"], "expected a backup at missing.zip, got: No such file"),
        (["ha-ai.db"], "expected a whole backup at ha-ai.db"),
    ],
)
def test_what_is_no_backup_is_refused(ha_ai: Command, words: list[str], said: str) -> None:
    """With what was expected, and no traceback."""
    learned()
    outcome = ha_ai("restore", *words, "--yes")
    assert outcome.code == 2
    assert f"nothing was restored: {said}" in outcome.err
    assert "Traceback" not in outcome.err


def test_another_homes_backup_is_refused(
    ha_ai: Command, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home would not find itself in it."""
    learned()
    copy = made()
    monkeypatch.setenv("HA_AI_HOME", "cabin")
    outcome = ha_ai("restore", copy, "--yes")
    assert (outcome.code, "got one of home: set HA_AI_HOME=home" in outcome.err) == (2, True)


def test_a_restore_that_finds_no_room_half_way_is_gone_on_with(
    ha_ai: Command, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not say that nothing was restored, and what it needs to go on stays there."""
    load_key(Path("ha-ai.key"), create=True)
    learned()
    copy = made()
    Path("ha-ai.key").write_text("another")
    learned(batches=5)
    keep = replacing._keep

    def full(path: Path, aside: Path) -> None:
        if path.name == "ha-ai.db":
            raise OSError(errno.ENOSPC, "No space left on device", str(aside))
        keep(path, aside)

    with monkeypatch.context() as disk:
        disk.setattr(replacing, "_keep", full)
        outcome = ha_ai("restore", copy, "--yes")
        said = " ".join(outcome.err.split())
        assert (outcome.code, "nothing was restored" in said) == (2, False)
        assert "No space left on device; mend that, then the next start or restore goes on with it" in said
    assert replacing.go_on(Path("ha-ai.db")) is None
    assert journal() == 3


def test_of_two_restores_in_a_second_both_keep_what_was_there(
    ha_ai: Command, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the name taken."""
    learned()
    copy = made()
    monkeypatch.setattr("sinks.store.backup.stamp", lambda: "20261021T120000Z")
    for batches in (4, 5):
        learned(batches=batches)
        assert ha_ai("restore", copy, "--yes").code == 0
    kept = [Path(f"ha-ai.db.before-20261021T120000Z{end}") for end in ("", "-1")]
    assert [journal(path) for path in kept] == [4, 5]


def test_postgresql_has_its_own_tools(ha_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to use is named, the password is not."""
    monkeypatch.setenv("HA_AI_DATABASE_URL", "postgresql+psycopg://me:secret@db.lan/homes")
    for words in (["backup"], ["restore", "x.zip"]):
        outcome = ha_ai(*words)
        assert outcome.code == 2
        assert "pg_dump --format=custom --file=ha-ai.dump --host=db.lan --username=me homes" in outcome.err
        assert "secret" not in outcome.err


def test_check_finds_what_is_damaged(ha_ai: Command, made: Callable[..., Path]) -> None:
    """Store and backups, each with what to do; the exit code is 1 when something is wrong."""
    learned()
    load_key(Path("ha-ai.key"), create=True)
    good = made()
    assert ha_ai("check", "--full").code == 0
    bad = made()
    bad.write_bytes(bad.read_bytes()[:-9])
    outcome = ha_ai("check", "--json")
    findings = [json.loads(line) for line in outcome.out.splitlines()]
    damaged, last = [each for each in findings if each["check"] == "backups"]
    assert (damaged["verdict"], last["verdict"]) == ("warning", "ok")
    assert f"rm {bad}" in damaged["advice"]
    assert good.name in last["found"]
    content = bytearray(Path("ha-ai.db").read_bytes())
    content[4_096:12_288] = bytes(8_192)
    Path("ha-ai.db").write_bytes(content)
    before = Path("ha-ai.db").read_bytes()
    outcome = ha_ai("check")
    assert (outcome.code, "ha-ai restore" in outcome.out) == (1, True)
    assert Path("ha-ai.db").read_bytes() == before


def test_check_names_what_others_can_read(ha_ai: Command) -> None:
    """As a warning, with the command that closes it."""
    learned()
    Path("ha-ai.db").chmod(0o644)
    outcome = ha_ai("check")
    assert outcome.code == 0
    assert "chmod 600 ha-ai.db" in " ".join(outcome.out.split())


READERS = (["run"], ["patterns"], ["audit"], ["explain", "abc"], ["check"], ["doctor"], ["backup"])


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_a_newer_store_is_refused_in_one_line(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, free_port: int, words: list[str]
) -> None:
    """By every command that reads it, and not a byte of it changes."""
    learned()
    with closing(sqlite3.connect("ha-ai.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.execute("PRAGMA journal_mode = DELETE")
    Path("ha-ai.db.mark").unlink()
    before = {path.name: path.read_bytes() for path in Path().glob("ha-ai.db*")}
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    outcome = ha_ai(*words)
    assert outcome.code == (1 if words[0] in ("check", "doctor") else 2)
    said = " ".join((outcome.err if outcome.code == 2 else outcome.out).split())
    assert "9999" in said
    assert "newer version" in said
    assert "that version, or restore a backup from before the upgrade" in said
    if outcome.code == 2:
        assert len([line for line in outcome.err.splitlines() if line.startswith("ha-ai:")]) == 1
    after = {path.name: path.read_bytes() for path in Path().glob("ha-ai.db*")}
    assert after["ha-ai.db"] == before["ha-ai.db"]
    assert "ha-ai.db.mark" not in after
    assert all(not content for name, content in after.items() if name.endswith("-wal"))


def test_a_running_pipeline_is_private_and_backs_itself_up(at_broker: Any, tmp_path: Path) -> None:
    """Of real processes, under an open umask, with files that an older version had left open."""
    learned()
    Path("ha-ai.db").chmod(0o644)
    environment = {**os.environ, "HA_AI_MQTT_URL": at_broker.url, "HA_AI_HTTP_PORT": "0"}
    program = (
        "import os, sys; from pipeline.runtime import daily_backup; from pipeline.cli import main;"
        "os.umask(0o022); daily_backup.FIRST_S, daily_backup.LOOK_S = 0.0, 0.1; sys.exit(main(['run']))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = map(json.loads, process.stderr)
        said = []
        for line in lines:
            said.append(line["event"])
            if line["event"] == "backup made":
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert "file made private" in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files} == {
        path.name: 0o600 for path in files
    }
    assert len(backups(tmp_path / "backups")) == 1


def test_check_looks_at_every_row_and_at_what_was_mended(ha_ai: Command) -> None:
    """A changed row is wrong, until the start has mended it; then it is told until it is acknowledged."""
    learned()
    with closing(sqlite3.connect("ha-ai.db")) as connection:
        connection.execute("UPDATE journal SET new = 'off' WHERE seq = 2")
        connection.commit()
    outcome = ha_ai("check", "--full")
    assert (outcome.code, "1 row not as written: journal 2" in " ".join(outcome.out.split())) == (1, True)
    assert "no backup was made: expected every row of the store as it was written" in ha_ai("backup").err
    store = SqlStore("sqlite:///ha-ai.db")
    store.integrity.mend(store.integrity.damages(), copy=None, now_us=1)
    store.close()
    assert "damage" in ha_ai("check", "--full").out
    assert "will not be told again" in ha_ai("check", "--acknowledge").err
    outcome = ha_ai("check", "--full")
    assert (outcome.code, "damage" in outcome.out) == (0, False)
