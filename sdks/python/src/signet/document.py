"""Documents of format 1 (docs/bundle-format.md): what ``GET /v1/bundles/latest`` gives, and what the agent writes to files.

A signature of format 1 says that a server once signed this content for this environment. That it is the newest one, and still in
force, is what :func:`signet.open` proves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import VerificationError
from .frozen import FrozenDict, freeze
from .strict_json import NotStrictJson, parse_strict
from .trust.envelope import base64_or_none, key_id, parse_public_key

_TEXTS = ("bundle_id", "org_id", "project_id", "environment", "published_at", "policy_hash")
_OPTIONAL_TEXTS = ("signature", "signature_v2", "key_id")
_OBJECTS = ("policies", "scope", "scope_policies")
_V2_FIELDS = (
    "bundle_id",
    "org_id",
    "project_id",
    "environment",
    "published_at",
    "scope",
    "policies",
    "scope_policies",
)


@dataclass(frozen=True)
class Document:
    """A document that verified; deeply immutable."""

    policies: FrozenDict
    scope_policies: FrozenDict
    bundle_id: str
    org_id: str
    project_id: str
    environment: str
    published_at: str
    #: ``sha256:`` and 64 hex digits.
    policy_hash: str
    #: The bundle's number. No signature covers it.
    bundle_version: int | None
    #: Of the key that signed: 16 hex digits.
    key_id: str
    #: Whether a signature covers the identity too.
    is_identity_signed: bool
    #: The canonical JSON of which ``policy_hash`` is the SHA-256.
    content: bytes = field(repr=False)


def canonical_json(value: Any) -> bytes:
    """What format 1 hashes and signs."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def verify_document(
    document: str | bytes,
    keys: Iterable[str],
    *,
    org_id: str | None = None,
    project_id: str | None = None,
    environment: str | None = None,
    require_signature_v2: bool = True,
) -> Document:
    """Verifies a document in the order of format 1: strict JSON, format, hash, ``signature``, ``signature_v2``, identity.

    :param keys: Ed25519 public keys in PEM. They come from an operator, not from the server that sent the document.
    :param org_id: UUID that the document must have; likewise ``project_id``, and the name of the ``environment``
    :param require_signature_v2: whether to refuse a document whose identity is not signed
    :raises VerificationError: whose ``code`` names the first check that failed: ``malformed``, ``format``, ``hash``,
        ``signature_missing``, ``unknown_key``, ``signature``, ``signature_v2_missing``, ``signature_v2`` or ``identity``
    :raises ValueError: for keys that are none
    """
    if isinstance(keys, str):
        raise TypeError("keys must be a list of PEM texts")
    trusted = {key_id(key)[:16]: key for key in map(parse_public_key, keys)}
    value = _parse(document)
    content = canonical_json({"policies": value["policies"], "scope_policies": value["scope_policies"]})
    if value["policy_hash"] != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise VerificationError("hash", "policy_hash is not the hash of the content")
    signer = _content_signer(value, trusted)
    is_signed = _is_identity_signed(value, trusted[signer])
    if not is_signed and require_signature_v2:
        raise VerificationError("signature_v2_missing", "the document has no signature_v2")
    for name, wanted in (("org_id", org_id), ("project_id", project_id), ("environment", environment)):
        if wanted is not None and value[name] != wanted:
            raise VerificationError("identity", f"{name} is {value[name]}, expected {wanted}")
    version = value.get("bundle_version")
    return Document(
        policies=freeze(value["policies"]),
        scope_policies=freeze(value["scope_policies"]),
        **{name: value[name] for name in _TEXTS},
        bundle_version=version if type(version) is int else None,
        key_id=signer,
        is_identity_signed=is_signed,
        content=content,
    )


def _parse(document: str | bytes) -> dict[str, Any]:
    try:
        text = document if isinstance(document, str) else document.decode("utf-8")
        # The document itself is one level around the policies.
        value = parse_strict(text, max_depth=65)
    except (NotStrictJson, UnicodeDecodeError) as cause:
        raise VerificationError("malformed", f"the document is not strict JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise VerificationError("malformed", "the document is not a JSON object")
    if value.get("version") != 1 or type(value["version"]) is not int:
        raise VerificationError("format", "version must be 1")
    for name in _TEXTS:
        if not isinstance(value.get(name), str):
            raise VerificationError("malformed", f"{name} must be a string")
    for name in _OPTIONAL_TEXTS:
        if name in value and not isinstance(value[name], str):
            raise VerificationError("malformed", f"{name} must be a string")
    for name in _OBJECTS:
        if not isinstance(value.get(name), dict):
            raise VerificationError("malformed", f"{name} must be an object")
    return value


def _content_signer(value: dict[str, Any], trusted: dict[str, bytes]) -> str:
    if "signature" not in value:
        raise VerificationError("signature_missing", "the document has no signature")
    wanted = value.get("key_id")
    candidates = [name for name in trusted if wanted in (None, name)]
    if not candidates:
        raise VerificationError("unknown_key", f"no trusted key for key_id {wanted or '(none)'}")
    for name in candidates:
        if _is_signed(trusted[name], value["policy_hash"].encode(), value["signature"]):
            return name
    raise VerificationError("signature", "signature does not verify")


def _is_identity_signed(value: dict[str, Any], key: bytes) -> bool:
    if "signature_v2" not in value:
        return False
    identity = {name: value[name] for name in _V2_FIELDS} | {"bundle_format_version": value["version"]}
    if _is_signed(key, b"znyx-policy-bundle-sig-v2\0" + canonical_json(identity), value["signature_v2"]):
        return True
    raise VerificationError("signature_v2", "signature_v2 does not verify")


def _is_signed(key: bytes, message: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64_or_none(signature) or b"", message)
    except (InvalidSignature, ValueError):
        return False
    return True
