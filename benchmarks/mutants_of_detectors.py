"""Places of the detectors that matter, each broken in one way."""

from benchmarks.mutant import Mutant

PAIRS = ("tests/detectors/test_co_occurrence.py", "tests/detectors/following")
CHAINS = ("tests/detectors/test_sequence.py",)
DURATIONS = ("tests/detectors/test_duration.py",)
CLOCK = ("tests/detectors/time_of_day",)
ALARMS = ("tests/detectors",)
RULES = ("tests/detectors/test_anomaly_rules.py",)

OF_DETECTORS = (
    Mutant(
        "one candidate is judged as if it were the only one",
        "detectors/evidence.py",
        "np.arange(1, len(e) + 1) >= tested / alpha)",
        "np.arange(1, len(e) + 1) >= 1 / alpha)",
        ("tests/detectors/test_evidence.py",),
    ),
    Mutant(
        "rarer hits than by chance are evidence",
        "detectors/evidence.py",
        "possible = theta > q",
        "possible = theta > 0 * q",
        ("tests/detectors/test_evidence.py",),
    ),
    Mutant(
        "pairs that were screened out are not counted as tested",
        "detectors/co_occurrence/detector.py",
        "max(pairs_tested, len(evidence))",
        "len(evidence)",
        PAIRS,
    ),
    Mutant(
        "chains that were screened out are not counted as tested",
        "detectors/sequence/detector.py",
        "max(joints_tested, len(log_e))",
        "len(log_e)",
        CHAINS,
    ),
    Mutant(
        "a split of stays costs nothing",
        "detectors/duration/candidates.py",
        " - log(max(part.ways for part, _ in found))",
        "",
        DURATIONS,
    ),
    Mutant(
        "a habit of the clock needs no evidence for all that was tested",
        "detectors/time_of_day/search.py",
        "max(floor, len(rows) / (self._alpha * max(1, believed)))",
        "floor",
        CLOCK,
    ),
    Mutant(
        "somebody's being active explains no pair",
        "detectors/following/nulls.py",
        """    return np.maximum(
        active_rates(timeline, candidates, trials), due_rates(timeline, candidates, trials, dwells)
    )""",
        "    return due_rates(timeline, candidates, trials, dwells)",
        PAIRS,
    ),
    Mutant(
        "an action's being due explains no pair",
        "detectors/following/nulls.py",
        """    return np.maximum(
        active_rates(timeline, candidates, trials), due_rates(timeline, candidates, trials, dwells)
    )""",
        "    return active_rates(timeline, candidates, trials)",
        PAIRS,
    ),
    Mutant(
        "each hit's own dwell time counts against it",
        "detectors/following/nulls.py",
        "own = trials.hits\n",
        "own = 0 * trials.hits\n",
        PAIRS,
    ),
    Mutant(
        "a pair has no direction",
        "detectors/following/nulls.py",
        "np.asarray(first >= LEAST_RATIO * last)",
        "np.asarray(first >= 0 * last)",
        PAIRS,
    ),
    Mutant(
        "trials in a gap count as misses",
        "detectors/following/trials.py",
        "~already(timeline, actions, at) & timeline.log.seen(at, at + windows)",
        "~already(timeline, actions, at)",
        PAIRS,
    ),
    Mutant(
        "slips are evidence against a duration",
        "detectors/duration/trial.py",
        "_gain(int(hits[at:until].sum()), len(uses), window.chance)",
        "_gain(int(hits[at:until].sum()), len(told), window.chance)",
        DURATIONS,
    ),
    Mutant(
        "a stay across midnight that an automation ended counts",
        "detectors/duration/stays.py",
        "if before.last_foreign or ends.first_foreign:",
        "if before.last_foreign:",
        DURATIONS,
    ),
    Mutant(
        "an entity's other uses are no background of its habit",
        "detectors/time_of_day/background.py",
        "np.maximum(flank, outside * g / (1 - g))",
        "0 * flank",
        CLOCK,
    ),
    Mutant(
        "quiet weeks save up alarms without a limit",
        "detectors/anomaly/budget.py",
        "min(self.capacity, self.tokens + self.weekly * passed_ms / WEEK_MS)",
        "self.tokens + self.weekly * passed_ms / WEEK_MS",
        ALARMS,
    ),
    Mutant(
        "missed routines spend what faults need",
        "detectors/anomaly/budget.py",
        "self.routines if kind is AnomalyKind.MISSED_ROUTINE else self.faults",
        "self.faults",
        ALARMS,
    ),
    Mutant(
        "a dead radio is many alarms",
        "detectors/anomaly/budget.py",
        "if any(abs(alarm.began_ms - other) < TOGETHER_MS[alarm.kind] for other in begun):",
        "if any(alarm.began_ms == other for other in begun[:0]):",
        ALARMS,
    ),
    Mutant(
        "a weekday's habit may be every day's",
        "detectors/time_of_day/scan.py",
        "k_out * n < CONTRAST * k * n_out",
        "k_out * n < k * n_out",
        CLOCK,
    ),
    Mutant(
        "the busy hour of a room explains nothing in it",
        "detectors/time_of_day/background.py",
        "np.maximum(self._home_share(row, slot, width), g_room)",
        "self._home_share(row, slot, width)",
        CLOCK,
    ),
    Mutant(
        "the busy hour of the home explains nothing in a room",
        "detectors/time_of_day/background.py",
        "np.maximum(self._home_share(row, slot, width), g_room)",
        "g_room",
        CLOCK,
    ),
    Mutant(
        "the window of a pair was not chosen among others",
        "detectors/following/tried.py",
        " - LOG_WINDOWS)",
        ")",
        PAIRS,
    ),
    Mutant(
        "a chain is as sure as its surest joint",
        "detectors/sequence/chains.py",
        "joints.min(axis=1)",
        "joints.max(axis=1)",
        CHAINS,
    ),
    Mutant(
        "stays without memory are evidence",
        "detectors/duration/window.py",
        "np.sum(forecast + 1 + np.log(gone_on))",
        "np.sum(forecast + 2 + np.log(gone_on))",
        DURATIONS,
    ),
    Mutant(
        "what was said live costs the next budget nothing",
        "detectors/anomaly/budget.py",
        "                self._account(key[0]).spend(at_ms)\n",
        "",
        RULES,
    ),
    Mutant(
        "what began before another thing is that thing",
        "detectors/anomaly/budget.py",
        "abs(alarm.began_ms - other)",
        "(alarm.began_ms - other)",
        RULES,
    ),
    Mutant(
        "an alarm that comes late fills the account",
        "detectors/anomaly/budget.py",
        "self.at_ms = max(self.at_ms, at_ms)",
        "self.at_ms = at_ms",
        RULES,
    ),
    Mutant(
        "a stay across a gap is learned",
        "detectors/anomaly/track.py",
        "if self.since_ms < until_ms:",
        "if self.since_ms > until_ms:",
        RULES,
    ),
    Mutant(
        "a weekday is sought in any number of weeks",
        "detectors/time_of_day/season.py",
        "if each >= weekly_from]",
        "if each >= 7]",
        CLOCK,
    ),
    Mutant(
        "what is left on a third time is a mishap still",
        "detectors/anomaly/track.py",
        "if self.overlong < USUAL:",
        "if self.overlong <= USUAL:",
        RULES,
    ),
)
