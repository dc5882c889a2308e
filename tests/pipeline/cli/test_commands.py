"""Commands from the terminal: signed, over MQTT, to the real reviewer; Home Assistant's side is played."""

import getpass
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.answer.answerer import Answerer
from pipeline.backtest.runner import BacktestRunner
from pipeline.commands.signing import verified
from pipeline.deploy.deployer import Deployer
from pipeline.review.reviewer import Reviewer
from pipeline.runtime.key_file import load_key
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.wording.suggestions import proof
from schemas.commands import AutomationExecuted, AutomationFailed, SignedCommand, Verb
from schemas.instants import from_us
from schemas.outgoing import Outgoing
from schemas.suggestions import Opinion, Status, Suggestion, Trial
from schemas.topics import Role
from tests.fixtures.hosting import Hosted, Make, Publisher
from tests.fixtures.offers import offer, pattern, suggestion, trial
from tests.sinks.fake_home_assistant import FakeHomeAssistant, in_thread

Command = Any


class PlayedDeployer:
    """Verifies commands as the deployer does, and tells of each what the test wants told."""

    name = Role.DEPLOY

    def __init__(self, desk: RoleContext, tells: list[AutomationExecuted | AutomationFailed]) -> None:
        self._desk = desk
        self._tells = tells
        self.taken: list[SignedCommand] = []

    def subscribers(self) -> Sequence[Subscriber]:
        topics = self._desk.settings.topics
        return [
            Subscriber(topics.automation_command(verb), self._take) for verb in (Verb.DEPLOY, Verb.ROLLBACK)
        ]

    def loops(self) -> Sequence[Loop]:
        return []

    async def _take(self, received: IncomingMessage) -> None:
        key = load_key(self._desk.settings.command_key_file, create=False)
        verb = Verb(received.topic.rpartition("/")[2])
        command = verified(received.payload, verb, key, self._desk.now_us() // 1000)
        self.taken.append(command)
        topics = self._desk.settings.topics
        for number, told in enumerate(self._tells):
            executed = isinstance(told, AutomationExecuted)
            topic = topics.automation_executed if executed else topics.automation_failed
            payload = told.model_dump_json().encode()
            await self._desk.publish(Outgoing(f"{command.nonce}{number}", topic, payload))


class Stage(Hosted):
    """Answerer, reviewer, publisher and the played deployer, with one suggestion and its habit."""

    def __init__(self, folder: Path, url: str) -> None:
        self.tells: list[AutomationExecuted | AutomationFailed] = []
        self.deployer: PlayedDeployer | None = None
        super().__init__(
            folder,
            url,
            {
                Role.ANSWER: Answerer,
                Role.REVIEW: Reviewer,
                Role.PUBLISH: Publisher,
                Role.DEPLOY: self._deploy,
            },
        )

    @property
    def taken(self) -> list[SignedCommand]:
        """What the deployer was commanded."""
        assert self.deployer is not None
        return self.deployer.taken

    def now(self, known: Suggestion) -> Suggestion:
        """A suggestion as it is in the store."""
        found = self.store.suggestions.get(known.id)
        assert found is not None
        return found

    def _deploy(self, desk: RoleContext) -> PlayedDeployer:
        self.deployer = PlayedDeployer(desk, self.tells)
        return self.deployer


@pytest.fixture
def known() -> Suggestion:
    """The suggestion that is there."""
    return suggestion()


@pytest.fixture
def stage(
    tmp_path: Path, at_broker: Any, monkeypatch: pytest.MonkeyPatch, known: Suggestion
) -> Iterator[Stage]:
    """Everybody who takes part, at the broker and with the key that the settings name."""
    running = Stage(tmp_path, at_broker.url)
    monkeypatch.setenv("HA_AI_COMMAND_KEY_FILE", str(running.settings.command_key_file))
    monkeypatch.setenv("HA_AI_DEPLOYER_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("HA_AI_DATABASE_PATH", str(running.settings.database_path))
    running.keep(known)
    with running.store.begin() as transaction:
        transaction.save_patterns([pattern()], at_us=0)
    with capture_logs():
        running.start()
        yield running
        running.stop()


def executed(known: Suggestion, what: Any = "deployed", text: str = "it runs now") -> AutomationExecuted:
    """What the deployer says of what it did."""
    return AutomationExecuted(
        message_id="1",
        at=from_us(0),
        what=what,
        suggestion_id=known.id,
        automation_id=known.automation_id,
        version=1,
        text=text,
    )


def failed(known: Suggestion, *, retried: bool, text: str) -> AutomationFailed:
    """What the deployer says of what it could not do."""
    return AutomationFailed(
        message_id="1",
        at=from_us(0),
        suggestion_id=known.id,
        automation_id=known.automation_id,
        step="write",
        retried=retried,
        text=text,
    )


def test_approve(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """What was shown is approved by the login's name and deployed as it was seen; what came of it is told."""
    stage.tells += [
        executed(suggestion(id="f" * 16), text="of another one"),
        executed(known, "ran", "it ran by itself"),
        failed(known, retried=True, text="Home Assistant did not answer"),
        executed(known),
    ]
    outcome = ha_ai("approve", known.id[:6])
    assert outcome.code == 0, outcome.err
    assert known.title in outcome.out
    assert proof(known.trial) in outcome.out
    assert outcome.out.endswith("Home Assistant did not answer\nit runs now\n")
    assert "of another one" not in outcome.out
    assert stage.now(known).status is Status.APPROVED
    assert [(each.content_hash, each.approver) for each in stage.taken] == [
        (known.content_hash, getpass.getuser())
    ]


def test_approve_what_home_assistant_refuses(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """What could not be done for good is told in words, and the exit code says so."""
    stage.tells.append(failed(known, retried=False, text="it does not know light.turn_on"))
    outcome = ha_ai("approve", known.id, "--by", "Ada")
    assert outcome.code == 1
    assert "it does not know light.turn_on" in outcome.out
    assert stage.taken[0].approver == "Ada"


def test_approve_and_nothing_comes(
    stage: Stage, ha_ai: Command, known: Suggestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing comes of it in time, it is said what to look after."""
    assert stage.taken == []
    monkeypatch.setattr("pipeline.cli.commanding.IN_HOME_ASSISTANT_S", 0.3)
    outcome = ha_ai("approve", known.id)
    assert outcome.code == 2
    assert "HA_AI_DEPLOYER_TOKEN_FILE" in outcome.err


def test_without_a_token_nothing_is_waited_for(
    stage: Stage, ha_ai: Command, known: Suggestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing deploys, that is said at once with the setting; the approval counts, a rollback fails."""
    monkeypatch.delenv("HA_AI_DEPLOYER_TOKEN_FILE")
    approved, taken_back = ha_ai("approve", known.id), ha_ai("rollback", known.id)
    assert (approved.code, taken_back.code) == (0, 1)
    assert stage.now(known).status is Status.APPROVED
    for outcome in (approved, taken_back):
        assert "set HA_AI_DEPLOYER_TOKEN_FILE" in outcome.err
        assert "waiting for Home Assistant" not in outcome.err


def test_approve_what_was_rejected(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """The reviewer's no is told and is exit code 1; nothing is deployed."""
    assert ha_ai("reject", known.id, "--reason", "too early").code == 0
    outcome = ha_ai("approve", known.id)
    assert outcome.code == 1
    assert stage.taken == []


def test_reject_with_a_reason(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """A no counts with its words."""
    outcome = ha_ai("reject", known.id, "--reason", "too early on Sundays", "--by", "Ada")
    assert outcome.code == 0
    assert "rejected" in outcome.out
    said = stage.store.suggestions.feedback()[0]
    assert (said.opinion, said.person, said.text) == (Opinion.REJECTED, "Ada", "too early on Sundays")


def test_not_now(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """Put off is no no: it waits on."""
    outcome = ha_ai("reject", known.id, "--not-now")
    assert outcome.code == 0
    assert stage.now(known).status is Status.PENDING
    until = stage.now(known).snoozed_until
    assert until is not None
    assert f"It is put off until {until.day} {until:%b}" in outcome.out


@pytest.mark.parametrize("words", [("reject",), ("modify", "--if", "dark")])
def test_what_runs_is_taken_back_otherwise(stage: Stage, ha_ai: Command, words: tuple[str, ...]) -> None:
    """Who rejects or changes what runs is told which command takes it back."""
    running = suggestion(offer("light.bath", 600), status=Status.DEPLOYED)
    stage.keep(running)
    verb, *options = words
    outcome = ha_ai(verb, running.id, *options)
    assert outcome.code == 1
    assert "use `ha-ai rollback ID`" in outcome.err


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that is tried, with half of its runs unwanted."""
    automations: list[Any] = []

    async def try_out(_self: BacktestRunner, _pattern: object, automation: object) -> Trial:
        automations.append(automation)
        return trial(0.5)

    monkeypatch.setattr(BacktestRunner, "try_out", try_out)
    return automations


def test_modify(stage: Stage, ha_ai: Command, known: Suggestion, tried: list[Any]) -> None:
    """It is another way from then on, tried anew, and shown as it is then."""
    outcome = ha_ai("modify", known.id, "--time", "08:20", "--if", "weekdays")
    assert outcome.code == 0, outcome.err + outcome.out
    assert "at 08:20 on weekdays" in outcome.out
    assert proof(trial(0.5)) in outcome.out
    after = stage.now(known)
    assert after.version == 2
    assert after.automation == tried[0]


def test_modify_nothing(ha_ai: Command) -> None:
    """Without a wish there is nothing to change."""
    outcome = ha_ai("modify", "abc")
    assert outcome.code == 2
    assert "--time, --offset, --entity or --if" in outcome.err


def test_modify_what_cannot_be(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """A wish that does not fit is refused with the reason."""
    outcome = ha_ai("modify", known.id, "--offset", "-20")
    assert outcome.code == 1
    assert "time of the clock" in outcome.out
    assert stage.now(known) == known


def test_backtest(stage: Stage, ha_ai: Command, known: Suggestion, tried: list[Any]) -> None:
    """What a change would have done is shown beside what was known; nothing is changed."""
    outcome = ha_ai("backtest", known.id, "--time", "08:20")
    assert outcome.code == 0, outcome.err
    assert "at 08:20" in outcome.out
    assert proof(trial(0.5)) in outcome.out
    assert f"As it was suggested: {proof(known.trial)}" in outcome.out
    assert stage.now(known) == known
    as_json = ha_ai("backtest", known.id, "--json")
    assert Suggestion.model_validate_json(as_json.out).trial == trial(0.5)
    assert tried[1] == known.automation


def test_backtest_that_cannot_be(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """Why something cannot be tried is told."""
    assert stage.now(known) == known
    outcome = ha_ai("backtest", known.id, "--entity", "switch.fan")
    assert outcome.code == 1
    assert "switch.fan is not a light" in outcome.err


def test_rollback(stage: Stage, ha_ai: Command, known: Suggestion) -> None:
    """One message takes it back to nothing, another one to a former version."""
    stage.tells.append(executed(known, "removed", "it is gone"))
    outcome = ha_ai("rollback", known.id)
    assert outcome.code == 0, outcome.err
    assert outcome.out.endswith("it is gone\n")
    assert ha_ai("rollback", known.id, "3").code == 0
    assert [each.version for each in stage.taken] == [0, 3]


def test_approve_and_take_back_with_the_real_deployer(
    tmp_path: Path, at_broker: Any, ha_ai: Command, known: Suggestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An automation stands in Home Assistant when the command ends, and is gone after the rollback."""
    home = FakeHomeAssistant()
    home.add_entity("light.hall")
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(home.admin_token)
    monkeypatch.setenv("HA_AI_DEPLOYER_TOKEN_FILE", str(token))
    makers: dict[Role, Make] = {
        Role.ANSWER: Answerer,
        Role.REVIEW: Reviewer,
        Role.PUBLISH: Publisher,
        Role.DEPLOY: Deployer,
    }
    with in_thread(home), capture_logs():
        access = {"home_assistant_url": home.url, "home_assistant_token": home.reader_token}
        running = Hosted(tmp_path, at_broker.url, makers, deployer_token_file=token, **access)
        running.keep(known)
        running.start()
        approved = ha_ai("approve", known.id)
        standing = dict(home.automations)
        again = ha_ai("approve", known.id)
        taken_back = ha_ai("rollback", known.id)
        running.stop()
    assert (approved.code, taken_back.code) == (0, 0), (approved, taken_back)
    assert list(standing) == [known.automation_id]
    assert again.code == 0, again
    assert home.automations == {}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (Path.unlink, "expected the key that signs commands at"),
        (lambda path: path.chmod(0o644), "readable by its owner only"),
        (lambda path: path.write_text("no key"), "expected 64 hexadecimal digits"),
    ],
)
def test_without_the_key_nothing_is_commanded(
    stage: Stage, ha_ai: Command, known: Suggestion, spoil: Callable[[Path], object], why: str
) -> None:
    """A key that is missing, open to others or broken is told with what to do, and never made."""
    path = stage.settings.command_key_file
    spoil(path)
    outcome = ha_ai("approve", known.id)
    assert outcome.code == 2
    assert why in outcome.err
    assert "set HA_AI_COMMAND_KEY_FILE" in outcome.err
    assert stage.now(known) == known


def test_another_key_does_not_count(
    stage: Stage, ha_ai: Command, known: Suggestion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who signs with a key of their own is refused, and told so."""
    load_key(tmp_path / "other.key", create=True)
    monkeypatch.setenv("HA_AI_COMMAND_KEY_FILE", str(tmp_path / "other.key"))
    outcome = ha_ai("approve", known.id)
    assert outcome.code == 1
    assert "signature" in outcome.out
    assert stage.now(known) == known


def test_nobody_reviews(
    tmp_path: Path, at_broker: Any, ha_ai: Command, known: Suggestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the answerer runs, it is said that the reviewer does not."""
    running = Hosted(tmp_path, at_broker.url, {Role.ANSWER: Answerer})
    load_key(running.settings.command_key_file, create=True)
    running.keep(known)
    monkeypatch.setattr("pipeline.cli.commanding.ANSWER_S", 0.3)
    with capture_logs():
        running.start()
        outcome = ha_ai("reject", known.id)
        running.stop()
    assert outcome.code == 2
    assert "with its consumer review?" in outcome.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["reject", "abc", "--reason", "x" * 501], "expected at most 500 characters, got 501"),
        (["rollback", "abc", "first"], "expected the number of a version, got 'first'"),
        (["modify", "abc", "--time", "25:00"], "expected a time such as 07:05, got '25:00'"),
        (["modify", "abc", "--if", "sometimes"], "expected one of dark, home, nobody home"),
        (["modify", "abc", "--if", "dark", "--if", "mon"], "expected --if once, got it again"),
        (["backtest", "abc", "--if", "dark", "--if", "mon"], "expected --if once, got it again"),
    ],
)
def test_usage(ha_ai: Command, capsys: pytest.CaptureFixture[str], words: list[str], why: str) -> None:
    """What cannot be meant is said at once."""
    with pytest.raises(SystemExit) as ended:
        ha_ai(*words)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
