"""Pairing the fields of statestream, where they do not come as expected."""

import pytest

from pipeline.ingest.eventstream import microseconds
from pipeline.ingest.messages import PoisonError
from pipeline.ingest.statestream import ABANDONED_AFTER_US, WAITING_STATES, StatestreamDecoder, as_statestream
from schemas.events import StateChange

BASE = "homeassistant_state"
STATE, UPDATED = f"{BASE}/light/hall/state", f"{BASE}/light/hall/last_updated"
SECOND_US = 1_000_000


def stamp(second: int) -> bytes:
    """The time stamp of a second."""
    return f"2026-11-20T06:00:{second:02}+00:00".encode()


class Home:
    """A decoder and what came of the messages that it was told."""

    def __init__(self) -> None:
        self.decoder = StatestreamDecoder(BASE)
        self.changes: list[tuple[str | None, str, int]] = []

    def tell(self, topic: str, payload: bytes, received_s: float) -> None:
        """Decode a live message."""
        change = self.decoder.decode(topic, payload, round(received_s * SECOND_US))
        if change is not None:
            second = (change.at_us - microseconds("2026-11-20T06:00:00+00:00")) // SECOND_US
            self.changes.append((change.old, change.new, second))

    def switch(self, state: bytes, second: int) -> None:
        """Tell of one whole change."""
        self.tell(STATE, state, second)
        self.tell(UPDATED, stamp(second), second + 0.05)


@pytest.fixture
def home() -> Home:
    """A home nothing is known of yet."""
    return Home()


def test_interleaved_changes_pair_in_step(home: Home) -> None:
    """The k-th state gets the k-th time stamp."""
    for k, state in enumerate((b"on", b"off", b"on")):
        home.tell(STATE, state, k / 100)
    for second in (1, 2, 3):
        home.tell(UPDATED, stamp(second), 0.1)
    assert home.changes == [(None, "on", 1), ("on", "off", 2), ("off", "on", 3)]


def test_a_changed_attribute_repeats_the_state(home: Home) -> None:
    """A change of attributes alone has equal old and new states."""
    home.switch(b"on", 1)
    home.switch(b"on", 2)
    assert home.changes[-1] == ("on", "on", 2)


def test_states_of_an_outage_do_not_shift_the_pairing(home: Home) -> None:
    """States whose stamps never come are given up, and the next change has its own time."""
    home.switch(b"off", 1)
    home.tell(STATE, b"on", 10)
    home.tell(STATE, b"off", 10.01)
    home.switch(b"on", 20)
    home.switch(b"off", 30)
    assert home.changes == [(None, "off", 1), ("off", "on", 20), ("on", "off", 30)]
    assert home.decoder.unpaired == 2


def test_a_slow_stamp_still_finds_its_state(home: Home) -> None:
    """However late a stamp comes, its state is taken while no other has replaced it."""
    home.tell(STATE, b"on", 0)
    home.tell(UPDATED, stamp(1), 10 * ABANDONED_AFTER_US / SECOND_US)
    assert home.changes == [(None, "on", 1)]


def test_a_stamp_without_its_state_is_passed_over(home: Home) -> None:
    """Whoever starts to listen amid a change misses that one, and no other."""
    home.tell(UPDATED, stamp(1), 0)
    home.switch(b"on", 2)
    assert home.changes == [(None, "on", 2)]
    assert home.decoder.unpaired == 1


def test_messages_sent_again_tell_nothing_new(home: Home) -> None:
    """After a reconnection the broker repeats what was not acknowledged, and the pairing keeps its step."""
    home.switch(b"low", 1)
    home.tell(STATE, b"middle", 1.5)
    home.switch(b"low", 1)
    home.tell(STATE, b"middle", 1.5)
    home.tell(UPDATED, stamp(2), 1.6)
    home.tell(STATE, b"high", 1.7)
    home.tell(UPDATED, stamp(3), 1.8)
    assert home.changes == [(None, "low", 1), ("low", "middle", 2), ("middle", "high", 3)]


def test_an_attribute_named_state_does_not_become_the_old_state(home: Home) -> None:
    """A number over the state's topic is no change, and the next one has the right old state."""
    for second in (1, 10, 20):
        home.switch(b"on", second)
        home.tell(STATE, b"5", second + 0.1)
    assert home.changes[1:] == [("on", "on", 10), ("on", "on", 20)]


@pytest.mark.parametrize("topic", [STATE, UPDATED])
@pytest.mark.parametrize("payload", [b'"evil"', b"\xff\xfe", b"x" * 2_000])
def test_what_is_no_plain_text_is_a_dead_letter(home: Home, topic: str, payload: bytes) -> None:
    """JSON strings, which only attributes are, bad text and long text are refused."""
    with pytest.raises(PoisonError):
        home.decoder.decode(topic, payload, 0)


