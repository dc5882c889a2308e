"""Keeping secrets out of what is said: credentials by their form, and those that are known by their value."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

MASK = "***"
# Up to the last @: a password may hold one, and to mask too much of an address costs nothing.
CREDENTIALS = re.compile(r"(?<=://)[^\s'\"]*@")
NAME = r"password|passwd|passphrase|token|secret|api_key|authorization"
PARAMETER = re.compile(rf"(\w*(?:{NAME})\w*=)[^&\s'\"]+", re.IGNORECASE)
SECRET_NAME = re.compile(NAME, re.IGNORECASE)
# Shorter ones are words: a log in which "home" is masked tells nothing, least of all that it was no secret.
SHORTEST = 8


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask credentials in addresses and their parameters, and these secrets wherever they stand.

    Examples
    --------
    >>> mask("no answer from mqtt://u:p@ss@host:1883/x?password=p")
    'no answer from mqtt://***@host:1883/x?password=***'
    >>> mask("sent 'correct horse'", ["correct horse"])
    "sent '***'"
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    return PARAMETER.sub(rf"\1{MASK}", CREDENTIALS.sub(f"{MASK}@", text))


def mask_all(said: Any, secrets: Iterable[str] = ()) -> Any:
    """Mask every text of lists and dictionaries, and whatever their keys call a secret.

    Examples
    --------
    >>> mask_all({"mqtt_password": "p", "urls": ["mqtt://u:p@host"], "port": 1883})
    {'mqtt_password': '***', 'urls': ['mqtt://***@host'], 'port': 1883}
    """
    if isinstance(said, str):
        return mask(said, secrets)
    if isinstance(said, dict):
        return {
            key: MASK if SECRET_NAME.search(str(key)) else mask_all(value, secrets)
            for key, value in said.items()
        }
    if isinstance(said, list | tuple):
        return [mask_all(each, secrets) for each in said]
    return said


def secrets_of(settings: Any) -> list[str]:
    """The values of settings that are secret, the longest first, so that none leaves a part of another.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> secrets_of(Settings(_env_file=None, mqtt_password="correct horse", home_assistant_token="short"))
    ['correct horse']
    """
    values = (getattr(settings, name) for name in type(settings).model_fields)
    found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    return sorted((value for value in found if len(value) >= SHORTEST), key=len, reverse=True)
