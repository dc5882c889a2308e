import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.commands import Modification, Press, PressVerb, Question, SignedCommand, Verb
from schemas.patterns import Dark

PLAIN: dict[str, Any] = {
    "verb": "modify",
    "suggestion_id": "0123456789abcdef",
    "content_hash": "a" * 64,
    "approver": "Ada Lovelace",
    "nonce": "b" * 32,
    "issued_at_ms": 1_790_000_000_000,
    "expires_at_ms": 1_790_000_060_000,
    "text": "an hour later — please",
    "change": {"minute": 480, "condition": {"kind": "dark"}},
    "version": 3,
}
OTHERS: dict[str, Any] = {
    "schema_version": 1,
    "verb": Verb.APPROVE,
    "suggestion_id": "f" * 16,
    "content_hash": "c" * 64,
    "approver": "Eve",
    "nonce": "d" * 32,
    "issued_at_ms": 1,
    "expires_at_ms": 2,
    "text": "",
    "change": Modification(minute=481),
    "version": None,
}


def command(**fields: Any) -> SignedCommand:
    """A command to modify."""
    return SignedCommand.model_validate({**PLAIN, **fields})


def test_reads_back() -> None:
    """A command in JSON is the same command again, and signs the same bytes."""
    made = command(signature="e" * 64)
    found = SignedCommand.model_validate_json(made.model_dump_json())
    assert found == made
    assert found.signed_bytes == made.signed_bytes
    assert found.change == Modification(minute=480, condition=Dark())


@pytest.mark.parametrize("name", SignedCommand.model_fields)
def test_the_signature_covers_every_field_but_itself(name: str) -> None:
    """Whatever is changed in a command changes what is signed; the signature alone does not."""
    made = command()
    if name == "signature":
        assert command(signature="e" * 64).signed_bytes == made.signed_bytes
        return
    other = made.model_copy(update={name: 2 if name == "schema_version" else OTHERS[name]})
    assert other.signed_bytes != made.signed_bytes


def test_what_is_signed_has_one_form_only() -> None:
    """The order of fields and the spelling of numbers and letters in the payload do not matter."""
    turned = dict(reversed(PLAIN.items()))
    spelled = json.dumps(turned, ensure_ascii=True, indent=3)
    assert SignedCommand.model_validate_json(spelled).signed_bytes == command().signed_bytes


def test_what_is_signed_stays_what_it_was() -> None:
    """Tools that sign by themselves rely on these bytes: a change here needs another schema version."""
    assert command().signed_bytes == (
        b'{"approver":"Ada Lovelace","change":{"condition":{"kind":"dark"},"entity_id":null,"minute":480,'
        b'"offset_minutes":null},"content_hash":"' + b"a" * 64 + b'","expires_at_ms":1790000060000,'
        b'"issued_at_ms":1790000000000,"nonce":"' + b"b" * 32 + b'","schema_version":1,'
        b'"suggestion_id":"0123456789abcdef","text":"an hour later \\u2014 please",'
        b'"verb":"modify","version":3}'
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verb", "unlock"),
        ("suggestion_id", "0123456789ABCDEF"),
        ("suggestion_id", "0123456789abcdef\n"),
        ("content_hash", "a" * 63),
        ("nonce", ""),
        ("approver", ""),
        ("approver", "Ada\nEve"),
        ("approver", "x" * 65),
        ("issued_at_ms", -1),
        ("expires_at_ms", 1.5),
        ("text", "x" * 501),
        ("change", {"service": "lock.unlock"}),
        ("change", {"minute": 1440}),
        ("version", -1),
        ("signature", "0"),
        ("more", 1),
    ],
)
def test_what_is_not_a_command_is_refused(name: str, value: object) -> None:
    """Lengths, alphabets and ranges are checked, and nothing unknown is taken."""
    with pytest.raises(ValidationError):
        command(**{name: value})


def test_every_verb_may_be_commanded() -> None:
    """People's verbs and the reviewer's own are verbs of the same command."""
    assert [command(verb=verb).verb for verb in Verb] == list(Verb)


@pytest.mark.parametrize("verb", PressVerb)
def test_a_press_reads_back(verb: PressVerb) -> None:
    """What a button publishes names the suggestion, the verb and the content that was shown."""
    plain = {"suggestion_id": "0123456789abcdef", "verb": verb, "content_hash": "a" * 64}
    assert Press.model_validate_json(json.dumps(plain)) == Press.model_validate(plain)
    for name, value in (("verb", "deploy"), ("content_hash", ""), ("user", "Ada")):
        with pytest.raises(ValidationError):
            Press.model_validate({**plain, name: value})


def test_a_question_names_what_is_asked() -> None:
    """Suggestions or a backtest, and nothing else."""
    assert Question.model_validate({"ask": "suggestions"}).statuses == ()
    with pytest.raises(ValidationError):
        Question.model_validate({"ask": "secrets"})
