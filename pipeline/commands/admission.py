"""Objections to deploying a suggestion, whoever approved it."""

import yaml
from pydantic import ValidationError

from pipeline.automations.conflicts import Kind, conflicts
from pipeline.automations.render import Config, as_yaml, is_same, render
from pipeline.automations.safety import refusals
from pipeline.automations.validate import problems
from pipeline.commands.signing import is_signed
from pipeline.suggestions.deployment_steps import Step, begun
from pipeline.suggestions.failures import StepFailedError
from schemas.catalogue import Catalogue
from schemas.commands import SignedCommand, Verb
from schemas.deployments import AutomationVersion, Deployment, FailureReason
from schemas.suggestions import Status, Suggestion

WORDS = {"alias": "", "description": ""}


def approval_of(row: Deployment, key: bytes) -> SignedCommand:
    """The command by which a deployment was ordered; when it expired does not matter any more.

    Raises
    ------
    StepFailedError
        It is not signed with the key, or orders something else.
    """
    try:
        approval = SignedCommand.model_validate_json(row.approval)
    except ValidationError as error:
        raise StepFailedError(FailureReason.REFUSED, "there is no signed order for it") from error
    if not is_signed(approval, key):
        raise StepFailedError(FailureReason.REFUSED, "its order is not signed with our key")
    orders = row.wanted if approval.verb is Verb.DEPLOY else approval.version
    is_order = approval.verb in {Verb.DEPLOY, Verb.ROLLBACK} and approval.suggestion_id == row.suggestion_id
    if not is_order or orders != row.wanted or (approval.verb is Verb.DEPLOY and not row.wanted):
        raise StepFailedError(FailureReason.REFUSED, "its signed order says something else")
    return approval


def approved(
    row: Deployment,
    approval: SignedCommand,
    suggestion: Suggestion | None,
    versions: list[AutomationVersion],
) -> Suggestion:
    """The suggestion as it was in the version that is wanted, byte for byte what was approved.

    Raises
    ------
    StepFailedError
        It was changed since.
    """
    kept = next((each for each in versions if each.version == row.wanted), None)
    content = kept.suggestion if kept else suggestion
    if content is None or content.id != row.suggestion_id or (not kept and content.version != row.wanted):
        raise StepFailedError(FailureReason.REFUSED, "the version that was approved is not there any more")
    wanted = approval.content_hash if approval.verb is Verb.DEPLOY or not kept else kept.content_hash
    if content.content_hash != wanted:
        raise StepFailedError(FailureReason.REFUSED, "it is not what was approved")
    return content


def admitted(content: Suggestion, kept: AutomationVersion | None, catalogue: Catalogue) -> Config:
    """Return what Home Assistant is to be given, if that is exactly what was approved and it may run.

    What it was given of this version before, it is given again.

    Raises
    ------
    StepFailedError
        It would come out as something else, is unsafe, or could not work in this home.
    """
    config = render(content.automation, title=content.title, description=content.description)
    if kept is not None:
        config = _again(kept, config)
    elif as_yaml(config) != content.automation_yaml:
        raise StepFailedError(FailureReason.REFUSED, "made anew from its parts, it is not what was approved")
    against = (
        refusals(content.automation, catalogue)
        or problems(content.automation, catalogue)
        or loops(content, catalogue)
    )
    if against:
        raise StepFailedError(FailureReason.REFUSED, "; ".join(against))
    return config


def loops(suggestion: Suggestion, catalogue: Catalogue | None) -> list[str]:
    """With which other automations of the home it would go on and on, in words."""
    if catalogue is None:
        return []
    others = [each for each in catalogue.automations if each.automation_id != suggestion.automation_id]
    found = conflicts(suggestion.automation, others, ())
    return [conflict.text for conflict in found if conflict.kind is Kind.LOOP]


def _again(kept: AutomationVersion, anew: Config) -> Config:
    """Return what stood before as it stood: today's words may be others, what it does may not."""
    if kept.config != yaml.safe_load(kept.suggestion.automation_yaml):
        raise StepFailedError(FailureReason.REFUSED, "what is kept of that version is not what was approved")
    if not is_same(kept.config | WORDS, anew | WORDS):
        raise StepFailedError(
            FailureReason.REFUSED, "what is kept of that version does not do what its parts say"
        )
    return kept.config


def objection(
    command: SignedCommand,
    suggestion: Suggestion | None,
    row: Deployment | None,
    versions: list[AutomationVersion],
) -> str:
    """Return the reason that an order that is signed and in time is not taken; empty if it is.

    What the reviewer has kept already may be done, or may have failed, before its message arrives.
    """
    if row is not None and row.approval == command.exact():
        return ""
    if row is not None and command.issued_at_ms < _issued_at_ms(row):
        return "something else was ordered of it after this was signed"
    if suggestion is None:
        return "expected a suggestion that there is, got another id"
    seen = {suggestion.content_hash}
    if command.verb is Verb.ROLLBACK:
        seen |= {each.content_hash for each in versions}
    if command.content_hash not in seen:
        return "it was changed after it was seen"
    if command.verb is Verb.ROLLBACK:
        return _rollback_objection(command.version, row, versions)
    is_ready = suggestion.status in {Status.APPROVED, Status.DEPLOYED}
    return "" if is_ready else f"only what is approved is deployed, and it is {suggestion.status.value}"


def _issued_at_ms(row: Deployment) -> int:
    """When what is kept was ordered; an order that cannot be read stands in no other's way."""
    try:
        return SignedCommand.model_validate_json(row.approval).issued_at_ms
    except ValidationError:
        return 0


def _rollback_objection(
    version: int | None, row: Deployment | None, versions: list[AutomationVersion]
) -> str:
    if version is None:
        return "expected the version that is to stand, or 0 for none"
    if version and version not in {each.version for each in versions}:
        return f"there never was a version {version} of it in Home Assistant"
    if not version and (row is None or not (row.wanted or row.standing)):
        return "nothing of it stands in Home Assistant"
    return ""


def ordered(
    command: SignedCommand, suggestion: Suggestion, row: Deployment | None, now_us: int
) -> Deployment | None:
    """The deployment that an order begins; None where that is under way, or done."""
    wanted = suggestion.version if command.verb is Verb.DEPLOY else command.version or 0
    if row is not None and row.approval == command.exact():
        return None
    if row is not None and row.wanted == wanted and row.is_well:
        is_done = row.step == Step.STANDS and row.standing == wanted
        if row.step != Step.STANDS or (is_done and command.verb is Verb.DEPLOY):
            return None
    return begun(command, suggestion, wanted, row, now_us)
