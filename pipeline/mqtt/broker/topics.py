"""Topic names, topic filters and which matches which."""

SHARED_PREFIX = "$share/"


def is_valid_topic(topic: str) -> bool:
    """Return whether `topic` may be published to."""
    return bool(topic) and not any(forbidden in topic for forbidden in "#+\0")


def is_valid_filter(pattern: str) -> bool:
    """Return whether `pattern`, with or without a share, may be subscribed to."""
    share, topic_filter = split_share(pattern)
    if (
        not topic_filter
        or "\0" in pattern
        or share == ""
        or any(wildcard in (share or "") for wildcard in "#+")
    ):
        return False
    levels = topic_filter.split("/")
    whole_levels = all(level in {"#", "+"} or not set(level) & {"#", "+"} for level in levels)
    return whole_levels and "#" not in levels[:-1]


def split_share(pattern: str) -> tuple[str | None, str]:
    """Split a subscription into the name of its share, if any, and its topic filter.

    Examples
    --------
    >>> split_share("$share/writers/ha-ai/#")
    ('writers', 'ha-ai/#')
    >>> split_share("ha-ai/#")
    (None, 'ha-ai/#')
    """
    if not pattern.startswith(SHARED_PREFIX):
        return None, pattern
    share, _, topic_filter = pattern.removeprefix(SHARED_PREFIX).partition("/")
    return share, topic_filter


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether a topic filter without a share matches a topic.

    Examples
    --------
    >>> matches("home/+/state", "home/lamp/state"), matches("home/#", "home")
    (True, True)
    >>> matches("#", "$SYS/broker/uptime")
    False
    """
    if topic.startswith("$") and topic_filter.startswith(("#", "+")):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position == len(levels) or level not in ("+", levels[position]):
            return False
    return len(wanted) == len(levels)
