"""A deployment's detail of revision 0006 becomes its failure and its drift, wherever it is read."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline.suggestions.failures import explanation
from schemas.deployments import Deployment, Drift, Failure, FailureReason
from schemas.tables import DeploymentRow, table_of
from sinks.store import SqlStore, migrations
from sinks.store.checksums import is_whole
from sinks.store.engine import Database
from sinks.store.old_rows import split_detail
from sinks.store.rebuilding import rebuild

NO_DEVICE = "status 400: no such device"
LATE = "a write came late and is taken back"
NEW = {FailureReason.LATE_WRITE, FailureReason.UNKNOWN}
KEPT_BEFORE = [each for each in FailureReason if each not in NEW]
OLD_ROWS = [
    *[(explanation(reason), Failure(reason, explanation(reason)), Drift.FINE) for reason in KEPT_BEFORE],
    *[
        (explanation(reason, NO_DEVICE), Failure(reason, explanation(reason, NO_DEVICE)), Drift.FINE)
        for reason in KEPT_BEFORE
    ],
    ("", None, Drift.FINE),
    *[(drift.value, None, drift) for drift in Drift if drift is not Drift.FINE],
    (LATE, Failure(FailureReason.LATE_WRITE, LATE), Drift.STRAY),
    ("words of long ago", Failure(FailureReason.UNKNOWN, "words of long ago"), Drift.FINE),
]
INSERT = """INSERT INTO deployments (home, suggestion_id, automation_id, wanted, standing, step, attempts,
    approval, detail, updated_us, checksum)
    VALUES ('home', :name, :automation, 1, 1, 'stands', 0, '{}', :detail, :at, :checksum)"""


def make_old(url: str) -> None:
    """Make a store of the revision before, with a deployment of each form."""
    with closing(Database(url, busy_timeout_s=1)) as database, database.writing() as connection:
        migrations.upgrade(connection, "0006")
        for number, (detail, _, _) in enumerate(OLD_ROWS):
            row = {"name": f"{number:016x}", "automation": f"haai_{number}", "detail": detail, "at": number}
            connection.execute(text(INSERT), {**row, "checksum": b"of old"})


def is_as_before(found: list[Deployment]) -> None:
    """Each deployment says what its detail said."""
    assert [(each.failure, each.drift) for each in found] == [(fault, drift) for _, fault, drift in OLD_ROWS]
    assert [each.suggestion_id for each in found] == [f"{number:016x}" for number in range(len(OLD_ROWS))]


def test_an_upgrade_splits_the_detail(url: str) -> None:
    """A store of before starts, and each of its rows is whole and says the right thing."""
    make_old(url)
    store = SqlStore(url)
    store.migrate()
    found = store.suggestions.deployments()
    is_as_before(found)
    with closing(Database(url, busy_timeout_s=1)) as database, database.reading() as connection:
        rows = connection.execute(table_of(DeploymentRow).select()).mappings().all()
    assert all(is_whole(table_of(DeploymentRow), dict(row)) for row in rows)
    with store.begin() as transaction:
        for each in found:
            assert transaction.suggestions.deploy(each._replace(attempts=1), instead_of=each)
    store.close()


def test_a_damaged_store_of_before_is_rebuilt_with_what_it_said(tmp_path: Path) -> None:
    """Rows that are read from a file of the revision before are not lost, nor taken for damaged."""
    damaged, target = tmp_path / "damaged.db", tmp_path / "ha-ai.db"
    make_old(f"sqlite:///{damaged}")
    rebuilt = rebuild(damaged, None, target)
    assert rebuilt.read["deployments"] == len(OLD_ROWS)
    store = SqlStore(f"sqlite:///{target}")
    store.migrate()
    is_as_before(store.suggestions.deployments())
    assert [each for each in store.integrity.damages() if each.table == "deployments"] == []
    store.close()
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT DISTINCT checksum FROM deployments").fetchall() == [(None,)]


@given(st.text() | st.sampled_from([detail for detail, _, _ in OLD_ROWS]), st.text(max_size=40))
def test_no_detail_is_lost(detail: str, more: str) -> None:
    """Whatever stood there is a drift of the closed set, or the text of a failure of the closed set."""
    for words in (detail, detail + more):
        found = split_detail(words)
        drift = Drift(found["drift"])
        assert found["failure_text"] in {words, ""}
        assert bool(found["failure"]) == bool(found["failure_text"])
        if found["failure"]:
            FailureReason(found["failure"])
        assert found["failure_text"] == words or drift.value == words
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("reason", KEPT_BEFORE)
def test_every_reason_of_before_is_known_by_its_words(reason: FailureReason) -> None:
    """No failure of before becomes an unknown one."""
    assert split_detail(explanation(reason))["failure"] == reason.value
