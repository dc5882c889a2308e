"""Reading logs, whatever is in them, and moving them to other days."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.ingest.day_shift import DayShift, event_time
from pipeline.ingest.eventstream import EventstreamDecoder, as_eventstream, microseconds
from pipeline.ingest.logs import LogEntry, LogError, read_log
from pipeline.ingest.messages import Message, PoisonError, Reason
from pipeline.ingest.statestream import as_statestream
from schemas.events import StateChange

AT = "2026-11-20T06:00:00.250000+00:00"
BERLIN = ZoneInfo("Europe/Berlin")


def write(path: Path, content: bytes) -> Path:
    """Write a log, compressed where its name says so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def contents(path: Path) -> list[object]:
    """What the lines of a log hold."""
    return [entry.content for entry in read_log(path)]


@pytest.mark.parametrize("name", ["home.csv", "home.csv.gz", "HOME.CSV"])
def test_rows_become_changes(tmp_path: Path, name: str) -> None:
    """A row's old state is the one before of its entity; contexts are taken where they are told."""
    rows = (
        "ts,entity_id,state,context_id,parent_id,user_id\n"
        f"{AT},light.hall,off,,,\n"
        f"1795154400.25,light.bed,on,c1,,u1\n"
        '2026-11-20 06:00:01,light.hall,"on, ""bright""\n2",c2,c1,\n'
    )
    at_us = microseconds(AT)
    assert contents(write(tmp_path / name, rows.encode())) == [
        StateChange(at_us, "light.hall", None, "off"),
        StateChange(at_us, "light.bed", None, "on", "c1", None, "u1"),
        StateChange(at_us + 750_000, "light.hall", "off", 'on, "bright"\n2', "c2", "c1"),
    ]


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    """The header says what is where; a byte order mark does not hide it."""
    rows = f"\ufeffstate,room,entity_id,ts\non,hall,light.hall,{AT}\n"
    assert contents(write(tmp_path / "home.csv", rows.encode())) == [
        StateChange(microseconds(AT), "light.hall", None, "on")
    ]


def test_the_longest_state_and_the_first_second_are_taken(tmp_path: Path) -> None:
    """255 characters, and 1970."""
    state = "\u2603" * 255
    rows = f"ts,entity_id,state\n0,light.hall,{state}\n"
    assert contents(write(tmp_path / "home.csv", rows.encode())) == [
        StateChange(0, "light.hall", None, state)
    ]


def test_payloads_with_a_topic_in_them_are_no_capture(tmp_path: Path) -> None:
    """Only what has a topic and its time of arrival was captured."""
    line = b'{"topic": "a/b", "event_type": "x"}'
    assert contents(write(tmp_path / "home.jsonl", line)) == [line]


@pytest.mark.parametrize(
    "row",
    [
        b"now,light.hall,on", b"nan,light.hall,on", b"inf,light.hall,on", b"1e300,light.hall,on",
        b"2100-01-01T00:00:00Z,light.hall,on", b"-1,light.hall,on", b",light.hall,on", b"1795154400,hall,on",
        b"1795154400,,on", b"1795154400", b"1795154400,light.hall," + b"x" * 256,
        b"1795154400,light.hall,\xff", b"1795154400,light.hall," + b"x" * 200_000,
    ],
)  # fmt: skip
def test_a_bad_row_is_counted_and_the_next_is_read(tmp_path: Path, row: bytes) -> None:
    """What is no row gives a poison with its line, in its place."""
    content = b"ts,entity_id,state\n1795154400,light.hall,off\n" + row + b"\n\n1795154401,light.hall,on\n"
    first, bad, last = read_log(write(tmp_path / "home.csv", content))
    assert isinstance(bad.content, PoisonError)
    assert (first.line, bad.line) == (2, 3)
    assert last.content == StateChange(1795154401_000_000, "light.hall", "off", "on")


