"""Logs of a home: files from which `learn` takes changes and `replay` messages."""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pipeline.ingest.behaviour import Gate
from pipeline.ingest.bounds import YEAR_2100_US, StreamClock, check_size
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.messages import Decoded, Message, PoisonError, Reason, Signal
from pipeline.ingest.statestream import ENTITY_ID, STATE_CHARACTERS
from schemas.events import ServiceCall, StateChange
from schemas.instants import to_us

REQUIRED_COLUMNS = ("ts", "entity_id", "state")
CONTEXT_COLUMNS = ("context_id", "parent_id", "user_id")
CONTEXT_CHARACTERS = 64
HEADER_CHARACTERS = 80
_WRAPPED = re.compile(rb'\{\s*"arrival"\s*:\s*("[^"\\]*"|[-+.0-9eE]+)\s*,\s*"payload"\s*:\s*(\{.*\})\s*\}')


class LogError(ValueError):
    """A log that cannot be read at all: says what was expected of it."""


class LogEntry(NamedTuple):
    """One line of a log: number, arrival in UTC microseconds (0: not told), and what it holds.

    A CSV row is a `StateChange`; a line of JSON is an eventstream payload, as bytes; a line of a capture is a
    `Message` with its own topic; a line that is none of these is a `PoisonError`, to be counted.
    """

    line: int
    arrival_us: int
    content: StateChange | bytes | Message | PoisonError


def read_log(path: Path) -> Iterator[LogEntry]:
    """Read a log in its own order: CSV, or JSON lines; either may be compressed with gzip.

    CSV has the columns ``ts`` (ISO 8601, UTC unless it says otherwise, or seconds since 1970), ``entity_id``,
    ``state`` and optionally ``context_id``, ``parent_id``, ``user_id``. JSON lines are eventstream payloads,
    bare or as ``{"arrival", "payload"}``, or what ``mosquitto_sub -F %j`` prints.

    Raises
    ------
    LogError
        Where the file cannot be read, is no such log, or lacks a column.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    read = _read_csv if ".csv" in suffixes else _read_json_lines
    if not {".csv", ".jsonl", ".ndjson", ".json"}.intersection(suffixes):
        raise LogError(f"expected a .csv, .jsonl or .ndjson file, or one of them .gz, got {path.name}")
    try:
        with path.open("rb") as file:
            yield from read(gzip.GzipFile(fileobj=file) if suffixes[-1] == ".gz" else file)
    except (OSError, EOFError, zlib.error) as error:
        raise LogError(f"expected a readable log at {path}, got: {error}") from error


def _read_csv(lines: Iterable[bytes]) -> Iterator[LogEntry]:
    text = (line.decode("utf-8-sig", "surrogateescape") for line in lines)
    rows = csv.reader(text)
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise LogError(f"expected CSV with a header, got: {error}") from error
    if not set(REQUIRED_COLUMNS).issubset(header):
        came = ", ".join(header)[:HEADER_CHARACTERS].encode("ascii", "backslashreplace").decode()
        raise LogError(f"expected the columns {', '.join(REQUIRED_COLUMNS)}, got: {came or 'an empty file'}")
    places = [header.index(name) if name in header else None for name in REQUIRED_COLUMNS + CONTEXT_COLUMNS]
    states: dict[str, str] = {}
    while True:
        try:
            row = next(rows)
            change = _row_change(row, places, states) if row else None
        except StopIteration:
            return
        except csv.Error as error:
            yield LogEntry(rows.line_num, 0, PoisonError(Reason.WRONG_SHAPE, f"expected CSV, got: {error}"))
        except PoisonError as error:
            yield LogEntry(rows.line_num, 0, error)
        else:
            if change is not None:
                states[change.entity_id] = change.new
                yield LogEntry(rows.line_num, 0, change)


def _row_change(row: Sequence[str], places: Sequence[int | None], states: dict[str, str]) -> StateChange:
    cells = ["" if place is None or place >= len(row) else row[place] for place in places]
    ts, entity_id, state, context_id, parent_id, user_id = cells
    if not ENTITY_ID.fullmatch(entity_id):
        raise PoisonError(Reason.WRONG_SHAPE, f"expected an entity id, got {entity_id[:80]!r}")
    if len(state) > STATE_CHARACTERS or max(map(len, cells[3:])) > CONTEXT_CHARACTERS:
        raise PoisonError(Reason.OVERSIZE, f"expected at most {STATE_CHARACTERS} characters of state")
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        raise PoisonError(Reason.WRONG_SHAPE, f"expected UTF-8, got {state[:40]!a}")
    old = states.get(entity_id)
    return StateChange(
        parse_time(ts), entity_id, old, state, context_id or None, parent_id or None, user_id or None
    )


def parse_time(text: str) -> int:
    """UTC microseconds of an ISO 8601 time or of seconds since 1970; without an offset the time is UTC.

    Examples
    --------
    >>> parse_time("2026-11-20T06:00:00.5Z"), parse_time("2026-11-20 06:00:00.5"), parse_time("1795154400.5")
    (1795154400500000, 1795154400500000, 1795154400500000)

    Raises
    ------
    PoisonError
        Where it is neither.
    """
    at_us = _seconds(text)
    if at_us is None:
        at_us = _iso_time(text)
    if not 0 <= at_us < YEAR_2100_US:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected a time from 1970 to 2099, got {text[:40]!r}")
    return at_us


def _seconds(text: str) -> int | None:
    try:
        return round(float(text) * 1_000_000)
    except (ValueError, OverflowError):
        return None


def _iso_time(text: str) -> int:
    try:
        # mosquitto_sub writes Z and the offset.
        moment = datetime.fromisoformat(text.strip().replace("Z+0000", "Z"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return to_us(moment)
    except (ValueError, OverflowError) as error:
        raise PoisonError(Reason.WRONG_SHAPE, f"expected a time, got {text[:40]!r}") from error


def _read_json_lines(lines: Iterable[bytes]) -> Iterator[LogEntry]:
    for number, line in enumerate(lines, 1):
        payload = line.strip()
        if not payload:
            continue
        try:
            yield _json_entry(number, payload)
        except PoisonError as error:
            yield LogEntry(number, 0, error)


def _json_entry(number: int, line: bytes) -> LogEntry:
    if line.startswith(b'{"event_type"'):
        return LogEntry(number, 0, line)
    wrapped = _WRAPPED.fullmatch(line)
    if wrapped is not None:
        return LogEntry(number, parse_time(wrapped[1].decode().strip('"')), wrapped[2])
    return _parsed_entry(number, line)


def _parsed_entry(number: int, line: bytes) -> LogEntry:
    """Return the entry of an object with its keys in another order, or of a capture's line."""
    check_size(line)
    try:
        # A capture of binary payloads is not UTF-8; so they keep their bytes.
        parsed = json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise PoisonError(Reason.NOT_JSON, f"expected JSON, got {line[:40]!r}") from error
    if not isinstance(parsed, dict):
        raise PoisonError(Reason.WRONG_SHAPE, f"expected an object, got {line[:40]!r}")
    if isinstance(parsed.get("topic"), str) and "tst" in parsed:
        return _captured(number, parsed)
    if "payload" not in parsed:
        return LogEntry(number, 0, line)
    arrival_us = parse_time(str(parsed["arrival"])) if "arrival" in parsed else 0
    return LogEntry(number, arrival_us, _bytes(parsed["payload"]))


