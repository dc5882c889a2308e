from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from schemas.automations import Action, Automation, TimeTrigger
from schemas.deployments import AutomationVersion, Deployment, Failure, FailureReason
from schemas.instants import to_us
from schemas.patterns import PatternType
from schemas.suggestions import (
    Category,
    Opinion,
    Priority,
    Status,
    Suggestion,
    Trial,
    UserFeedback,
    suggestion_id,
)
from schemas.tables import NonceRow, table_of
from sinks.store import SqlStore, retention
from sinks.store.retention import DAY_US, NONCE_DAYS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_US = to_us(NOON)
WRITERS = 8
Open = Callable[..., SqlStore]


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Opens one more store on the same database."""
    stores: list[SqlStore] = []

    def open_store(home: str = "home") -> SqlStore:
        store = SqlStore(url, home=home, busy_timeout_s=30)
        store.migrate()
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


def suggestion(name: str = "light.hall", **fields: object) -> Suggestion:
    """A suggestion to switch something on."""
    action = Action(service="light.turn_on", entity_id=name, data={"brightness": 128.0})
    tried = Trial(
        first_day=NOON.date(), last_day=NOON.date(), days=30, fired=27, wanted=25, unwanted=2, missed=3,
        wanted_per_day=0.83, unwanted_per_day=0.07, regret=-0.6, wanted_dates=(NOON.date(),),
    )  # fmt: skip
    made = Suggestion(
        id=suggestion_id("home", name), home="home", pattern_id="p", pattern_type=PatternType.TIME_OF_DAY,
        title=f"Turn on {name}", description="At 07:00 it does.", automation_yaml="alias: ü\n",
        automation=Automation(trigger=TimeTrigger(minute=420), actions=(action,)), trial=tried,
        category=Category.COMFORT, priority=Priority.LOW, confidence=0.9, created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    return made.model_copy(update=fields)


def failure(text: str) -> Failure:
    """Return a failure in these words."""
    return Failure(FailureReason.SERVER_ERROR, text)


def deployment(**fields: Any) -> Deployment:
    """What is to stand in Home Assistant."""
    plain = Deployment("0123456789abcdef", "haai_0123456789abcdef", 1, 0, "wanted", 0, "{}", NOON_US)
    return plain._replace(**fields)


def feedback(
    name: str, opinion: Opinion = Opinion.REJECTED, seconds: int = 0, text: str = ""
) -> UserFeedback:
    """What somebody said."""
    return UserFeedback(
        message_id=name, at=NOON + timedelta(seconds=seconds), suggestion_id="s", opinion=opinion,
        pattern_type=PatternType.DURATION, device_class="light", person="Ada", text=text,
    )  # fmt: skip


def add(store: SqlStore, *suggestions: Suggestion) -> list[bool]:
    """Keep suggestions."""
    with store.begin() as transaction:
        return [transaction.suggestions.add(each) for each in suggestions]


def at_once(opened: Open, work: Callable[[SqlStore, int], object]) -> list[object]:
    """Let writers with a store each begin at the same moment; return what each came to."""
    stores = [opened() for _ in range(WRITERS)]
    begin = Barrier(WRITERS)

    def write(number: int) -> object:
        begin.wait()
        return work(stores[number], number)

    with ThreadPoolExecutor(WRITERS) as executor:
        return list(executor.map(write, range(WRITERS)))


def test_everything_is_read_back(opened: Open) -> None:
    """Another store on the same database reads what was kept, field by field."""
    store, made = opened(), suggestion(ha_entity_id="automation.hall", snoozed_until=NOON)
    version = AutomationVersion(1, made.content_hash, made, {"alias": "ü", "trigger": []}, NOON_US)
    with store.begin() as transaction:
        writes = transaction.suggestions
        assert writes.add(made)
        assert writes.say(feedback("f", text="too early — “7 Uhr”"))
        writes.deploy(deployment())
        assert writes.add_version(version)
        writes.set_control("learning", {"on": True})
        assert writes.use_nonce("n", NOON_US)
        kept = writes.get(made.id)
        assert kept == (made, 1)
    reads = opened().suggestions
    assert reads.all() == [made]
    assert reads.get(made.id) == made
    assert reads.get("unknown") is None
    assert reads.feedback() == [feedback("f", text="too early — “7 Uhr”")]
    assert (reads.deployments(), reads.deployment("0123456789abcdef")) == ([deployment()], deployment())
    assert reads.deployment("unknown") is None
    assert reads.versions(made.id) == [version]
    assert (reads.control("learning"), reads.control("unknown")) == ({"on": True}, None)
    assert (reads.is_used("n"), reads.is_used("m")) == (True, False)


def test_suggestions_are_given_out_by_status_and_age(opened: Open) -> None:
    """All, or those of some statuses, the oldest first."""
    store = opened()
    statuses = [Status.REJECTED, Status.PENDING, Status.DEPLOYED, Status.PENDING]
    made = [
        suggestion(f"light.l{number}", status=status, created_at=NOON - timedelta(days=number))
        for number, status in enumerate(statuses)
    ]
    add(store, *made)
    assert store.suggestions.all() == made[::-1]
    assert store.suggestions.all(Status.PENDING) == [made[3], made[1]]
    assert store.suggestions.all(Status.DEPLOYED, Status.REJECTED) == [made[2], made[0]]
    assert store.suggestions.all(Status.RETIRED) == []


def test_what_is_known_is_not_added_again(opened: Open) -> None:
    """The first one stays, whatever became of it."""
    store = opened()
    first = suggestion(status=Status.REJECTED)
    assert add(store, first, suggestion(title="Another")) == [True, False]
    assert add(store, suggestion(title="Another")) == [False]
    assert store.suggestions.all() == [first]


def test_only_what_was_read_is_replaced(opened: Open) -> None:
    """Of two that have read the same, the second one to write changes nothing, and hears of it."""
    store = opened()
    add(store, suggestion())
    approved, rejected = (suggestion(status=status) for status in (Status.APPROVED, Status.REJECTED))
    with store.begin() as transaction:
        writes = transaction.suggestions
        assert writes.replace(approved, changes=1)
        assert not writes.replace(rejected, changes=1)
        assert writes.get(approved.id) == (approved, 2)
        assert not writes.replace(suggestion("light.unknown"), changes=1)
    assert store.suggestions.all() == [approved]


def test_of_many_that_have_read_the_same_one_writes(opened: Open) -> None:
    """Eight writers read, then all write: one is told that it did, and its words stand."""
    add(opened(), suggestion())
    all_have_read = Barrier(WRITERS)

    def write(store: SqlStore, number: int) -> bool:
        assert store.suggestions.get(suggestion().id) is not None
        all_have_read.wait()
        with store.begin() as transaction:
            mine = suggestion(reason=str(number), status=Status.REJECTED)
            return transaction.suggestions.replace(mine, changes=1)

    done = at_once(opened, write)
    assert sorted(map(bool, done)) == [False] * (WRITERS - 1) + [True]
    (kept,) = opened().suggestions.all()
    assert kept.reason == str(done.index(True))


def test_no_update_is_lost(opened: Open) -> None:
    """Eight writers count a suggestion's version up five times each, by trying until it succeeds."""
    add(opened(), suggestion())

    def write(store: SqlStore, _number: int) -> None:
        done = 0
        while done < 5:
            with store.begin() as transaction:
                kept = transaction.suggestions.get(suggestion().id)
                assert kept is not None
                newer = kept.suggestion.model_copy(update={"version": kept.suggestion.version + 1})
                done += transaction.suggestions.replace(newer, changes=kept.changes)

    at_once(opened, write)
    (kept,) = opened().suggestions.all()
    assert kept.version == 1 + 5 * WRITERS


