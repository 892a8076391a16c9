"""Documents of format 1: the project's vectors, and what must be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import signet
from signet import VerificationError, verify_document
from signet.document import canonical_json
from signet.strict_json import NotStrictJson, parse_strict

from .packs import REPOSITORY

FIXTURES = REPOSITORY / "test/bundle/fixtures"
KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n"
OTHER = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
DOCUMENT = (FIXTURES / "bundle-v2.txt").read_bytes()


def changed(**fields: Any) -> str:
    value = json.loads(DOCUMENT)
    value.update(fields)
    return json.dumps({key: it for key, it in value.items() if it is not ...})


def test_verifies_the_vector() -> None:
    document = verify_document(DOCUMENT, [OTHER, KEY], environment="staging")
    assert document.policies["pii"]["threshold"] == 0.00001
    assert document.is_identity_signed
    assert document.key_id == "a050837d85070582"
    with pytest.raises(TypeError):
        document.policies["pii"]["enabled"] = False


@pytest.mark.parametrize("vector", json.loads((FIXTURES / "canonical-vectors.json").read_text("utf-8")), ids=str)
def test_canonical_json(vector: dict[str, str]) -> None:
    assert canonical_json(parse_strict(vector["text"])).decode() == vector["canonical"]


Change = Callable[[], str | bytes]
REFUSED: list[tuple[str, Change]] = [
    ("malformed", lambda: DOCUMENT[:-2]),
    ("malformed", lambda: b"\xff" + DOCUMENT),
    ("malformed", lambda: DOCUMENT.replace(b'"version":1', b'"version":1,"version":1')),
    ("malformed", lambda: changed(policies=[])),
    ("malformed", lambda: changed(environment=None)),
    ("format", lambda: changed(version=2)),
    ("format", lambda: changed(version=True)),
    ("hash", lambda: changed(policies={})),
    ("signature_missing", lambda: changed(signature=...)),
    ("unknown_key", lambda: changed(key_id="0000000000000000")),
    ("signature", lambda: changed(signature="AAAA")),
    ("signature_v2_missing", lambda: changed(signature_v2=...)),
    ("signature_v2", lambda: changed(environment="prod")),
]


@pytest.mark.parametrize(("code", "document"), REFUSED)
def test_refuses(code: str, document: Change) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_document(document(), [KEY])
    assert caught.value.code == code


def test_compares_the_identity() -> None:
    with pytest.raises(VerificationError, match="environment is staging, expected prod"):
        verify_document(DOCUMENT, [KEY], environment="prod")


def test_takes_a_document_without_the_second_signature_when_told_so() -> None:
    document = verify_document(changed(signature_v2=...), [KEY], require_signature_v2=False)
    assert not document.is_identity_signed


NOT_STRICT = [
    *('{"a":1,"a":1}', '{"__proto__":1}', '"\\ud800"', '{"\\udc00":1}', "9007199254740993", "1e999", "1e-999", "NaN"),
    *("-Infinity", "01", "[1,]", "", "\ufeff1", "1 2", "[" * 65 + "]" * 65, "[" * 100_000, "1" * 5000),
]


@pytest.mark.parametrize("text", NOT_STRICT, ids=lambda text: text[:20].encode("unicode_escape").decode() or "empty")
def test_strict_json_refuses(text: str) -> None:
    with pytest.raises(NotStrictJson):
        parse_strict(text)


def test_strict_json_takes_what_a_double_holds() -> None:
    assert parse_strict("[9007199254740992, 1000000000000000000000, 1.0, -0]") == [2**53, 10**21, 1.0, 0]
    assert parse_strict('"\\ud83d\\ude00"') == "😀"


def test_has_the_version_of_the_server() -> None:
    package = json.loads((REPOSITORY / "package.json").read_text("utf-8"))
    assert signet.__version__ == package["version"]
