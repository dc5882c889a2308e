"""``ha-ai run``: the pipeline beside Home Assistant."""

import argparse
import asyncio
import signal
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.deploy.token import TokenFileError
from pipeline.health import Health, Metrics, State
from pipeline.history.damage import doubt, leave_foreign, open_whole
from pipeline.roles import ROLES, factories
from pipeline.runtime.belongings import keeping_private
from pipeline.runtime.child_process import BESIDE, keep_running
from pipeline.runtime.errors import FatalError
from pipeline.runtime.heap import use_one_arena
from pipeline.runtime.home import remembered_home
from pipeline.runtime.host import ConsumerHost
from pipeline.runtime.key_file import KeyFileError
from pipeline.runtime.logs import configure_logs
from pipeline.runtime.role import STATEFUL, Loop
from pipeline.settings import Settings
from pipeline.settings.names import stated_names, unknown_names
from pipeline.timing.waiting import first_ended
from schemas.home import Home
from schemas.topics import Role
from sinks.store import StoreDamagedError, StoreError

log = structlog.get_logger(__name__)

CHILD = ("-P", "-m", "pipeline.cli.child")

EXIT_RESTART = 75
ALL = frozenset(Role)


class Part(Protocol):
    """Part of the service that runs until it is stopped."""

    async def run(self) -> None:
        """Run."""

    def stop(self) -> None:
        """Return from `run`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    names = ", ".join(Role)
    parser.add_argument(
        "consumers", nargs="*", type=_consumer, metavar="ROLE", help=f"some of {names}; without one, all"
    )
    # Of a process that another one started: that one has the port, and has said what there is to say.
    parser.add_argument(BESIDE, action="store_true", dest="is_beside", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run until a signal ends it; 75 asks whoever started it to start it again."""
    use_one_arena()
    settings = Settings()
    configure_logs(settings)
    if not arguments.is_beside:
        warn_of_unknown_settings()
    consumers = frozenset(arguments.consumers) or ALL
    if settings.home_file is not None:
        read_home_file(settings.home_file)
    try:
        leave_foreign(settings)
        with keeping_private(settings):
            open_whole(settings)
            return asyncio.run(_serve(settings, consumers, is_served=not arguments.is_beside))
    except StoreDamagedError as error:
        log.error("cannot go on: the next start mends the store", error=str(error))  # noqa: TRY400 the error says it
        doubt(settings)
        return EXIT_RESTART
    except (StoreError, SQLAlchemyError) as error:
        log.debug("the store failed", exc_info=True)
        detail = str(getattr(error, "orig", error))
        raise UserError(f"the store cannot be used: {detail}; `ha-ai doctor` says what to do") from error
    except OSError as error:
        raise UserError(f"cannot start: {error.filename or 'a file'}: {error.strerror or error}") from error
    except (KeyFileError, TokenFileError) as error:
        raise UserError(str(error)) from error


def warn_of_unknown_settings() -> None:
    """Log each name that is like a setting's and is none; its value may be a secret, and is not said."""
    for name, nearest in unknown_names(stated_names()).items():
        log.warning("a setting that does not exist has no effect", name=name, nearest=nearest)


def _consumer(name: str) -> Role:
    try:
        return Role(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(Role)}, got {name!r}") from error


async def _serve(settings: Settings, consumers: frozenset[Role], *, is_served: bool) -> int:
    home = await remembered_home(settings)
    log.info(
        "starting",
        home=home.id,
        tz=home.tz,
        broker=settings.broker_url,
        consumers=", ".join(sorted(consumers)),
    )
    for wiring in (ROLES[role] for role in sorted(consumers) if not ROLES[role].is_apart):
        if lack := wiring.lack(settings):
            log.info(lack)
    health = Health(learns=Role.LEARN in consumers, publishes=Role.PUBLISH in consumers)
    metrics = Metrics()
    parts, beside = _parts(settings, home, consumers, health, metrics)
    if is_served:
        beside = [*_pages(settings, home, health, metrics), *beside]
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, parts)
    tasks = [asyncio.create_task(start()) for start in beside]
    try:
        await _run_together(parts)
    except (FatalError, ConnectionError) as error:
        log.error("cannot go on", error=str(error))  # noqa: TRY400 the error is the message, not the traceback
        return EXIT_RESTART
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    log.info("stopped")
    return 0


def _parts(
    settings: Settings, home: Home, consumers: frozenset[Role], health: Health, metrics: Metrics
) -> tuple[list[Part], list[Loop]]:
    """Return what runs in this process, and what beside it."""
    parts: list[Part] = []
    beside: list[Loop] = []
    filled = None
    if consumers & STATEFUL:
        # What learning imports takes 20 MB: the deployer's process has no use for it.
        from pipeline.cli.learning import learning  # noqa: PLC0415

        service, loops = learning(settings, home, consumers & STATEFUL, health, metrics)
        filled = service.outbox_filled
        parts.append(service)
        beside += loops
    here = consumers - STATEFUL
    if len(consumers) > 1:
        apart = sorted(role for role in here if ROLES[role].is_apart)
        here -= frozenset(apart)
        beside += [partial(_run_apart, settings, role, health) for role in apart]
    if here:
        parts.append(ConsumerHost(settings, home, factories(here), outbox_filled=filled, health=health))
    return parts, beside


def _pages(settings: Settings, home: Home, health: Health, metrics: Metrics) -> list[Loop]:
    """Return what serves the pages of this process."""
    # A process that another one started serves none, and need not pay for them.
    from pipeline.runtime.http.application import Served, serving  # noqa: PLC0415

    return serving(Served(settings, home, health, metrics))


async def _run_apart(settings: Settings, role: Role, health: Health) -> None:
    """Run a role in a process of its own: what it alone may read, such as a token, stays there."""
    if lack := ROLES[role].lack(settings):
        health.roles[role.value] = State.NOT_SET_UP
        log.info(lack)
        return
    await keep_running(role, CHILD, health)


async def _run_together(parts: list[Part]) -> None:
    """Run until all have ended; when one ends, the others are asked to."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    await first_ended(tasks)
    _stop(parts)
    await asyncio.wait(tasks)
    for task in tasks:
        task.result()


def _stop(parts: list[Part]) -> None:
    for part in parts:
        part.stop()
