"""``ha-ai demo``: a generated household, learned by the real pipeline over real MQTT, in a minute."""

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from rich.progress import Progress

from pipeline.backtest.runner import BacktestError, BacktestRunner
from pipeline.cli import UserError
from pipeline.cli.findings import Findings
from pipeline.cli.terminal import OUT, command, progress, say
from pipeline.ingest.bounds import StreamClock
from pipeline.learn.service import Service
from pipeline.mqtt.terminal_client import MqttError, TerminalClient
from pipeline.runtime.errors import FatalError
from pipeline.runtime.logs import configure_logs
from pipeline.settings import Settings
from pipeline.simulation import Household
from pipeline.simulation.playback.player import IN_FLIGHT, Player
from pipeline.simulation.playback.publications import Publication
from pipeline.suggest.plan import Planner
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import first_ended
from schemas.home import Home
from schemas.statuses import AnomalyDetected, PatternDetected, ServiceStatus
from schemas.suggestions import Suggestion
from sinks.store import SqlStore

WINDOW = 2_000
POLL_S = 0.005
HALF_DAY_S = 43_200
PATIENCE_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--seed", type=int, default=1, help="which household (%(default)s)")
    parser.add_argument("--days", type=int, default=30, help="how many days of it (%(default)s)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the store in this directory")


def run(arguments: argparse.Namespace) -> int:
    """Play the household through the pipeline; nothing is left behind but what `--keep` asks for."""
    if arguments.days < 1:
        raise UserError(f"expected at least one day, got {arguments.days}")
    household = Household(seed=arguments.seed, days=arguments.days)
    with _directory(arguments.keep) as directory, _broker() as url:
        settings = settings_of(household, url, directory)
        try:
            asyncio.run(_demonstrate(household, settings))
        except asyncio.CancelledError:
            return 128 + signal.SIGTERM
        except (FatalError, BacktestError, MqttError, TimeoutError) as error:
            raise UserError(f"the demonstration broke off: {error or type(error).__name__}") from error
    if arguments.keep is not None:
        path = settings.database_path
        say(f"\nThe store is kept:  HA_AI_DATABASE_PATH={path} {command()} patterns --picture")
    return 0


class DemoClock(StreamClock):
    """The stream's own time, whatever this machine's clock says."""

    def check(self, at_us: int, received_us: int) -> None:
        del received_us
        super().check(at_us, 0)


@contextlib.contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="ha-ai-demo-") as directory:
        yield Path(directory)


