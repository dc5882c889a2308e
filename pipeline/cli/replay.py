"""``ha-ai replay``: a log to a broker, as Home Assistant would have published it."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.terminal import ERR, progress, say
from pipeline.ingest.bounds import FUTURE_US, PAST_US, StreamClock
from pipeline.ingest.day_shift import DayShift, event_time
from pipeline.ingest.logs import LogEntry, LogError, read_log
from pipeline.ingest.messages import PoisonError
from pipeline.mqtt.terminal_client import MqttError
from pipeline.settings import Settings
from pipeline.simulation.playback.player import IN_FLIGHT, Player, RefusedError
from pipeline.simulation.playback.publications import Form, Publication, form_of
from pipeline.timing.clock import monotonic_s, wall_datetime, wall_us
from pipeline.wording.sentences import DAY_NAMES
from schemas.home import check_zone

DAY_US = 86_400_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, help="CSV or JSON lines, also .gz")
    parser.add_argument(
        "--as",
        dest="form",
        choices=("eventstream", "statestream"),
        help="form (default: the setting `input`)",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, metavar="N", help="N times as fast as it happened")
    pace.add_argument("--full-speed", action="store_true", help="as fast as the broker takes it (default)")
    parser.add_argument("--shift-to-now", action="store_true", help="move its last day to today")
    parser.add_argument("--home", type=Path, help="home.json, whose time zone says when days begin")
    parser.add_argument("--tz", help="IANA time zone, instead of home.json")
    parser.add_argument("--qos", type=int, choices=(0, 1), default=1, help="quality of service (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Publish the log and say how much that was."""
    if arguments.speed is not None and arguments.speed <= 0:
        raise UserError(f"expected a speed above 0, got {arguments.speed:g}")
    settings = Settings()
    try:
        extent = _measure(arguments.file)
        shift = _shift(arguments, settings, extent) if arguments.shift_to_now else None
        form = form_of(
            arguments.form or settings.input, settings.eventstream_topic, settings.statestream_topic
        )
        log = _Log(arguments.file, form, shift, arguments.speed)
        player = Player(settings, qos=arguments.qos)
        started_s = monotonic_s()
        asyncio.run(_play(player, log, extent.lines))
    except LogError as error:
        raise UserError(str(error)) from error
    except MqttError as error:
        raise UserError(f"expected an MQTT broker at {settings.broker_url}, got: {error}") from error
    except RefusedError as error:
        raise UserError(
            f"expected to be allowed to publish at {settings.broker_url}, got: {error}"
        ) from error
    _report(player, log, monotonic_s() - started_s, is_shifted=shift is not None)
    if shift is not None:
        say(_moved(shift, extent.last_us))
    return 0


@dataclass(frozen=True, slots=True)
class _Extent:
    """Number of lines in a log, and the time of its last event."""

    lines: int
    last_us: int


class _Log:
    """A log in chunks that are due, and what was not published of it."""

    def __init__(self, path: Path, form: Form, shift: DayShift | None, speed: float | None) -> None:
        self.read = 0
        self.poison = 0
        self.ahead = 0
        self.old = 0
        self._path = path
        self._form = form
        self._shift = shift
        self._speed = speed

    async def chunks(self) -> AsyncIterator[list[Publication]]:
        """Chunks of what is due, in order."""
        chunk: list[Publication] = []
        first: tuple[int, float] | None = None
        for entry in read_log(self._path):
            self.read += 1
            arrival_us = entry.arrival_us or event_time(entry)
            if self._speed is not None and arrival_us:
                first = first or (arrival_us, monotonic_s())
                wait_s = (arrival_us - first[0]) / 1e6 / self._speed - (monotonic_s() - first[1])
                if wait_s > 0:
                    if chunk:
                        yield chunk
                        chunk = []
                    await asyncio.sleep(wait_s)
            chunk += self._publications(entry if self._shift is None else self._shift.entry(entry))
            if len(chunk) >= IN_FLIGHT:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _publications(self, entry: LogEntry) -> list[Publication]:
        at_us, now_us = event_time(entry), wall_us()
        if self._shift is not None and at_us > now_us + FUTURE_US:
            self.ahead += 1
            return []
        self.old += 0 < at_us < now_us - PAST_US
        try:
            return self._form(entry)
        except PoisonError:
            self.poison += 1
            return []


async def _play(player: Player, log: _Log, lines: int) -> None:
    with progress(ERR) as bar:
        task = bar.add_task("replaying", total=lines)

        async def chunks() -> AsyncIterator[list[Publication]]:
            async for chunk in log.chunks():
                yield chunk
                bar.update(task, completed=log.read)

        await player.play(chunks())


def _measure(path: Path) -> _Extent:
    """Read the log once; a time far off the others is not taken for its end."""
    clock = StreamClock()
    lines = last_us = 0
    for entry in read_log(path):
        lines += 1
        at_us = event_time(entry)
        try:
            clock.check(at_us, entry.arrival_us)
        except PoisonError:
            continue
        last_us = max(last_us, at_us)
    return _Extent(lines, last_us)


def _shift(arguments: argparse.Namespace, settings: Settings, extent: _Extent) -> DayShift:
    if not extent.last_us:
        raise UserError(f"expected times in {arguments.file}, got none")
    zone = _zone(arguments, settings)
    return DayShift.between(zone, extent.last_us, wall_datetime(zone).date())


def _zone(arguments: argparse.Namespace, settings: Settings) -> ZoneInfo:
    if arguments.tz is not None:
        try:
            return ZoneInfo(check_zone(arguments.tz))
        except ValueError as error:
            raise UserError(str(error)) from error
    home = arguments.home or settings.home_file
    return ZoneInfo(settings.tz) if home is None else read_home_file(home).zone


def _moved(shift: DayShift, last_us: int) -> str:
    days = round((shift.time(last_us) - last_us) / DAY_US)
    said = f"all times moved by {days:,} days"
    if days % 7:
        said += f", and the days of the week with them: what was on Mondays is on {DAY_NAMES[days % 7]}s"
    return said


def _report(player: Player, log: _Log, duration_s: float, *, is_shifted: bool) -> None:
    rate = player.published / max(duration_s, 1e-3)
    say(f"published {player.published:,} messages in {duration_s:.1f} s, {rate:,.0f} a second")
    if player.outages:
        say(f"{player.outages} times the connection broke; what was under way was published again")
    if log.poison:
        say(f"{log.poison:,} lines could not be read")
    if log.ahead:
        say(f"{log.ahead:,} events that lie later today were left out")
    if log.old:
        hint = "" if is_shifted else " unless --shift-to-now moves them"
        say(f"{log.old:,} events are older than 30 days: `ha-ai run` puts them aside{hint}")
