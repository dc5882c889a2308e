"""Learning as a part of ``ha-ai run``: the service, and how it goes, on a terminal."""

import asyncio
import sys
from functools import partial

import structlog

from pipeline.health import Health, Metrics
from pipeline.learn.service import Service
from pipeline.runtime.daily_backup import DailyBackup
from pipeline.runtime.role import Loop
from pipeline.settings import Settings
from pipeline.settings.sections import LearnSettings
from schemas.home import Home
from schemas.topics import Role

log = structlog.get_logger(__name__)

SHOW_S = 10.0


def learning(
    settings: Settings,
    home: Home,
    consumers: frozenset[Role],
    health: Health,
    metrics: Metrics,
) -> tuple[Service, list[Loop]]:
    """The service that learns, publishes, or does both, and what runs beside it."""
    section = settings.section(LearnSettings)
    service = Service(section, home, consumers=consumers, health=health, metrics=metrics)
    loops: list[Loop] = [partial(_show, service)]
    if Role.LEARN in consumers:
        loops.append(DailyBackup(settings, home.id, health).run)
    return service, loops


async def _show(service: Service) -> None:
    """Every few seconds, on a terminal, how it goes."""
    before = 0.0
    while sys.stderr.isatty():
        await asyncio.sleep(SHOW_S)
        entries = service.metrics.entries_total
        learner = service.learner
        log.info(
            "running",
            per_second=round((entries - before) / SHOW_S, 1),
            lag_s=round(service.health.lag_s, 1),
            waiting=service.health.waiting,
            patterns=len(learner.core.ledger.active) if learner else 0,
            gaps=len(learner.core.gaps) if learner else 0,
            problems=service.health.problems(),
        )
        before = entries
