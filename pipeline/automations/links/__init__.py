"""What starts what: any automation's configuration as links from its starts to its deeds."""

from pipeline.automations.links.automations import links_of_ours, links_of_theirs
from pipeline.automations.links.parts import Clock, Deed, Link, Message, Passes, Reaches, Start, Sun
from pipeline.automations.links.walk import links

__all__ = [
    "Clock",
    "Deed",
    "Link",
    "Message",
    "Passes",
    "Reaches",
    "Start",
    "Sun",
    "links",
    "links_of_ours",
    "links_of_theirs",
]
