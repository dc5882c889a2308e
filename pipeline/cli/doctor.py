"""``ha-ai doctor``: what is wrong around ha-ai, and what to do."""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from pydantic import ValidationError
from rich.padding import Padding
from rich.text import Text

from pipeline.cli.terminal import OUT, say
from pipeline.doctor.backups import check_backups, check_privacy
from pipeline.doctor.broker import check_broker
from pipeline.doctor.deployment import check_command_key, check_deployment
from pipeline.doctor.finding import Finding, Verdict, check_setting_names, explain, wrong
from pipeline.doctor.home_assistant import check_home_assistant
from pipeline.doctor.service import check_service
from pipeline.doctor.store import check_store
from pipeline.runtime.masking import mask
from pipeline.settings import Settings

STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "bold red"}
VERDICT_WIDTH, CHECK_WIDTH = 9, 19


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Check everything; 1 if something is wrong."""
    return report(_findings(), as_json=arguments.json)


def report(findings: AsyncIterator[Finding], *, as_json: bool) -> int:
    """Show findings as they come; 1 if something is wrong."""
    return asyncio.run(_report(findings, as_json=as_json))


async def _report(findings: AsyncIterator[Finding], *, as_json: bool) -> int:
    verdicts = []
    waiting = OUT.status("checking") if OUT.is_terminal and not as_json else contextlib.nullcontext()
    with waiting:
        async for found in findings:
            finding = found._replace(found=mask(found.found), advice=mask(found.advice))
            verdicts.append(finding.verdict)
            if as_json:
                say(json.dumps(finding._asdict()))
            else:
                _show(finding)
    number = verdicts.count(Verdict.WRONG)
    if not as_json:
        warnings = verdicts.count(Verdict.WARNING)
        say(f"\n{number} wrong, {warnings} to look at, {verdicts.count(Verdict.OK)} ok")
    return 1 if number else 0


async def _findings() -> AsyncIterator[Finding]:
    for finding in check_setting_names():
        yield finding
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in explain(error):
            yield wrong("settings", problem, "Correct it in the environment or in .env.")
        return
    for finding in await check_service(settings):
        yield finding
    for finding in check_store(settings):
        yield finding
    yield check_command_key(settings)
    for finding in (*check_backups(settings), *check_privacy(settings)):
        yield finding
    async for finding in check_home_assistant(settings):
        yield finding
    async for finding in check_deployment(settings):
        yield finding
    async for finding in check_broker(settings):
        yield finding


def _show(finding: Finding) -> None:
    verdict = (f"{finding.verdict:<{VERDICT_WIDTH}}", STYLES[finding.verdict])
    line = Text.assemble(verdict, f"{finding.check:<{CHECK_WIDTH}}", finding.found)
    OUT.print(line, soft_wrap=True)
    if finding.advice:
        OUT.print(Padding(Text(finding.advice), (0, 0, 0, VERDICT_WIDTH + CHECK_WIDTH), expand=False))
