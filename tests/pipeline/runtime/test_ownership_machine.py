"""Any freezes, deaths and jumps of clocks: never two owners that both commit, always a successor in time."""

import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.runtime import ownership
from pipeline.runtime.ownership import Ownership
from sinks.store import Held, LeaseLostError, SqlStore, StoreThread
from tests.profiles import examples

TTL_S = 4.0
POLL_S = 1.0
US = 1_000_000
YEAR_S = 365 * 86_400
CONTENDERS = st.integers(0, 2)


class Machine:
    """One would-be owner on a machine of its own, with clocks of its own."""

    def __init__(self, store: SqlStore, name: str) -> None:
        self.ownership = Ownership(store.leases, "p0", ttl_s=TTL_S, thread=StoreThread())
        self.ownership._owner = name
        self.held: Held | None = None
        self.wall_s = 1e9
        self.awake_s = 0.0
        self.is_frozen = False

    def look(self, store: SqlStore) -> None:
        """Renew what is ours, or ask for it."""
        now_us = int(self.wall_s * US)
        if self.held is not None:
            if not store.leases.renew(self.held, now_us=now_us, ttl_us=int(TTL_S * US)):
                self.held = None
            return
        with patch.multiple(ownership, monotonic_s=lambda: self.awake_s, wall_us=lambda: now_us):
            self.held = self.ownership._acquire()


class Owners(RuleBasedStateMachine):
    """Three would-be owners of a home; the store's one row is all that they share."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqlStore(f"sqlite:///{Path(self.folder.name)}/ha-ai.db")
        self.store.migrate()
        self.machines = [Machine(self.store, f"machine{number}/1/2/3") for number in range(3)]
        self.epochs: list[int] = []
        self.silent_s = 0.0
        self.speaks: Machine | None = None
        self.waited_s = [0.0, 0.0, 0.0]

    @rule(seconds=st.integers(1, 8))
    def pass_time(self, seconds: int) -> None:
        """Whoever is awake looks every second; an owner that does keeps the home."""
        for _ in range(seconds):
            before, spoke = self.store.leases.beat("p0"), self.speaks
            for number, machine in enumerate(self.machines):
                machine.wall_s += POLL_S
                machine.awake_s += POLL_S
                self.waited_s[number] = 0.0 if machine.is_frozen else self.waited_s[number] + POLL_S
                if not machine.is_frozen:
                    machine.look(self.store)
            after = self.store.leases.beat("p0")
            self.silent_s = self.silent_s + POLL_S if before == after else 0.0
            self.speaks = next((each for each in self.machines if each.held and not each.is_frozen), None)
            if spoke in self.machines and spoke is not None and not spoke.is_frozen:
                assert self.speaks is spoke

    @rule(number=CONTENDERS)
    def freeze(self, number: int) -> None:
        """Stop one as SIGSTOP or a suspended machine does."""
        self.machines[number].is_frozen = True
        if self.speaks is self.machines[number]:
            self.speaks = None

    @rule(number=CONTENDERS)
    def thaw(self, number: int) -> None:
        """Let one go on; it believes what it believed."""
        self.machines[number].is_frozen = False

    @rule(number=CONTENDERS, seconds=st.sampled_from([-YEAR_S, -3_600, 3_600, 30 * 86_400, YEAR_S]))
    def set_clock(self, number: int, seconds: int) -> None:
        """Set a wall clock."""
        self.machines[number].wall_s += seconds

    @rule(number=CONTENDERS)
    def die(self, number: int) -> None:
        """Kill one; another process comes in its place, on a machine that is not this one."""
        name = f"{self.machines[number].ownership._owner}x"
        self.machines[number] = Machine(self.store, name)
        self.waited_s[number] = 0.0

    @rule()
    def commit(self) -> None:
        """All who believe that they own the home write, frozen ones too: they were about to."""
        wrote = []
        for machine in self.machines:
            if machine.held is None:
                continue
            try:
                with self.store.begin(holder=machine.held):
                    wrote.append(machine.held.epoch)
            except LeaseLostError:
                machine.held = None
        assert len(wrote) <= 1
        self.epochs += wrote
        assert self.epochs == sorted(self.epochs)

    @invariant()
    def a_silent_owner_has_a_successor(self) -> None:
        """Within its time to be silent and two looks, if somebody looks."""
        if not hasattr(self, "machines"):
            return
        beat = self.store.leases.beat("p0")
        if beat is not None:
            bound_s = beat.ttl_us / US + 2 * POLL_S
            assert min(self.silent_s, max(self.waited_s)) <= bound_s

    def teardown(self) -> None:
        """Forget the store."""
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=examples(25), stateful_step_count=30)
