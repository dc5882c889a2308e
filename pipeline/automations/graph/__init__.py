"""Graph of triggers and effects: any automation's configuration as links from its starts to its effects."""

from pipeline.automations.graph.parts import Clock, Effect, Link, Message, Passes, Reaches, Start, Sun
from pipeline.automations.graph.walk import links, links_of_ours, links_of_theirs

__all__ = [
    "Clock",
    "Effect",
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
