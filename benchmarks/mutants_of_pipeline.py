"""Places of the pipeline and the store that matter, each broken in one way."""

from benchmarks.mutant import Mutant

CAUSES = ("tests/pipeline/core/test_attribution.py",)
DAYS = ("tests/pipeline/core",)
GAPS = ("tests/pipeline/learn/test_gap_tracker.py",)
OWNERS = ("tests/sinks/test_laws.py", "tests/pipeline/runtime/test_ownership_machine.py")

OF_PIPELINE = (
    Mutant(
        "a former owner goes on writing",
        "sinks/store/lease.py",
        """        _LEASES.c.owner == held.owner,
        _LEASES.c.epoch == held.epoch,
    )""",
        """        _LEASES.c.owner == held.owner,
    )""",
        OWNERS,
    ),
    Mutant(
        "a lease is taken although its owner has spoken meanwhile",
        "sinks/store/lease.py",
        " _LEASES.c.epoch == beat.epoch, _LEASES.c.until_us == beat.until_us",
        " _LEASES.c.epoch == beat.epoch",
        OWNERS,
    ),
    Mutant(
        "a gap begins with the last proof, not a second before it",
        "pipeline/learn/gap_tracker.py",
        "self._proof_us - REORDERED_US if self._proof_us else at_us",
        "self._proof_us if self._proof_us else at_us",
        GAPS,
    ),
    Mutant(
        "a gap that is prolonged may become shorter",
        "pipeline/core/known_gaps.py",
        "max(gap.to_us, self.all[place].to_us)",
        "gap.to_us",
        DAYS,
    ),
    Mutant(
        "an automation before midnight explains nothing after it",
        "pipeline/core/core.py",
        "if current.day.end_ms - at_ms <= MARK_CARRY_MS:",
        "if current.day.end_ms - at_ms <= 0:",
        DAYS,
    ),
    Mutant(
        "an automation before midnight explains nothing after it, where days are learned in shares",
        "pipeline/core/day_shard.py",
        "if opened.day.end_ms - at_ms <= MARK_CARRY_MS:",
        "if opened.day.end_ms - at_ms <= 0:",
        DAYS,
    ),
    Mutant(
        "an automation's own context does not make what follows its act",
        "pipeline/core/attribution.py",
        "if parent_id or context_id in automations:",
        "if parent_id:",
        CAUSES,
    ),
    Mutant(
        "a hand that takes back what an automation did is the automation's",
        "pipeline/core/attribution.py",
        "record.state != before.state and record.at_ms - before.at_ms <= RECENT_CONTEXT_MS",
        "False",
        CAUSES,
    ),
    Mutant(
        "what a group repeats is done by somebody",
        "pipeline/core/attribution.py",
        "source.entity_id != record.entity_id and record.at_ms - source.at_ms <= DERIVED_WITHIN_MS",
        "False",
        CAUSES,
    ),
    Mutant(
        "a lease counts from when the store answered",
        "pipeline/runtime/ownership.py",
        "            self.renewed_s = asked_s\n",
        "            self.renewed_s = _awake_or_not_s()\n",
        ("tests/pipeline/runtime/test_ownership.py",),
    ),
    Mutant(
        "a heartbeat proves that no event was missed, though none came",
        "pipeline/learn/gap_tracker.py",
        "        self._proof_us = self._event_us\n",
        "",
        GAPS,
    ),
    Mutant(
        "a late automation before midnight changes no day after it",
        "pipeline/core/core.py",
        "            following.dirty = True\n",
        "",
        DAYS,
    ),
    Mutant(
        "of sensors alone the last one is the source",
        "pipeline/core/attribution.py",
        "            and not record.entity_id.startswith(OBSERVING)\n",
        "",
        CAUSES,
    ),
    Mutant(
        "the last entry that a kept day holds is learned again",
        "pipeline/learn/learner.py",
        "if seq > applied.get(",
        "if seq >= applied.get(",
        ("tests/pipeline/learn/test_upgrade.py",),
    ),
    Mutant(
        "a model that is gone back with knows the day that changed",
        "pipeline/core/day_learning.py",
        "for day, state in self.states.items() if day < before}",
        "for day, state in self.states.items() if day <= before}",
        ("tests/pipeline/core/test_day_learning.py",),
    ),
    Mutant(
        "an open day does not say up to which entry it was kept",
        "pipeline/learn/work.py",
        "            applied_seq=seq,\n",
        "            applied_seq=0,\n",
        ("tests/pipeline/learn/test_upgrade.py",),
    ),
    Mutant(
        "a day that is closed again does not say up to which entry it was kept",
        "pipeline/learn/work.py",
        "at_us=now_us, applied_seq=seq)\n    for detector",
        "at_us=now_us, applied_seq=0)\n    for detector",
        ("tests/pipeline/learn/test_upgrade.py",),
    ),
    Mutant(
        "the silence of an owner is that of the next one",
        "pipeline/runtime/ownership.py",
        "if beat != self._seen:",
        "if self._seen is None or beat.until_us != self._seen.until_us:",
        ("tests/pipeline/runtime/test_ownership.py",),
    ),
    Mutant(
        "a removal that is refused waits as long as one that was given up",
        "pipeline/suggestions/deployment_steps.py",
        "patience.most if row.wanted else round_end",
        "patience.most",
        ("tests/pipeline/suggestions/test_deployment_steps.py",),
    ),
    Mutant(
        "a gap may become shorter by one within it",
        "pipeline/learn/joined_gaps.py",
        "max(last.to_us, gap.to_us)",
        "gap.to_us",
        ("tests/pipeline/learn/test_joined_gaps.py",),
    ),
    Mutant(
        "words that were shown a moment before the press were read",
        "pipeline/commands/presses.py",
        "> pressed.at_us - SHOWN_FOR_US:",
        "> pressed.at_us:",
        ("tests/pipeline/review/test_reviewer_presses.py",),
    ),
    Mutant(
        "each late event closes the last day anew",
        "pipeline/learn/learner.py",
        "if due[-1].start_ms >= self._closed_through_ms or",
        "if due[-1].end_ms >= self._closed_through_ms or",
        ("tests/pipeline/learn/test_learner.py",),
    ),
)
