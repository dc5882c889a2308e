"""What others publish on our topics is known for what it is, and takes no more room than it may."""

from pipeline.discovery.discovery_diff import digest
from pipeline.discovery.retained_cache import (
    LONGEST_TOPIC,
    MOST_STRAYS,
    REPAIR_AGAIN_S,
    REPAIRS_AT_ONCE,
    RetainedCache,
    repair_bucket,
)

OURS = {"status": b"ours", "device": b"ours too"}


def known() -> RetainedCache:
    """What is known after we have published."""
    made = RetainedCache()
    made.want(OURS)
    for topic, payload in OURS.items():
        made.published(topic, payload, 1)
    return made


def test_our_own_messages_come_back_right() -> None:
    """And so does what we took away."""
    made = known()
    assert all(made.note(topic, payload, 1) for topic, payload in OURS.items())
    assert made.note("stray", b"", 1)
    assert made.retained(1) == {topic: digest(payload) for topic, payload in OURS.items()}
    assert made.foreign == frozenset()


def test_what_others_publish_is_wrong() -> None:
    """In our place, where nothing of ours is, or nothing where ours is; until we publish again."""
    made = known()
    assert not made.note("status", b"theirs", 1)
    assert not made.note("stray", b"theirs", 1)
    assert not made.note("device", b"", 1)
    assert made.retained(1) == {"status": digest(b"theirs"), "stray": digest(b"theirs")}
    assert made.foreign == {"status"}
    made.published("status", b"ours", 1)
    assert made.foreign == frozenset()


def test_what_we_replaced_may_come_back_late() -> None:
    """It is wrong, but nobody else's; nor is what another of us knew first."""
    made = known()
    made.want({**OURS, "device": b"ours, newer"})
    made.published("device", b"ours, newer", 1)
    assert not made.note("device", OURS["device"], 1)
    assert made.foreign == frozenset()
    assert not made.note("device", b"ours, newest", 1)
    assert made.foreign == {"device"}
    made.want({**OURS, "device": b"ours, newest"})
    assert made.foreign == frozenset()


def test_what_another_connection_told_may_be_gone() -> None:
    """It is there to be removed, and is what nothing is."""
    assert known().retained(2) == dict.fromkeys(OURS, b"")


def test_a_flood_of_topics_takes_bounded_room() -> None:
    """However many, long and large: what is ours has its room all the same, and room is given back."""
    made = known()
    for number in range(3 * MOST_STRAYS):
        made.note(f"stray/{number}", b"x" * 1_000, 1)
    made.note("x" * (LONGEST_TOPIC + 1), b"x", 1)
    found = made.retained(1)
    assert len(found) == MOST_STRAYS + len(OURS)
    assert {len(each) for each in found.values()} == {32}
    assert not made.note("status", b"theirs", 1)
    assert made.retained(1)["status"] == digest(b"theirs")
    made.published("stray/0", b"", 1)
    made.note("later", b"x", 1)
    assert "later" in made.retained(1)


def test_repairs_are_many_at_once_and_few_for_ever() -> None:
    """Two that do not agree may not keep each other busy."""
    bucket = repair_bucket()
    assert [bucket.take(100.0) for _ in range(REPAIRS_AT_ONCE + 1)] == [True] * REPAIRS_AT_ONCE + [False]
    assert bucket.take(100.0 + REPAIR_AGAIN_S)
    assert not bucket.take(100.0 + REPAIR_AGAIN_S)
    assert sum(bucket.take(200.0 + each) for each in range(1_000)) <= REPAIRS_AT_ONCE + 1_000 / REPAIR_AGAIN_S
