"""Chains and bundles: several things done after one another, in one order or in any."""

from collections.abc import Sequence
from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.instance import World, poisson
from pipeline.simulation.operation import Done, Operation
from pipeline.simulation.people import Difficulty
from pipeline.simulation.presence import Presence
from pipeline.simulation.truth import Bundle, Chain, EntityState

_LAG_SIGMA = 0.35
_CHAINS_PER_DAY = 1.0
_BUNDLES_PER_DAY = 0.8
_MEMBER_SHARE = 0.92
_DAY_MINUTES = (470.0, 1350.0)

_CHAINS = (
    (
        EntityState("light.hob", "on"),
        EntityState("fan.kitchen_hood", "on"),
        EntityState("media_player.kitchen_speaker", "playing"),
    ),
    (
        EntityState("switch.bath_heater", "on"),
        EntityState("light.bathtub", "on"),
        EntityState("switch.bath_jets", "on"),
    ),
    (
        EntityState("switch.amplifier", "on"),
        EntityState("media_player.projector", "playing"),
        EntityState("cover.screen", "open"),
        EntityState("light.film_spots", "on"),
    ),
    (
        EntityState("switch.compressor", "on"),
        EntityState("light.workbench", "on"),
        EntityState("fan.garage", "on"),
        EntityState("media_player.garage_radio", "playing"),
    ),
)
_PLANTED_CHAINS = 3
_BUNDLES = (
    (
        EntityState("light.desk_strip", "on"),
        EntityState("switch.desk_monitor", "on"),
        EntityState("media_player.desk_music", "playing"),
    ),
    (EntityState("light.dinner_table", "on"), EntityState("switch.hot_plate", "on")),
)


def chain_devices() -> list[Device]:
    """Return the entities of chains and bundles; each is used by itself now and then."""
    return [
        device("light.hob", "kitchen", minutes=22, uses_per_day=0.3),
        device("fan.kitchen_hood", "kitchen", minutes=18, uses_per_day=0.4),
        device("media_player.kitchen_speaker", "kitchen", minutes=30, uses_per_day=0.4),
        device("switch.bath_heater", "bathroom", minutes=28, sigma=0.15, uses_per_day=0.3),
        device("light.bathtub", "bathroom", minutes=24, uses_per_day=0.4),
        device("switch.bath_jets", "bathroom", minutes=16, sigma=0.1, uses_per_day=0.4),
        device("switch.amplifier", "living_room", minutes=70, uses_per_day=0.3),
        device("media_player.projector", "living_room", minutes=65, uses_per_day=0.4),
        device("cover.screen", "living_room", minutes=75, uses_per_day=0.3, device_class="shade"),
        device("light.film_spots", "living_room", minutes=20, sigma=0.5, uses_per_day=0.4),
        device("switch.compressor", "garage", minutes=15, uses_per_day=0.3),
        device("light.workbench", "garage", minutes=35, uses_per_day=0.4),
        device("fan.garage", "garage", minutes=25, uses_per_day=0.4),
        device("media_player.garage_radio", "garage", minutes=40, uses_per_day=0.4),
        device("light.desk_strip", "office", minutes=55, uses_per_day=0.5),
        device("switch.desk_monitor", "office", minutes=50, uses_per_day=0.5),
        device("media_player.desk_music", "office", minutes=35, sigma=0.6, uses_per_day=0.5),
        device("light.dinner_table", "living_room", minutes=40, uses_per_day=0.6),
        device("switch.hot_plate", "living_room", minutes=30, sigma=0.15, uses_per_day=0.4),
    ]


def plant_chains(rng: Random, difficulty: Difficulty) -> list[Chain]:
    """Draw the household's chains, of three and of four steps; the other's devices are used at random."""
    chains = []
    for number, steps in enumerate(rng.sample(_CHAINS, _PLANTED_CHAINS), 1):
        lags = tuple(round(rng.uniform(5, 40), 1) for _ in steps[1:])
        probability = difficulty.probability(rng.uniform(0.82, 0.95))
        chains.append(Chain(f"chain-{number}", steps, lags, probability))
    return chains


def plant_bundles(rng: Random) -> list[Bundle]:
    """Draw how close together things happen that have one cause."""
    return [
        Bundle(f"bundle-{number}", members, round(rng.uniform(30, 90), 1))
        for number, members in enumerate(_BUNDLES, 1)
    ]


class ChainPractice:
    """Do one thing after the other, at times that nothing tells."""

    def __init__(
        self,
        world: World,
        presence: Presence,
        operation: Operation,
        chains: Sequence[Chain],
        bundles: Sequence[Bundle],
    ) -> None:
        self._world = world
        self._presence = presence
        self._operation = operation
        self._chains = chains
        self._bundles = bundles
        self._rng = world.rng("chains")

    def plan(self, day: int) -> None:
        """Plan when a day's chains and bundles begin, if somebody is there then."""
        for chain in self._chains:
            for _ in range(poisson(self._rng, _CHAINS_PER_DAY)):
                self._at_some_time(day, partial(self._begin, chain))
        for bundle in self._bundles:
            for _ in range(poisson(self._rng, _BUNDLES_PER_DAY)):
                self._at_some_time(day, partial(self._scatter, bundle))

    def _at_some_time(self, day: int, action: partial[None]) -> None:
        self._world.agenda.at(self._world.calendar.moment(day, self._rng.uniform(*_DAY_MINUTES)), action)

    def _begin(self, chain: Chain, at: float) -> None:
        if self._enter(chain.steps[0], at):
            self._step(chain, (), at + self._rng.uniform(4, 15))

    def _step(self, chain: Chain, done: tuple[float, ...], at: float) -> None:
        """Do the next step, and plan the one after it once it shows."""

        def follow(now: float) -> None:
            times = (*done, now)
            chain.trials += len(times) == 1
            if len(times) == len(chain.steps):
                chain.occurrences.append(times)
            elif self._rng.random() < chain.probability:
                lag_s = chain.lag_seconds[len(done)] * self._rng.lognormvariate(0, _LAG_SIGMA)
                self._step(chain, times, now + lag_s)

        self._plan(chain.steps[len(done)], at, follow)

    def _scatter(self, bundle: Bundle, at: float) -> None:
        """Do what belongs together in any order."""
        if not self._enter(bundle.members[0], at):
            return
        bundle.occurrences.append(at)
        for member in bundle.members:
            moment = at + 3 + self._rng.uniform(0, bundle.within_seconds)
            if self._rng.random() < _MEMBER_SHARE:
                self._plan(member, moment, lambda _: None)

    def _enter(self, first: EntityState, at: float) -> bool:
        """Let somebody come to where it begins, unless nobody is there to."""
        awake = self._presence.awake()
        if awake:
            room = self._world.home_assistant.device(first.entity_id).room
            self._presence.go(at, self._rng.choice(awake), room)
        return bool(awake)

    def _plan(self, target: EntityState, at: float, done: Done) -> None:
        interface = self._operation.by_interface()
        self._world.agenda.at(
            at, lambda now: self._operation.operate(now, target, interface=interface, done=done)
        )
