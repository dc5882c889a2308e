"""Graph of triggers and effects: any automation's configuration as links from its starts to its effects."""

from pipeline.automations.graph.automations import links_of_ours, links_of_theirs
from pipeline.automations.graph.parts import Clock, Effect, Link, Message, Passes, Reaches, Start, Sun
from pipeline.automations.graph.walk import links

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
