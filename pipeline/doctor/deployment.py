"""Checks of what deploying takes: the token, whose it is, what it may do; and the key that signs commands."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from pipeline.deploy.token import TokenFileError, read_token
from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.settings import Settings
from pipeline.suggestions.failures import explanation, reason_of
from schemas.deployments import FailureReason
from sinks.home_assistant import (
    HomeAssistantDeployer,
    HomeAssistantError,
    HomeAssistantReader,
    Refused,
)

CHECK = "deployer"
FILE = "automations"
# No automation has this id: asking for it needs an administrator's token and the file, and finds nothing.
NOBODYS_ID = "haai_doctor"
TRIED_AT_MOST = 20
SET_FILE = "HA_AI_DEPLOYER_TOKEN_FILE"
MAKE_FILE = (
    "Let an administrator make a long-lived token at the bottom of their profile in Home Assistant, under "
    "Security, put it into a file that only you can read (chmod 600), and name that in"
)


async def check_deployment(settings: Settings) -> AsyncIterator[Finding]:
    """Try out the administrator's token, without writing anything."""
    path, url = settings.deployer_token_file, settings.home_assistant_url
    if path is None:
        yield _not_set(url)
        return
    if url is None:
        yield wrong(
            CHECK, f"nothing is deployed: {SET_FILE} is set alone", "Set HA_AI_HOME_ASSISTANT_URL, too."
        )
        return
    try:
        token = read_token(path)
    except TokenFileError as error:
        yield wrong(CHECK, f"nothing is deployed: {error}", f"{MAKE_FILE} {SET_FILE}.")
        return
    try:
        async for finding in _try_out(url, token, path):
            yield finding
    except HomeAssistantError as error:
        yield wrong(CHECK, str(error), "Is the address right, as seen from here, and is it a token?")


def _not_set(url: str | None) -> Finding:
    if url is None:
        return ok(CHECK, "nothing is deployed: neither address nor administrator's token are set up")
    return warning(CHECK, f"nothing is deployed: {SET_FILE} is not set", f"{MAKE_FILE} {SET_FILE}.")


async def _try_out(url: str, token: str, path: Path) -> AsyncIterator[Finding]:
    deployer, reader = HomeAssistantDeployer(url, token), HomeAssistantReader(url, token)
    try:
        await deployer.read(NOBODYS_ID)
    except Refused as refused:
        yield _refusal(reason_of(refused.status), path)
        return
    if "config" not in (await reader.configuration()).get("components", ()):
        yield wrong(CHECK, explanation(FailureReason.NO_API), "Put `config:` into configuration.yaml.")
        return
    yield ok(CHECK, f"{path} holds an administrator's token")
    ids = [each.automation_id for each in (await reader.catalogue()).automations if each.automation_id]
    for automation_id in ids[:TRIED_AT_MOST]:
        if await deployer.read(automation_id) is not None:
            yield ok(FILE, "Home Assistant loads automations.yaml")
            return
    yield warning(
        FILE,
        "none of Home Assistant's automations stands in automations.yaml, so it may not be included",
        "configuration.yaml needs the line `automation: !include automations.yaml`, which it has at first.",
    )


def _refusal(reason: FailureReason, path: Path) -> Finding:
    if reason is FailureReason.TOKEN:
        return wrong(
            CHECK,
            explanation(reason),
            f"Let an administrator make a token, and put it into {path}; that of an ordinary user may not "
            "write automations.",
        )
    return wrong(FILE, explanation(reason), "See Home Assistant's log for what is wrong with that file.")


COMMAND_KEY = "command key"


def check_command_key(settings: Settings) -> Finding:
    """Look at the key's file without making it."""
    path = settings.command_key_file
    try:
        load_key(path, create=False)
    except KeyFileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return _absent(path)
        return wrong(
            COMMAND_KEY,
            str(error),
            f"chmod 600 {path}; if somebody else may have read it, or it is damaged, delete it, and the next "
            "start makes another.",
        )
    return ok(COMMAND_KEY, f"{path} is there, for its owner only")


def _absent(path: Path) -> Finding:
    place = next(each for each in path.resolve().parents if each.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        return wrong(
            COMMAND_KEY,
            f"{path} does not exist, and user {os.getuid()} cannot write into {place}",
            "Give it the right to, or let HA_AI_COMMAND_KEY_FILE name another place.",
        )
    return ok(COMMAND_KEY, f"{path} is made at the first start")