def test_a_nonce_counts_once(opened: Open) -> None:
    """Of eight that use the same nonce at once one may; each of the others hears that it was used."""

    def use(store: SqlStore, _number: int) -> list[bool]:
        used = []
        for name in ("a", "b", "c"):
            with store.begin() as transaction:
                used.append(transaction.suggestions.use_nonce(name, NOON_US))
        return used

    found = at_once(opened, use)
    for place in range(3):
        assert sum(each[place] for each in found) == 1  # type: ignore[index]


def test_a_nonce_of_a_failed_transaction_may_be_used(opened: Open) -> None:
    """What was not committed was not used."""
    store = opened()

    def fail() -> None:
        with store.begin() as transaction:
            assert transaction.suggestions.use_nonce("n", NOON_US)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.begin() as transaction:
        assert transaction.suggestions.use_nonce("n", NOON_US)


def test_nonces_outlast_every_command(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nonce is known for two days, much longer than a command is valid; then it leaves for newer ones."""
    monkeypatch.setattr(retention, "NONCES", 1)
    store = opened()
    with store.begin() as transaction:
        for name, age_us in (("old", NONCE_DAYS * DAY_US + 1), ("recent", NONCE_DAYS * DAY_US)):
            transaction.suggestions.use_nonce(name, NOON_US - age_us)
    store.prune(now_us=NOON_US)
    assert [store.suggestions.is_used(name) for name in ("old", "recent")] == [False, True]
    with store._database.reading() as connection:
        assert len(connection.execute(table_of(NonceRow).select()).all()) == 1


def test_what_is_settled_long_ago_leaves_and_what_stands_stays(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of settled suggestions the newest stay, with what was deployed of them; what waits or stands stays."""
    monkeypatch.setattr(retention, "SETTLED_SUGGESTIONS", 1)
    monkeypatch.setattr(retention, "VERSIONS", 2)
    store = opened()
    made = {
        name: suggestion(f"light.{name}", status=status, updated_at=NOON + timedelta(hours=hours))
        for hours, (name, status) in enumerate(
            [
                ("stands", Status.RETIRED),
                ("old", Status.REJECTED),
                ("new", Status.RETIRED),
                ("waits", Status.PENDING),
            ]
        )
    }
    add(store, *made.values())
    with store.begin() as transaction:
        writes = transaction.suggestions
        for name in ("stands", "old"):
            standing = int(name == "stands")
            writes.deploy(deployment(suggestion_id=made[name].id, wanted=0, standing=standing))
            for version in range(1, 5):
                writes.add_version(AutomationVersion(version, "h", made[name], {}, NOON_US))
    for _ in range(2):
        store.prune(now_us=NOON_US)
    assert {each.id for each in store.suggestions.all()} == {
        made[name].id for name in ("stands", "new", "waits")
    }
    assert [row.suggestion_id for row in store.suggestions.deployments()] == [made["stands"].id]
    assert [each.version for each in store.suggestions.versions(made["stands"].id)] == [1, 3, 4]
    assert store.suggestions.versions(made["old"].id) == []


def test_what_was_put_off_under_a_clock_that_was_ahead_is_not() -> None:
    """Put off for a fortnight it waits; by a clock a year and more ahead it does not wait until then."""
    for days, expected in ((-1, False), (14, True), (365, True), (414, False)):
        put_off = suggestion(snoozed_until=NOON + timedelta(days=days))
        assert put_off.is_snoozed(NOON) is expected
    assert not suggestion().is_snoozed(NOON)


def test_whoever_takes_a_turn_sees_what_was_done_before(opened: Open) -> None:
    """Eight writers read and raise one number within their turns: none is lost."""

    def count(store: SqlStore, _number: int) -> None:
        for _ in range(5):
            with store.begin() as transaction:
                transaction.suggestions.take_turn("count")
                so_far = transaction.suggestions.control("count") or 0
                transaction.suggestions.set_control("count", so_far + 1)

    at_once(opened, count)
    assert opened().suggestions.control("count") == 5 * WRITERS


def test_a_deployment_stands_in_place_of_the_one_before(opened: Open) -> None:
    """What is wanted is replaced as a whole, for its suggestion alone, and the latest change comes last."""
    store = opened()
    other = deployment(suggestion_id="f" * 16, updated_us=NOON_US + 1)
    tried = deployment(step="write", attempts=2, failure=failure("time-out"))
    further = tried._replace(standing=1, updated_us=NOON_US + 2)
    with store.begin() as transaction:
        writes = transaction.suggestions
        assert writes.deploy(deployment())
        assert writes.deploy(other)
        assert writes.deploy(further, instead_of=deployment())
    assert store.suggestions.deployments() == [other, further]


def test_versions_are_kept_as_they_were(opened: Open) -> None:
    """A version that is known stays as it was deployed; they are given out first one first."""
    store = opened()
    made = [suggestion(version=number, title=f"v{number}") for number in (1, 2, 3)]
    versions = [AutomationVersion(each.version, each.content_hash, each, {}, NOON_US) for each in made]
    with store.begin() as transaction:
        writes = transaction.suggestions
        assert [writes.add_version(each) for each in reversed(versions)] == [True] * 3
        assert not writes.add_version(versions[1]._replace(config={"alias": "forged"}))
        assert writes.versions(made[0].id) == versions
    assert store.suggestions.versions(made[0].id) == versions
    assert store.suggestions.versions("unknown") == []


def test_feedback_is_kept_once_and_given_out_in_order(opened: Open) -> None:
    """The same message twice is one opinion; the oldest comes first."""
    store = opened()
    late, early = feedback("late", Opinion.UNDONE, 60), feedback("early", Opinion.APPROVED)
    with store.begin() as transaction:
        assert [transaction.suggestions.say(each) for each in (late, early, late)] == [True, True, False]
    assert store.suggestions.feedback() == [early, late]


def test_words_from_outside_are_kept_by_every_database(opened: Open) -> None:
    """NUL and half a surrogate pair, which databases refuse, keep nothing from being kept."""
    store = opened()
    with store.begin() as transaction:
        assert transaction.suggestions.say(feedback("f", text="no\x00 way"))
        assert transaction.suggestions.add(suggestion(reason="no\x00 way"))
        assert transaction.suggestions.deploy(deployment(failure=failure("status 500: \x00\ud83d")))
    assert [each.text for each in store.suggestions.feedback()] == ["no\ufffd way"]
    assert [each.reason for each in store.suggestions.all()] == ["no\x00 way"]
    assert [each.failure for each in store.suggestions.deployments()] == [failure("status 500: \ufffd?")]


def test_homes_do_not_see_each_other(opened: Open) -> None:
    """The same ids, nonces and names in two homes of one database are different things."""
    one, other = opened("one"), opened("other")
    for store in (one, other):
        with store.begin() as transaction:
            writes = transaction.suggestions
            assert writes.add(suggestion(reason=store.home))
            assert writes.use_nonce("n", NOON_US)
            assert writes.say(feedback("f"))
            writes.deploy(deployment(failure=failure(store.home)))
            writes.set_control("name", store.home)
    for store in (one, other):
        assert [each.reason for each in store.suggestions.all()] == [store.home]
        assert [each.failure for each in store.suggestions.deployments()] == [failure(store.home)]
        assert store.suggestions.control("name") == store.home
        assert len(store.suggestions.feedback()) == 1
    with one.begin() as transaction:
        assert transaction.suggestions.replace(suggestion(reason="new"), changes=1)
    assert [each.reason for each in other.suggestions.all()] == ["other"]