def test_json_lines_stay_payloads(tmp_path: Path) -> None:
    """Bare payloads stay as they are; wrapped ones come with their arrival."""
    payload = as_eventstream(StateChange(microseconds(AT), "light.hall", "off", "on"))
    lines = [
        payload,
        b'{"arrival": 1795154400.5, "payload": ' + payload + b"}",
        b'{"arrival": "2026-11-20T06:00:00.5Z", "payload": ' + payload + b"}",
        b'{"payload": ' + payload + b', "arrival": 1795154400.5}',
        b"",
        b'{"event_data": {}, "event_type": "x"}',
    ]
    entries = list(read_log(write(tmp_path / "home.jsonl.gz", b"\n".join(lines))))
    assert [entry.arrival_us for entry in entries] == [0, *[1_795_154_400_500_000] * 3, 0]
    assert [entry.line for entry in entries] == [1, 2, 3, 4, 6]
    decoder = EventstreamDecoder()
    decoded = [decoder.decode(entry.content) for entry in entries[:4] if isinstance(entry.content, bytes)]
    assert decoded == [StateChange(microseconds(AT), "light.hall", "off", "on")] * 4
    assert entries[0].content == entries[1].content == payload


@pytest.mark.parametrize(
    "line",
    [
        b"[",
        b"\xff",
        b"[1]",
        b"5",
        b"[" * 5_000,
        b'{"arrival": "x", "payload": {}}',
        b'{"tst": 1, "topic": ""',
    ],
)
def test_a_bad_line_is_counted_and_the_next_is_read(tmp_path: Path, line: bytes) -> None:
    """What is no object gives a poison with its line, in its place."""
    good = b'{"event_type": "x"}'
    bad, last = read_log(write(tmp_path / "home.jsonl", line + b"\n" + good))
    assert isinstance(bad.content, PoisonError)
    assert last == LogEntry(2, 0, good)


def test_poison_in_a_log_gives_entries_for_the_decoder_or_poisons(
    tmp_path: Path, poison_messages: list[tuple[str, bytes]]
) -> None:
    """No payload whatever ends the reading of a log."""
    lines = [payload for _, payload in poison_messages if b"\n" not in payload and payload.strip()]
    entries = list(read_log(write(tmp_path / "home.jsonl", b"\n".join(lines))))
    assert len(entries) == len(lines)
    assert {type(entry.content) for entry in entries} == {bytes, PoisonError}