def _captured(number: int, parsed: dict[str, object]) -> LogEntry:
    arrival_us = parse_time(str(parsed["tst"]))
    payload = _bytes(parsed.get("payload") or "")
    return LogEntry(
        number, arrival_us, Message(str(parsed["topic"]), payload, arrival_us, bool(parsed.get("retain")))
    )


def _bytes(payload: object) -> bytes:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise PoisonError(Reason.NOT_JSON, f"expected Unicode text, got {text[:40]!a}") from error


class LogReader:
    """Decodes a log on its own clock; `poison` counts the lines that could not be taken."""

    def __init__(self) -> None:
        self.poison = 0
        self._decoder = EventstreamDecoder()
        self._gate = Gate(StreamClock())

    def read(self, entry: LogEntry) -> StateChange | ServiceCall | None:
        """The entry as learning takes it, or None."""
        try:
            item = self._decode(entry)
        except PoisonError:
            self.poison += 1
            return None
        return self.admit(item, entry.arrival_us)

    def admit(self, item: Decoded | None, arrival_us: int) -> StateChange | ServiceCall | None:
        """Return what was decoded of an entry as learning takes it, or None; in the order of the log."""
        try:
            admitted = self._gate.admit(item, arrival_us)
        except PoisonError:
            self.poison += 1
            return None
        return None if isinstance(admitted, Signal) else admitted

    def _decode(self, entry: LogEntry) -> Decoded | None:
        content = entry.content
        if isinstance(content, PoisonError):
            raise content
        if isinstance(content, StateChange):
            return content
        return self._decoder.decode(content.payload if isinstance(content, Message) else content)
