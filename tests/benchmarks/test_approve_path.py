"""One press of Approve runs through few files."""

from benchmarks.approve_path import GOAL, Followed, Ran, measure


def test_an_approval_runs_through_few_files() -> None:
    """From the press to the word that it is deployed, a reader opens no more files than the goal says."""
    found = measure()
    assert len(found.path) <= GOAL, found.path
    # The tracer has seen both ends.
    ends = {
        "pipeline/commands/presses.py",
        "pipeline/deploy/step_executor.py",
        "sinks/home_assistant/deployer.py",
    }
    assert ends < set(found.path) < set(found.every)


def test_what_every_message_passes_is_no_file_of_the_path() -> None:
    """Models, words, plumbing and what a library calls itself do not count."""
    called = {"schemas/topics.py", "sinks/store/store.py", "pipeline/automations/safety.py"}
    ran = Ran({*called, "pipeline/automations/conflicts.py", "pipeline/review/reviewer.py"}, called)
    found = Followed(ran, Ran({"sinks/store/store.py"}, set()))
    assert found.path == ["pipeline/automations/safety.py", "pipeline/review/reviewer.py"]