@contextlib.contextmanager
def _broker() -> Iterator[str]:
    """An embedded broker in its own process and session, so that Ctrl-C is ours to handle."""
    broker = [sys.executable, "-m", "pipeline.mqtt.broker"]
    with subprocess.Popen(broker, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:  # noqa: S603 our own module
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise UserError("expected the embedded broker to start, but it did not")
            yield address
        finally:
            process.terminate()


async def _demonstrate(household: Household, settings: Settings) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    started_s = monotonic_s()
    findings = Findings(household)
    home = Home(tz=household.tz, lat=household.lat, lon=household.lon, rooms=household.truth.rooms)
    service = Service(settings, home, clock=DemoClock())
    findings.introduce()
    with progress(OUT, "{task.fields[said]}") as bar:
        configure_logs(settings)
        story = _Story(household, service, findings, bar)
        serving, telling = asyncio.create_task(service.run()), asyncio.create_task(story.tell())
        try:
            await first_ended([serving, telling])
            if serving.done():
                serving.result()
            await telling
        finally:
            telling.cancel()
            service.stop()
            await asyncio.gather(serving, telling, return_exceptions=True)
    findings.summarize(story.player.published, monotonic_s() - started_s)
    trying = OUT.status("trying automations on these days, in a process of their own")
    with trying if OUT.is_terminal else contextlib.nullcontext():
        suggestions = await _suggestions(household, settings, home)
    findings.propose(suggestions)
    findings.conclude()


async def _suggestions(household: Household, settings: Settings, home: Home) -> list[Suggestion]:
    """Return the suggestions on the evening of the last day, as the suggester finds them; keep nothing."""
    minimum = settings.minimum_confidence
    result = await BacktestRunner(settings, home).examine(minimum)
    now = datetime.fromtimestamp(household.calendar.moment(household.days, 0), home.zone)
    with contextlib.closing(SqlStore(settings.store_url, home=home.id)) as store:
        return Planner(settings, home, store).decide(result, None, minimum=minimum, now=now).new


class _Story:
    """Publishes the household, never further ahead of the pipeline than `WINDOW`, and hears what it finds."""

    def __init__(self, household: Household, service: Service, findings: Findings, bar: Progress) -> None:
        self.player = Player(service.settings)
        self._household = household
        self._service = service
        self._findings = findings
        self._bar = bar
        self._heartbeat_s = service.health.last_heartbeat_s
        self._task = bar.add_task("", total=household.days, said="starting")

    async def tell(self) -> None:
        """From the first message published to the last pattern heard."""
        topics = self._service.settings.topics
        async with TerminalClient(self._service.settings) as reader:
            followed = (topics.pattern_detected, topics.anomaly_detected, topics.service)
            await reader.subscribe([(topic, 1) for topic in followed])
            listening = asyncio.create_task(self._listen(reader))
            try:
                await _until(lambda: self._service.health.ready)
                await self.player.play(self._chunks())
                await self._learned()
                self._service.stop()
                await asyncio.wait_for(listening, PATIENCE_S)
            finally:
                listening.cancel()

    async def _listen(self, reader: TerminalClient) -> None:
        """Take what is found until the service says goodbye, which it does after all else."""
        topics = self._service.settings.topics
        async for message in reader.messages:
            payload = message.payload
            if message.topic.value == topics.pattern_detected:
                self._findings.take(PatternDetected.model_validate_json(payload))
            elif message.topic.value == topics.anomaly_detected:
                self._findings.warn(AnomalyDetected.model_validate_json(payload))
            elif ServiceStatus.model_validate_json(payload).state == "offline":
                return

    async def _chunks(self) -> AsyncIterator[list[Publication]]:
        topic = self._service.settings.eventstream_topic
        chunk: list[Publication] = []
        noons = 0
        for arrival, payload in self._household.messages():
            chunk.append(Publication(topic, json.dumps(payload, separators=(",", ":")).encode()))
            is_noon = self._household.calendar.day(arrival + HALF_DAY_S) > noons
            if len(chunk) == IN_FLIGHT or is_noon:
                yield chunk
                chunk = []
                await self._room(0 if is_noon else WINDOW)
            if is_noon:
                noons += 1
                self._show(noons)
        self._heartbeat_s = self._service.health.last_heartbeat_s
        yield [*chunk, Publication(self._service.settings.topics.heartbeat, b"")]

    async def _room(self, ahead: int) -> None:
        """Wait for the pipeline: at noon until the day before is judged, so that every day is."""
        service = self._service
        await _until(lambda: self.player.published - _taken(service) <= ahead)
        if not ahead:
            await _until(lambda: not _thinking(service))

    def _show(self, day: int) -> None:
        said = f"day {day} of {self._household.days}, {self.player.published:,} messages"
        self._bar.update(self._task, completed=day, said=said)

    async def _learned(self) -> None:
        """Until the heartbeat that was published last is committed, and all days are judged."""
        service = self._service
        await _until(lambda: service.health.last_heartbeat_s > self._heartbeat_s and not _thinking(service))
        store = SqlStore(service.settings.store_url, home=service.home.id)
        try:
            await _until(lambda: not store.counts()["outbox"])
        finally:
            store.close()


def _taken(service: Service) -> float:
    return service.metrics.registry.get_sample_value("haai_messages_total") or 0.0


def _thinking(service: Service) -> bool:
    return service.learner is not None and service.learner.thinking


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 another thread's doing, of which no event tells
        await asyncio.sleep(POLL_S)


BATCH = 500
NEVER_S = 86_400.0


class DemoSettings(Settings):
    """Settings of a demonstration: neither environment nor `.env` lead it to another broker or store."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def settings_of(household: Household, url: str, directory: Path) -> Settings:
    """Settings for a household, with the broker at `url` and the store in `directory`."""
    return DemoSettings(
        mqtt_url=url,
        database_path=directory / "ha-ai.db",
        tz=household.tz,
        lat=household.lat,
        lon=household.lon,
        batch_size=BATCH,
        mqtt_receive_maximum=2 * BATCH,
        heartbeat_s=NEVER_S,
        watchdog_s=NEVER_S,
        log_format="console",
        log_level="warning",
    )