def test_captures_keep_binary_payloads(tmp_path: Path) -> None:
    """What mosquitto_sub prints of a picture is no UTF-8, and keeps its bytes."""
    line = (
        b'{"tst":"2026-11-20T06:00:00.250000Z+0000","topic":"a/b","qos":1,"retain":1,"payload":"\x89PNG\xff"}'
    )
    [entry] = read_log(write(tmp_path / "capture.jsonl", line))
    at_us = microseconds(AT)
    assert entry == LogEntry(1, at_us, Message("a/b", b"\x89PNG\xff", at_us, retain=True))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("home.csv", b"", "expected the columns ts, entity_id, state, got: an empty file"),
        ("home.csv", b"ts,entity,state\n", "got: ts, entity, state"),
        ("home.csv", b"ts;entity_id;state\n", "got: ts;entity_id;state"),
        ("home.csv", b"\xff\x00\r\x02\n", "expected CSV with a header"),
        ("home.txt", b"ts,entity_id,state\n", "expected a .csv, .jsonl"),
        ("home", b"", "expected a .csv, .jsonl"),
    ],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """The error says what was expected of the file."""
    with pytest.raises(LogError, match=expected):
        list(read_log(write(tmp_path / name, content)))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Absent, not compressed though named so, and cut off: each is one clear error."""
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(b"ts,entity_id,state\n" + b"1795154400,light.hall,on\n" * 10_000)[:-50])
    plain = tmp_path / "plain.csv.gz"
    plain.write_bytes(b"ts,entity_id,state\n")
    for path in (tmp_path / "absent.csv", plain, cut, tmp_path / "absent.jsonl.gz"):
        with pytest.raises(LogError, match="expected a readable log"):
            list(read_log(path))


def test_a_log_becomes_either_stream(tmp_path: Path) -> None:
    """A row's change can be published as Home Assistant would."""
    rows = f"ts,entity_id,state,context_id\n{AT},light.hall,off,c1\n"
    [change] = contents(write(tmp_path / "home.csv", rows.encode()))
    assert isinstance(change, StateChange)
    assert EventstreamDecoder().decode(as_eventstream(change)) == change
    assert as_statestream(change, "base") == [
        ("base/light/hall/state", b"off"),
        ("base/light/hall/last_updated", AT.encode()),
        ("base/light/hall/last_changed", AT.encode()),
    ]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
)
@pytest.mark.parametrize("days", [-400, -31, 1, 30, 183])
def test_moved_times_keep_their_wall_clock(zone: str, days: int) -> None:
    """Hour by hour over a month, the local time of day stays, but where the new day's clock skips it."""
    shift = DayShift(ZoneInfo(zone), days)
    start_us = microseconds("2026-03-10T00:00:00+00:00")
    skipped = 0
    for hour in range(31 * 24):
        at_us = start_us + hour * 3_600_000_000 + 1
        before, after = (
            datetime.fromtimestamp(us // 1_000_000, UTC).astimezone(ZoneInfo(zone))
            for us in (at_us, shift.time(at_us))
        )
        skipped += before.time() != after.time()
        assert shift.time(at_us) % 1_000_000 == 1
        assert abs((after.date() - before.date()).days - days) <= skipped
    assert skipped <= 1


def test_the_last_day_becomes_today() -> None:
    """The shift is told in local days: the last event's day is the zone's, not that of UTC."""
    last_us = microseconds("2026-03-01T23:30:00+00:00")
    shift = DayShift.between(BERLIN, last_us, date(2026, 11, 20))
    moved = datetime.fromtimestamp(shift.time(last_us) / 1_000_000, BERLIN)
    assert (moved.date(), moved.hour, moved.minute) == (date(2026, 11, 20), 0, 30)


def test_every_form_of_a_line_moves_alike() -> None:
    """Changes, payloads and captured messages get the same new times; contexts, states and poisons stay."""
    change = StateChange(microseconds(AT), "light.hall", "off", "last_updated", "c1", "p1", "u1")
    shift = DayShift(BERLIN, 200)
    moved_us = shift.time(change.at_us)
    moved = shift.entry(LogEntry(1, change.at_us, change))
    assert moved == LogEntry(1, moved_us, change._replace(at_us=moved_us))
    payload = shift.entry(LogEntry(1, 0, as_eventstream(change)))
    assert payload == LogEntry(1, 0, as_eventstream(change._replace(at_us=moved_us)))
    for topic, text in as_statestream(change, "base"):
        told = shift.entry(LogEntry(1, change.at_us, Message(topic, text, change.at_us)))
        expected = dict(as_statestream(change._replace(at_us=moved_us), "base"))[topic]
        assert told == LogEntry(1, moved_us, Message(topic, expected, moved_us))
    poison = LogEntry(1, 0, PoisonError(Reason.NOT_JSON, "expected JSON"))
    assert shift.entry(poison) == poison


def test_the_time_of_a_line_is_that_of_its_change() -> None:
    """Of every form; what tells none has 0."""
    change = StateChange(microseconds(AT), "light.hall", "off", "on")
    payload = as_eventstream(change)
    told: list[StateChange | bytes | Message] = [change, payload, Message("events", payload, 5)]
    silent: list[bytes | Message] = [
        b"{}",
        b'{"last_updated": "2026-11-20T06:00:00+99:99"}',
        Message("events", b"", 5),
    ]
    assert [event_time(LogEntry(1, 7, content)) for content in told] == [change.at_us] * 3
    assert [event_time(LogEntry(1, 7, content)) for content in silent] == [0] * 3


def test_an_impossible_time_is_left_for_the_decoder() -> None:
    """A stamp that cannot be moved stays as it is."""
    line = json.dumps(
        {"last_updated": "9999-12-31T23:59:59+00:00", "last_changed": "2026-11-20T06:00:99"}
    ).encode()
    assert DayShift(BERLIN, 30).entry(LogEntry(1, 0, line)).content == line