@pytest.mark.parametrize("state", ['"on" since noon', '"', "x" * 255, "\u2603" * 255])
def test_a_state_may_be_any_plain_text(home: Home, state: str) -> None:
    """Up to 255 characters, also such as begin with a quotation mark."""
    home.switch(state.encode(), 1)
    assert home.changes == [(None, state, 1)]


@pytest.mark.parametrize("state", ["x" * 256, "\u2603" * 256])
def test_a_state_has_at_most_255_characters(home: Home, state: str) -> None:
    """A longer one is no state of Home Assistant's."""
    with pytest.raises(PoisonError):
        home.tell(STATE, state.encode(), 0)


def test_a_state_holds_no_nul(home: Home) -> None:
    """A store that cannot keep it would refuse the whole batch, again and again."""
    with pytest.raises(PoisonError, match="without NUL"):
        home.tell(STATE, b"on\x00", 1)


def test_an_empty_payload_is_an_empty_state(home: Home) -> None:
    """Home Assistant publishes an empty state as an empty payload."""
    home.switch(b"on", 1)
    home.switch(b"", 2)
    home.tell(UPDATED, b"", 3)
    assert home.changes[-1] == ("on", "", 2)


def test_a_snapshot_tells_the_old_state_of_what_was_not_seen_yet(home: Home) -> None:
    """Retained messages fill in what is unknown, and never replace what was seen live."""
    home.decoder.snapshot(STATE, b"off")
    home.switch(b"on", 1)
    home.decoder.snapshot(STATE, b"off")
    home.switch(b"on", 2)
    assert home.changes == [("off", "on", 1), ("on", "on", 2)]


def test_what_was_kept_is_the_old_state_until_a_snapshot_knows_better(home: Home) -> None:
    """A change that had waited at the broker comes before the snapshots, others after them."""
    home.decoder.recall({"light.hall": "off", "light.bed": "off"})
    home.switch(b"on", 1)
    home.decoder.snapshot(f"{BASE}/light/bed/state", b"unavailable")
    home.decoder.decode(f"{BASE}/light/bed/state", b"on", 0)
    change = home.decoder.decode(f"{BASE}/light/bed/last_updated", stamp(2), 0)
    assert home.changes == [("off", "on", 1)]
    assert change
    assert (change.old, change.new) == ("unavailable", "on")


@pytest.mark.parametrize(
    "topic",
    [
        f"{BASE}/light/hall/brightness", f"{BASE}/light/hall/a/state", f"{BASE}/light/state", f"{BASE}/state",
        "elsewhere/light/hall/state", "state", "",
    ],
)  # fmt: skip
def test_other_topics_say_nothing(home: Home, topic: str) -> None:
    """Attributes, deeper topics and other prefixes are passed over."""
    home.tell(topic, b"on", 0)
    home.tell(UPDATED, stamp(1), 0)
    assert home.changes == []


def test_an_entity_says_what_it_measures(home: Home) -> None:
    """Device class and unit, live or retained, go with every change after them; what is none says nothing."""
    base = f"{BASE}/sensor/aussen"
    told = []
    home.decoder.snapshot(f"{base}/device_class", b'"temperature"')
    for second, payload in enumerate((b"null", b"7", b"\xff", b'"' + b"x" * 70 + b'"', '"°C"'.encode())):
        home.decoder.decode(f"{base}/unit_of_measurement", payload, second)
        home.decoder.decode(f"{base}/state", b"7.5", second)
        told.append(home.decoder.decode(f"{base}/last_updated", stamp(second), second))
    described = [change.attributes for change in told if change is not None]
    assert described[:4] == [(("device_class", "temperature"),)] * 4
    assert described[4:] == [(("device_class", "temperature"), ("unit_of_measurement", "°C"))]


def test_a_base_of_several_levels_is_understood() -> None:
    """The prefix may have levels of its own."""
    decoder = StatestreamDecoder("home/states")
    decoder.decode("home/states/light/hall/state", b"on", 0)
    assert decoder.decode("home/states/light/hall/last_updated", stamp(1), 0)


def test_waiting_states_and_entities_are_bounded() -> None:
    """A flood of states, or of entities, is forgotten from its beginning."""
    decoder = StatestreamDecoder(BASE, entity_cap=10)
    for _ in range(2 * WAITING_STATES):
        decoder.decode(STATE, b"on", 0)
    assert decoder.unpaired == WAITING_STATES
    for number in range(100):
        decoder.decode(f"{BASE}/light/lamp_{number}/state", b"on", 0)
    completed = [
        decoder.decode(f"{BASE}/light/lamp_{k}/last_updated", stamp(1), 0) for k in range(99, -1, -1)
    ]
    assert [change is not None for change in completed] == [True] * 10 + [False] * 90


def test_what_is_replayed_is_decoded_again() -> None:
    """A change survives the way through its topics."""
    decoder = StatestreamDecoder(BASE)
    change = StateChange(microseconds("2026-11-20T06:00:00.25+00:00"), "light.hall", None, "on")
    decoded = [decoder.decode(topic, payload, 0) for topic, payload in as_statestream(change, BASE)]
    assert decoded == [None, change, None]
