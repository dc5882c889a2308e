"""What goes wrong with a deployment, how long that lasts, and what a person is told."""

from enum import StrEnum
from http import HTTPStatus


class Trouble(StrEnum):
    """What kept a step from being done."""

    UNREACHABLE = "unreachable"
    STARTING = "starting"
    SERVER_ERROR = "server_error"
    NOT_KEPT = "not_kept"
    STAYS = "stays"
    TOKEN = "token_refused"  # noqa: S105 a name, not a password
    NO_API = "no_api"
    NOT_LOADED = "not_loaded"
    MALFORMED = "malformed"
    NOT_SET_UP = "not_set_up"
    ALTERED = "altered"
    FOREIGN = "foreign"
    EDITED = "edited"
    REFUSED = "refused"


class Lasting(StrEnum):
    """How long a trouble lasts: tried again soon, much later, or only when a person wants it."""

    MOMENTS = "moments"
    UNTIL_MENDED = "until_mended"
    FOR_GOOD = "for_good"


_LASTING = {
    Trouble.UNREACHABLE: Lasting.MOMENTS,
    Trouble.STARTING: Lasting.MOMENTS,
    Trouble.SERVER_ERROR: Lasting.MOMENTS,
    Trouble.NOT_KEPT: Lasting.MOMENTS,
    Trouble.STAYS: Lasting.MOMENTS,
    Trouble.TOKEN: Lasting.UNTIL_MENDED,
    Trouble.NO_API: Lasting.UNTIL_MENDED,
    Trouble.NOT_LOADED: Lasting.UNTIL_MENDED,
}
_WORDS = {
    Trouble.UNREACHABLE: "Home Assistant did not answer; what became of it is looked up first.",
    Trouble.STARTING: "Home Assistant is starting, stopping or in recovery mode.",
    Trouble.SERVER_ERROR: "Home Assistant failed over automations.yaml. That happens when the file holds"
    " `!secret`, is no list, or is broken YAML: mend it, and save any automation in Home Assistant to see.",
    Trouble.NOT_KEPT: "Home Assistant said that it had kept the automation, but it is not there.",
    Trouble.STAYS: "Home Assistant said that it had removed the automation, but it is still there.",
    Trouble.TOKEN: "Home Assistant refuses the deployer's token: it has to be a valid long-lived access token"
    " of an administrator, and this machine must not be banned.",
    Trouble.NO_API: "Home Assistant does not offer its automation editor: `default_config:` or `config:` is"
    " missing from configuration.yaml.",
    Trouble.NOT_LOADED: "Home Assistant wrote the automation down but did not load it: configuration.yaml"
    " does not include automations.yaml (`automation: !include automations.yaml`), or its log says why.",
    Trouble.MALFORMED: "Home Assistant does not accept the automation.",
    Trouble.NOT_SET_UP: "Home Assistant loaded the automation but cannot set it up; Settings > Repairs says"
    " why.",
    Trouble.ALTERED: "Home Assistant kept something else than what it was given.",
    Trouble.FOREIGN: "There is an automation with this id that is not ours; it was left as it is.",
    Trouble.EDITED: "The automation was changed by hand in Home Assistant; it was left as it is.",
    Trouble.REFUSED: "It may not be deployed",
}


class ObstacleError(Exception):
    """A step that could not be done; says what is in its way.

    Parameters
    ----------
    trouble
        What kind it is of.
    detail
        What is particular about it, in plain words.
    """

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(explanation(trouble, detail))
        self.trouble = trouble


def explanation(trouble: Trouble, detail: str = "") -> str:
    """What a person is told.

    Examples
    --------
    >>> explanation(Trouble.REFUSED, "lock.unlock is not among the services that may be suggested")
    'It may not be deployed: lock.unlock is not among the services that may be suggested'
    """
    return f"{_WORDS[trouble].removesuffix('.')}: {detail}" if detail else _WORDS[trouble]


def lasting(trouble: Trouble) -> Lasting:
    """How long a trouble lasts; what is not known to pass by itself is for good."""
    return _LASTING.get(trouble, Lasting.FOR_GOOD)


def trouble_of(status: int) -> Trouble:
    """What an answer of Home Assistant that is no success means.

    Examples
    --------
    >>> trouble_of(401), trouble_of(400), trouble_of(502)
    (<Trouble.TOKEN: 'token_refused'>, <Trouble.MALFORMED: 'malformed'>, <Trouble.UNREACHABLE: 'unreachable'>)
    """
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Trouble.TOKEN
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return Trouble.NO_API
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return Trouble.SERVER_ERROR
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.TOO_MANY_REQUESTS:
            return Trouble.UNREACHABLE
    # A proxy before Home Assistant says the other 5xx.
    return Trouble.UNREACHABLE if status > HTTPStatus.INTERNAL_SERVER_ERROR else Trouble.MALFORMED
