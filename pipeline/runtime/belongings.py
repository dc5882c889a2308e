"""Files that belong to a home beside its store: settings, the key, and who may read them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from pydantic import SecretStr

from pipeline.settings import PREFIX, Settings
from pipeline.settings.groups import HomeSettings, StoreSettings
from schemas.home import Home
from sinks.store.backup import backups
from sinks.store.sqlite_file import is_for_others, make_private, path_of

log = structlog.get_logger(__name__)

SETTINGS, KEY = "settings.env", "ha-ai.key"
# Small files that a setting names, and their names in a backup.
NAMED = {"home_file": "home.json", "mqtt_ca_file": "ca.pem"}
# Where things lie is this machine's own business; the administrator's token is read by the deployer alone.
OF_THE_MACHINE = frozenset(
    {"database_path", "database_url", "command_key_file", "deployer_token_file", "backup_dir"}
)
LARGEST_BYTES = 1_000_000


def database_file(settings: StoreSettings) -> Path | None:
    """The SQLite file of the store; None where the store is another database.

    Examples
    --------
    >>> database_file(StoreSettings(database_path="/data/ha-ai.db"))
    PosixPath('/data/ha-ai.db')
    """
    return path_of(settings.store_url)


def backup_folder(settings: StoreSettings) -> Path | None:
    """Return the folder of backups; None where the store is no SQLite file.

    Examples
    --------
    >>> backup_folder(StoreSettings(database_path="/data/ha-ai.db"))
    PosixPath('/data/backups')
    """
    file = database_file(settings)
    return None if file is None else settings.backup_dir or file.parent / "backups"


def home_id(settings: HomeSettings) -> str:
    """The home's id, as the store has it.

    Examples
    --------
    >>> home_id(HomeSettings()), home_id(HomeSettings(home="cabin"))
    ('home', 'cabin')
    """
    return Home.read(settings.home_file).id if settings.home_file else settings.home or "home"


def belongings(settings: Settings, *, secrets: bool) -> dict[str, bytes]:
    """Return what a backup keeps beside the store, by name.

    Parameters
    ----------
    settings
        What was set, in the environment or in ``.env``.
    secrets
        Whether the key, passwords and tokens are among it; the administrator's token never is.
    """
    found = {SETTINGS: as_env(settings, secrets=secrets).encode()}
    for setting, name in NAMED.items():
        path = getattr(settings, setting)
        if path is not None and path.is_file():
            found[name] = _content(path)
    if secrets and settings.command_key_file.is_file():
        found[KEY] = _content(settings.command_key_file)
    return found


def as_env(settings: Settings, *, secrets: bool) -> str:
    r"""Return what was set as the content of a file ``.env``.

    Examples
    --------
    >>> made = Settings(_env_file=None, home="cabin", mqtt_password="it's", database_path="/data/a.db")
    >>> print(as_env(made, secrets=True), end="")
    HA_AI_HOME='cabin'
    HA_AI_MQTT_PASSWORD='it\'s'
    # of the machine it was made on: HA_AI_DATABASE_PATH='/data/a.db'
    >>> "MQTT_PASSWORD" in as_env(made, secrets=False)
    False
    """
    lines, elsewhere = [], []
    for name in sorted(settings.model_fields_set & type(settings).model_fields.keys()):
        value = getattr(settings, name)
        if value is None or (isinstance(value, SecretStr) and (not secrets or name in OF_THE_MACHINE)):
            continue
        plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        quoted = plain.replace("\\", "\\\\").replace("'", "\\'")
        line = f"{PREFIX}{name.upper()}='{NAMED.get(name, quoted)}'"
        if name in OF_THE_MACHINE:
            elsewhere.append(f"# of the machine it was made on: {line}")
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in (*lines, *elsewhere))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES)


UMASK = 0o077


def private_paths(settings: StoreSettings) -> list[Path]:
    """The store's files, what was moved aside of it, and its backups, as far as they are there."""
    database, folder = database_file(settings), backup_folder(settings)
    if database is None or folder is None:
        return []
    beside = sorted(database.parent.glob(f"{database.name}*"))
    return [*(path for path in beside if path.is_file()), *(each.path for each in backups(folder))]


def readable_by_others(settings: StoreSettings) -> list[Path]:
    """Those of them that others than their owner can read or write."""
    return [path for path in private_paths(settings) if is_for_others(path)]


@contextmanager
def keeping_private(settings: StoreSettings) -> Iterator[None]:
    """Take what is there away from others, and make what comes meanwhile for its owner only."""
    for path in readable_by_others(settings):
        try:
            log.info("file made private", path=str(path), mode=f"{make_private(path):03o}")
        except OSError as error:
            log.warning(
                "a file that tells of the household can be read by others: chmod 600 it as its owner",
                path=str(path),
                error=error.strerror,
            )
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)
