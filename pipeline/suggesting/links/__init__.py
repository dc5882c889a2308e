"""What starts what: any automation's configuration as links from its starts to its deeds."""

from pipeline.suggesting.links.automations import links_of_ours, links_of_theirs
from pipeline.suggesting.links.parts import Clock, Deed, Link, Message, Passes, Reaches, Start, Sun
from pipeline.suggesting.links.walk import links

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
