"""The signed objects: root, lease, activation, release; and the attestation that carries them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import TrustError
from ..strict_json import spans_of
from .envelope import MAX_ENVELOPE_LENGTH, Rule, base64_or_none, key_id, malformed, strict_object, utf16_length
from .payload import DIGEST, ENVIRONMENT, Fields

MAX_ATTESTATION_LENGTH = 4 * MAX_ENVELOPE_LENGTH + 1024
ROOT_TYPE = "application/vnd.signet.root+json"
LEASE_TYPE = "application/vnd.signet.lease+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
ACTIVATION_PREDICATE = "https://signet.dev/activation/v1"
RELEASE_PREDICATE = "https://signet.dev/release/v1"
END_OF_TIME = "9999-12-31T23:59:59Z"

_MAX_ID, _MAX_ROLE_KEYS, _MAX_KEYS, _MAX_ENVIRONMENTS, _MAX_REVOKED, _MAX_SUBJECTS = 100, 64, 512, 512, 1024, 512


class Identity(NamedTuple):
    """Whom a runtime is for: UUIDs of organization and project, and the name of the environment."""

    org_id: str
    project_id: str
    environment: str


@dataclass(frozen=True)
class Root:
    """Who may say what about a project."""

    org_id: str
    project_id: str
    #: 1, 2, … without gaps; 0 for :func:`pinned_keys`.
    version: int
    expires_at: str
    #: 32 bytes by full id.
    keys: Mapping[str, bytes]
    roles: Mapping[str, Rule]
    environments: Mapping[str, Mapping[str, Rule]]
    rollback: str
    revoked: frozenset[str]
    #: For people: a name by full id. Decides nothing.
    names: Mapping[str, str]

    def rule(self, role: str, environment: str) -> Rule:
        """An environment's own rule, else the root's."""
        return self.environments.get(environment, {}).get(role, self.roles[role])

    def revokes(self, digest: str | None) -> bool:
        return digest is not None and digest in self.revoked


def parse_root(payload: bytes) -> Root:
    """Raises TrustError ``malformed``, ``wrong_type``, or ``bad_root`` for one that cannot be used."""
    fields = Fields.of(payload, "root")
    if (kind := fields.text("type", 100)) != "signet-root/1":
        raise TrustError("wrong_type", f"the root is {kind}")
    keys = {name: _key_of(name, text) for name, text in fields.texts("keys", _MAX_KEYS, 64, 44).items()}
    roles = fields.nested("roles")
    environments = fields.objects_by_key("environments", _MAX_ENVIRONMENTS, ENVIRONMENT)
    return Root(
        org_id=fields.text("org_id", _MAX_ID),
        project_id=fields.text("project_id", _MAX_ID),
        version=fields.integer("version", 1),
        expires_at=fields.time("expires_at"),
        keys=keys,
        roles={role: _rule_in(roles, role, keys) for role in ("root", "activation", "lease", "release")},
        environments={
            name: {role: _rule_in(own, role, keys) for role in ("activation", "lease", "release") if own.has(role)}
            for name, own in environments.items()
        },
        rollback=fields.matching("rollback", re.compile("server|release")),
        revoked=frozenset(fields.matching_list("revoked", _MAX_REVOKED, DIGEST)),
        names=fields.texts("names", _MAX_KEYS, 64, 255) if fields.has("names") else {},
    )


def pinned_keys(keys: Sequence[bytes]) -> Root:
    """Level 0: trust in just these keys of a server. It never runs out and has no next version."""
    by_id = {key_id(key): key for key in keys}
    one, none = Rule(1, tuple(by_id)), Rule(0, ())
    roles = {"root": none, "activation": one, "lease": one, "release": none}
    return Root("", "", 0, END_OF_TIME, by_id, roles, {}, "server", frozenset(), {})


def _key_of(name: str, text: str) -> bytes:
    key = base64_or_none(text)
    if key is None or len(key) != 32:
        raise malformed(f"root.keys.{name} must be base64 of 32 bytes")
    if key_id(key) != name:
        raise TrustError("bad_root", "root.keys has a key under an id that is not its own")
    return key


def _rule_in(rules: Fields, role: str, keys: Mapping[str, bytes]) -> Rule:
    fields = rules.nested(role)
    threshold, ids = fields.integer("threshold"), fields.matching_list("keyids", _MAX_ROLE_KEYS, DIGEST)
    if threshold == 0 and role != "release":
        raise TrustError("bad_root", f"the rule for {role} has threshold 0")
    if len(set(ids)) != len(ids):
        raise TrustError("bad_root", f"the rule for {role} names a key twice")
    if threshold > len(ids):
        raise TrustError("bad_root", f"the rule for {role} asks for {threshold} signatures and names {len(ids)} keys")
    if not all(name in keys for name in ids):
        raise TrustError("bad_root", f"the rule for {role} names a key that is not in keys")
    return Rule(threshold, ids)


@dataclass(frozen=True)
class Lease:
    """This activation is the newest of its environment, until then."""

    org_id: str
    project_id: str
    environment: str
    root_version: int
    #: 0 when nothing is active.
    sequence: int
    activation: str | None
    issued_at: str
    expires_at: str


def parse_lease(payload: bytes) -> Lease:
    fields = Fields.of(payload, "lease")
    if (kind := fields.text("type", 100)) != "signet-lease/1":
        raise TrustError("wrong_type", f"the lease is {kind}")
    sequence, activation = fields.integer("sequence"), fields.matching_or_none("activation", DIGEST)
    if (sequence == 0) != (activation is None):
        raise malformed("lease must have an activation with a sequence from 1, and none with 0")
    return Lease(
        org_id=fields.text("org_id", _MAX_ID),
        project_id=fields.text("project_id", _MAX_ID),
        environment=fields.matching("environment", ENVIRONMENT),
        root_version=fields.integer("root_version"),
        sequence=sequence,
        activation=activation,
        issued_at=fields.time("issued_at"),
        expires_at=fields.time("expires_at"),
    )


@dataclass(frozen=True)
class Activation:
    """This content, here, under this sequence. It has no expiry."""

    #: SHA-256 of the content's bytes, in hex.
    content: str
    #: SHA-256 of the format-1 document's bytes, in hex.
    document: str
    org_id: str
    project_id: str
    environment: str
    sequence: int
    kind: str
    bundle_id: str
    version: int
    deployment_id: str
    activated_at: str
    media_type: str
    size: int
    release: str | None
    previous: str | None


def parse_activation(payload: bytes) -> Activation:
    subjects, fields = _statement(payload, ACTIVATION_PREDICATE, "activation")
    if "content" not in subjects or "document" not in subjects:
        raise malformed("activation must have the subjects content and document")
    return Activation(
        content=subjects["content"],
        document=subjects["document"],
        org_id=fields.text("org_id", _MAX_ID),
        project_id=fields.text("project_id", _MAX_ID),
        environment=fields.matching("environment", ENVIRONMENT),
        sequence=fields.integer("sequence", 1),
        kind=fields.text("kind", 63),
        bundle_id=fields.text("bundle_id", _MAX_ID),
        version=fields.integer("version", 1),
        deployment_id=fields.text("deployment_id", _MAX_ID),
        activated_at=fields.time("activated_at"),
        media_type=fields.text("media_type", 255),
        size=fields.integer("size"),
        release=fields.matching_or_none("release", DIGEST),
        previous=fields.matching_or_none("previous", DIGEST),
    )


@dataclass(frozen=True)
class Release:
    """Which content may run in which environment, as the authors signed it."""

    #: SHA-256 of the content's bytes, in hex, by environment.
    subjects: Mapping[str, str]
    org_id: str
    project_id: str
    #: The authors' counter.
    number: int
    created_at: str
    expires_at: str | None
    media_type: str
    #: ``repository``, ``revision`` and ``url``.
    source: Mapping[str, str] | None


def parse_release(payload: bytes) -> Release:
    subjects, fields = _statement(payload, RELEASE_PREDICATE, "release")
    if not subjects or not all(ENVIRONMENT.fullmatch(name) for name in subjects):
        raise malformed("release must have subjects that are environments")
    source = fields.nested("source") if fields.has("source") else None
    return Release(
        subjects=subjects,
        org_id=fields.text("org_id", _MAX_ID),
        project_id=fields.text("project_id", _MAX_ID),
        number=fields.integer("number", 1),
        created_at=fields.time("created_at"),
        expires_at=fields.time("expires_at") if fields.has("expires_at") else None,
        media_type=fields.text("media_type", 255),
        source=None if source is None else {key: source.text(key, 500) for key in ("repository", "revision", "url")},
    )


def _statement(payload: bytes, predicate_type: str, name: str) -> tuple[dict[str, str], Fields]:
    fields = Fields.of(payload, name)
    for key, wanted in (("_type", STATEMENT), ("predicateType", predicate_type)):
        if (actual := fields.text(key, 255)) != wanted:
            raise TrustError("wrong_type", f"{name}.{key} is {actual}, not {wanted}")
    subjects: dict[str, str] = {}
    for subject in fields.objects("subject", _MAX_SUBJECTS):
        key = subject.text("name", 255)
        if key in subjects:
            raise malformed(f"{name} has two subjects named {key}")
        subjects[key] = subject.nested("digest").matching("sha256", DIGEST)
    return subjects, fields.nested("predicate")


@dataclass(frozen=True)
class Attestation:
    """What travels beside a bundle: the envelopes, each as its exact text, of which nothing is verified yet."""

    lease: str | None
    activation: str | None
    release: str | None


def parse_attestation(text: str) -> Attestation:
    """Raises TrustError ``too_large`` or ``malformed``. What is missing is None; unknown fields are ignored."""
    if utf16_length(text) > MAX_ATTESTATION_LENGTH:
        raise TrustError("too_large", f"the attestation is longer than {MAX_ATTESTATION_LENGTH} characters")
    value = strict_object(text, 8, "attestation")
    spans = spans_of(text)

    def envelope(key: str) -> str | None:
        if value.get(key) is not None and not isinstance(value[key], dict):
            raise malformed(f"{key} must be an envelope")
        return spans[key] if value.get(key) is not None else None

    found = Attestation(envelope("lease"), envelope("activation"), envelope("release"))
    if not isinstance(value.get("proof"), (str, type(None))):
        raise malformed("proof must be a text")
    return found
