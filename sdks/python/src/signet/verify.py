"""The verifier of Signet's trust format (docs/trust.md, levels 0 to 2): SHA-256, Ed25519 and strict JSON, nothing else.

It reads from top to bottom as the format says: envelopes, objects, then :func:`verify_update` with the steps 0 to 5, and
:func:`verify_state` for what is found on a disk. Nothing here does I/O; the source of an update does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import TrustError
from .strict_json import NotStrictJson, parse_strict, spans_of

MAX_ENVELOPE_LENGTH = 64 * 1024
MAX_SIGNATURES = 32
MAX_ATTESTATION_LENGTH = 4 * MAX_ENVELOPE_LENGTH + 1024
MAX_CONTENT_BYTES = 16 * 1024 * 1024
#: Roots that one update follows; the next update goes on.
MAX_ROOTS_AT_ONCE = 64
#: How far a lease may be ahead of a runtime's clock, in seconds.
MAX_LEASE_AHEAD = 60.0

ROOT_TYPE = "application/vnd.signet.root+json"
LEASE_TYPE = "application/vnd.signet.lease+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
ACTIVATION_PREDICATE = "https://signet.dev/activation/v1"
RELEASE_PREDICATE = "https://signet.dev/release/v1"
END_OF_TIME = "9999-12-31T23:59:59Z"

DIGEST = re.compile(r"[0-9a-f]{64}")
ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_MAX_ID, _MAX_ROLE_KEYS, _MAX_KEYS, _MAX_ENVIRONMENTS, _MAX_REVOKED, _MAX_SUBJECTS = 100, 64, 512, 512, 1024, 512

T = TypeVar("T")


class Identity(NamedTuple):
    """Whom a runtime is for: UUIDs of organization and project, and the name of the environment."""

    org_id: str
    project_id: str
    environment: str


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def key_id(key: bytes) -> str:
    """The id of a 32-byte public key: the hex SHA-256 of its SubjectPublicKeyInfo. Format 1's ``key_id`` is its first 16 digits."""
    return sha256_hex(_SPKI_PREFIX + key)


def parse_public_key(pem: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM (SubjectPublicKeyInfo); ``\\n`` written as two characters is a line break.

    :raises ValueError: for anything else
    """
    text = pem.replace("\\r", "\r").replace("\\n", "\n").strip() if len(pem) <= 1024 else ""
    match = re.fullmatch(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----", text)
    der = _base64_or_none(re.sub(r"\s+", "", match[1])) if match else None
    if der is None or len(der) != 44 or not der.startswith(_SPKI_PREFIX):
        raise ValueError("not an Ed25519 public key in PEM")
    return der[12:]


def seconds(time: str) -> float:
    """A time of a payload in seconds since the epoch."""
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


# --- Envelopes: DSSE 1.0.2 ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Envelope:
    """An envelope of which nothing is verified yet."""

    payload_type: str
    payload: bytes
    #: Pairs of a hint, which decides nothing, and a signature.
    signatures: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Rule:
    """How many distinct keys must sign, and which may, by their full ids."""

    threshold: int
    key_ids: tuple[str, ...]


def bounded_envelope(text: str) -> Envelope:
    """Raises TrustError ``too_large`` or ``malformed``."""
    if _length(text) > MAX_ENVELOPE_LENGTH:
        raise TrustError("too_large", f"the envelope is longer than {MAX_ENVELOPE_LENGTH} characters")
    value = _strict(text, 3, "envelope")
    payload, payload_type = value.get("payload"), value.get("payloadType")
    signatures = value.get("signatures")
    if not (isinstance(payload_type, str) and isinstance(payload, str) and isinstance(signatures, list)):
        raise _malformed("an envelope has payload, payloadType and signatures")
    envelope = Envelope(payload_type, _bytes_of(payload), tuple(_signature_of(it) for it in signatures))
    if len(signatures) > MAX_SIGNATURES:
        raise TrustError("too_large", f"the envelope has more than {MAX_SIGNATURES} signatures")
    return envelope


def payload_digest(text: str) -> str:
    """The SHA-256 of an envelope's payload, in hex: its name in other objects. Nothing is verified."""
    return sha256_hex(bounded_envelope(text).payload)


def signers_of(envelope: Envelope, keys: Mapping[str, bytes], ids: Sequence[str], enough: int = 1 << 30) -> list[str]:
    """The distinct keys of ``ids`` that signed. Signatures that do not verify are skipped."""
    kind = envelope.payload_type.encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(envelope.payload), envelope.payload)
    good: list[str] = []
    for this in ids:
        if len(good) >= enough:
            break
        # The hint decides nothing but the order.
        ordered = sorted(envelope.signatures, key=lambda signature: signature[0] != this)
        if any(_is_signed(keys[this], message, sig) for _, sig in ordered):
            good.append(this)
    return good


def require_threshold(text: str, payload_type: str, rule: Rule, keys: Mapping[str, bytes]) -> bytes:
    """The payload of an envelope that enough distinct keys signed: parse it only now. Raises TrustError."""
    envelope = bounded_envelope(text)
    # A role that nobody has to sign for has no threshold to meet: nothing is trusted by default.
    if rule.threshold < 1:
        raise TrustError("bad_signature", f"no key may sign {envelope.payload_type} here")
    found = len(signers_of(envelope, keys, rule.key_ids, rule.threshold))
    if found < rule.threshold:
        raise TrustError(
            "bad_signature", f"{envelope.payload_type} has {found} of the {rule.threshold} signatures it needs"
        )
    if envelope.payload_type != payload_type:
        raise TrustError("wrong_type", f"the payload is {envelope.payload_type}, not {payload_type}")
    return envelope.payload


def _is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signature_of(value: object) -> tuple[str, bytes]:
    hint, sig = (value.get("keyid", ""), value.get("sig")) if isinstance(value, dict) else ("", None)
    if not (isinstance(hint, str) and isinstance(sig, str)):
        raise _malformed("a signature has keyid and sig")
    return hint, _bytes_of(sig)


def _bytes_of(text: str) -> bytes:
    data = _base64_or_none(text.replace("-", "+").replace("_", "/"))
    if data is None:
        raise _malformed("the envelope has invalid base64")
    return data


def _base64_or_none(text: str) -> bytes | None:
    """With padding, and without a difference in unused bits."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _length(text: str) -> int:
    """In UTF-16 units, as the format counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _strict(text: str, max_depth: int, name: str, *, integers_only: bool = False) -> dict[str, Any]:
    try:
        value = parse_strict(text, max_depth=max_depth, integers_only=integers_only)
    except NotStrictJson as cause:
        raise _malformed(f"the {name} is not strict JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise _malformed(f"the {name} is not a JSON object")
    return value


def _malformed(message: str) -> TrustError:
    return TrustError("malformed", message)


# --- Payloads -----------------------------------------------------------------------------------------------


class _Fields:
    """Typed access to the fields of a signed payload. Unknown fields are ignored. Raises TrustError ``malformed``."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.values, self.name = values, name

    @classmethod
    def of(cls, payload: bytes, name: str) -> _Fields:
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as cause:
            raise _malformed(f"the {name} is not UTF-8") from cause
        return cls(_strict(text, 8, name, integers_only=True), name)

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str, limit: int) -> str:
        value = self.values.get(key)
        if not (isinstance(value, str) and _is_text(value, limit)):
            raise self._not(key, f"a text of at most {limit} characters")
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.values.get(key)
        if not (isinstance(value, str) and pattern.fullmatch(value)):
            raise self._not(key, f"like {pattern.pattern}")
        return value

    def matching_or_none(self, key: str, pattern: re.Pattern[str]) -> str | None:
        return self.matching(key, pattern) if self.has(key) else None

    def matching_list(self, key: str, limit: int, pattern: re.Pattern[str]) -> tuple[str, ...]:
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self._not(key, f"a list of at most {limit}")
        if not all(isinstance(item, str) and pattern.fullmatch(item) for item in value):
            raise self._not(key, f"a list of texts like {pattern.pattern}")
        return tuple(value)

    def integer(self, key: str, least: int = 0) -> int:
        value = self.values.get(key)
        # A bool is an int in Python.
        if type(value) is not int or not least <= value < 2**53:
            raise self._not(key, f"an integer from {least}")
        return value

    def time(self, key: str) -> str:
        value = self.matching(key, _TIME)
        try:
            seconds(value)
        except ValueError:
            raise _malformed(f"{key} {value} does not exist") from None
        return value

    def nested(self, key: str) -> _Fields:
        return self._object(self.values.get(key), f"{self.name}.{key}")

    def objects(self, key: str, limit: int) -> list[_Fields]:
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self._not(key, f"a list of at most {limit}")
        return [self._object(item, f"{self.name}.{key}.{index}") for index, item in enumerate(value)]

    def objects_by_key(self, key: str, limit: int, pattern: re.Pattern[str]) -> dict[str, _Fields]:
        fields = self.nested(key)
        if len(fields.values) > limit or not all(pattern.fullmatch(name) for name in fields.values):
            raise self._not(key, f"at most {limit} objects by keys like {pattern.pattern}")
        return {name: self._object(value, f"{fields.name}.{name}") for name, value in fields.values.items()}

    def texts(self, key: str, limit: int, max_key: int, max_value: int) -> dict[str, str]:
        values = dict(self.nested(key).values)
        good = all(
            name != "" and _is_text(name, max_key) and isinstance(it, str) and _is_text(it, max_value)
            for name, it in values.items()
        )
        if not good or len(values) > limit:
            raise self._not(key, f"at most {limit} short texts")
        return values

    def _object(self, value: object, name: str) -> _Fields:
        if not isinstance(value, dict):
            raise _malformed(f"{name} must be an object")
        return _Fields(value, name)

    def _not(self, key: str, wanted: str) -> TrustError:
        return _malformed(f"{self.name}.{key} must be {wanted}")


def _is_text(value: str, limit: int) -> bool:
    return len(value) <= limit and _CONTROLS.search(value) is None


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
    fields = _Fields.of(payload, "root")
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
    key = _base64_or_none(text)
    if key is None or len(key) != 32:
        raise _malformed(f"root.keys.{name} must be base64 of 32 bytes")
    if key_id(key) != name:
        raise TrustError("bad_root", "root.keys has a key under an id that is not its own")
    return key


def _rule_in(rules: _Fields, role: str, keys: Mapping[str, bytes]) -> Rule:
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
    fields = _Fields.of(payload, "lease")
    if (kind := fields.text("type", 100)) != "signet-lease/1":
        raise TrustError("wrong_type", f"the lease is {kind}")
    sequence, activation = fields.integer("sequence"), fields.matching_or_none("activation", DIGEST)
    if (sequence == 0) != (activation is None):
        raise _malformed("lease must have an activation with a sequence from 1, and none with 0")
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
        raise _malformed("activation must have the subjects content and document")
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
        raise _malformed("release must have subjects that are environments")
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


def _statement(payload: bytes, predicate_type: str, name: str) -> tuple[dict[str, str], _Fields]:
    fields = _Fields.of(payload, name)
    for key, wanted in (("_type", STATEMENT), ("predicateType", predicate_type)):
        if (actual := fields.text(key, 255)) != wanted:
            raise TrustError("wrong_type", f"{name}.{key} is {actual}, not {wanted}")
    subjects: dict[str, str] = {}
    for subject in fields.objects("subject", _MAX_SUBJECTS):
        key = subject.text("name", 255)
        if key in subjects:
            raise _malformed(f"{name} has two subjects named {key}")
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
    if _length(text) > MAX_ATTESTATION_LENGTH:
        raise TrustError("too_large", f"the attestation is longer than {MAX_ATTESTATION_LENGTH} characters")
    value = _strict(text, 8, "attestation")
    spans = spans_of(text)

    def envelope(key: str) -> str | None:
        if value.get(key) is not None and not isinstance(value[key], dict):
            raise _malformed(f"{key} must be an envelope")
        return spans[key] if value.get(key) is not None else None

    found = Attestation(envelope("lease"), envelope("activation"), envelope("release"))
    if not isinstance(value.get("proof"), (str, type(None))):
        raise _malformed("proof must be a text")
    return found


# --- What a runtime holds -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held(Generic[T]):
    """An object that verified, with its envelope."""

    envelope: str
    #: SHA-256 of the payload, in hex.
    digest: str
    value: T


@dataclass(frozen=True)
class Running:
    """What a runtime enforces; the digests are SHA-256 in hex."""

    content: str
    size: int
    activation: str
    sequence: int
    version: int
    release: str | None


@dataclass(frozen=True)
class TrustedState:
    """Everything in it was verified by the newest root. An update makes a new one."""

    identity: Identity
    root: Root
    #: Envelopes by version of the roots after the pinned one.
    roots: tuple[tuple[int, str], ...] = ()
    lease: Held[Lease] | None = None
    activation: Held[Activation] | None = None
    release: Held[Release] | None = None
    #: Kept when a newer root no longer proves it.
    running: Running | None = None
    #: Whether the newest root proves what runs.
    is_proven: bool = False

    def floor(self) -> tuple[int, str | None]:
        """The sequence and the activation's digest that a lease must not undercut: of lease or activation, whichever is newer."""
        leased = self.lease.value.sequence if self.lease else 0
        activated = self.activation.value.sequence if self.activation else 0
        if leased >= activated:
            return leased, self.lease.value.activation if self.lease else None
        return activated, self.activation.digest if self.activation else None

    def now(self, own: float) -> float:
        """Step 0: the own clock, but not before the newest lease that was seen."""
        return own if self.lease is None else max(own, seconds(self.lease.value.issued_at))

    def expires_at(self) -> str | None:
        """The earlier of the expiry of lease and release; None without a lease."""
        if self.lease is None:
            return None
        needed = self.root.rule("release", self.identity.environment).threshold > 0
        released = self.release.value.expires_at if needed and self.release else None
        return min(released or END_OF_TIME, self.lease.value.expires_at)

    def condition(self, own: float) -> str:
        """How good what runs is: ``fresh``, ``expired``, ``revoked`` or ``empty``."""
        if self.running is None:
            return "empty"
        if self.root.revokes(self.running.content) or self.root.revokes(self.running.release):
            return "revoked"
        until = self.expires_at()
        return "fresh" if self.is_proven and until and self.now(own) < seconds(until) else "expired"


def verify_pinned_root(text: str, identity: Identity) -> Root:
    """The root that a runtime is given: whole, and of its project. Its expiry is not checked: newer ones may be served."""
    root = parse_root(bounded_envelope(text).payload)
    require_threshold(text, ROOT_TYPE, root.roles["root"], root.keys)
    _require_project(root, identity, "root")
    return root


def verify_next_root(text: str, before: Root) -> Root:
    """Step 1, for one: threshold of the version before → parse → identity → its own threshold → version."""
    root = parse_root(require_threshold(text, ROOT_TYPE, before.roles["root"], before.keys))
    _require_project(root, before, "root")
    require_threshold(text, ROOT_TYPE, root.roles["root"], root.keys)
    if root.version != before.version + 1:
        raise TrustError("root_version", f"root {root.version} does not follow root {before.version}")
    return root


def verify_lease(text: str, root: Root, identity: Identity) -> Held[Lease]:
    payload = require_threshold(text, LEASE_TYPE, root.rule("lease", identity.environment), root.keys)
    value = parse_lease(payload)
    _require_identity(value, identity, "lease")
    return Held(text, sha256_hex(payload), value)


def verify_activation(text: str, root: Root, identity: Identity) -> Held[Activation]:
    payload = require_threshold(text, STATEMENT_TYPE, root.rule("activation", identity.environment), root.keys)
    value = parse_activation(payload)
    _require_identity(value, identity, "activation")
    return Held(text, sha256_hex(payload), value)


def verify_release(text: str, root: Root, identity: Identity) -> Held[Release]:
    payload = require_threshold(text, STATEMENT_TYPE, root.rule("release", identity.environment), root.keys)
    value = parse_release(payload)
    _require_project(value, identity, "release")
    return Held(text, sha256_hex(payload), value)


def _require_project(value: Root | Release | Lease | Activation, wanted: Root | Identity, name: str) -> None:
    if (value.org_id, value.project_id) != (wanted.org_id, wanted.project_id):
        raise TrustError("wrong_identity", f"the {name} is of project {value.org_id}/{value.project_id}")


def _require_identity(value: Lease | Activation, wanted: Identity, name: str) -> None:
    _require_project(value, wanted, name)
    if value.environment != wanted.environment:
        raise TrustError(
            "wrong_identity", f"the {name} is of environment {value.environment}, not {wanted.environment}"
        )


def _require_released(release: Release, activation: Activation, environment: str) -> None:
    released = release.subjects.get(environment)
    if released is None:
        raise TrustError("release_missing", f"the release is not for {environment}")
    if released != activation.content:
        raise TrustError("digest_mismatch", f"the release names another content for {environment}")
    # Else a server could have what the authors signed read as something else.
    if release.media_type != activation.media_type:
        raise TrustError("mix_and_match", f"the release is of {release.media_type}, not {activation.media_type}")


# --- An update, in the order of docs/trust.md ---------------------------------------------------------------


class Source(Protocol):
    """Where an update comes from. What it raises, but a TrustError, is not a refusal: it is passed on."""

    def root(self, version: int) -> str | None:
        """The envelope of a root; None above the newest."""

    def attestation(self) -> str:
        """The JSON text of an attestation."""

    def content(self, size: int) -> bytes:
        """The content, which has ``size`` bytes; reading may end after one byte more."""


@dataclass(frozen=True)
class Update:
    """What an update came to.

    ``outcome`` is ``activated``, ``emptied`` (nothing is active any more), ``renewed`` (what ran is still the newest) or
    ``refused`` (nothing changes, but for the roots that were followed).
    """

    outcome: str
    #: The state from now on: to persist, after the content and before it is applied, also when refused.
    trusted: TrustedState
    #: With ``activated``: the new content, not yet parsed; None when it is the one that ran before.
    content: bytes | None = None
    #: Why it was refused.
    error: TrustError | None = None


def verify_update(trusted: TrustedState, source: Source, *, now: float, max_bytes: int = MAX_CONTENT_BYTES) -> Update:
    """Verifies an update, steps 0 to 5. Step 6, to persist and to apply, is the caller's."""
    run = _Run(trusted, source, trusted.now(now), max_bytes)
    try:
        return run.verify()
    except TrustError as error:
        return Update("refused", run.trusted, error=error)


@dataclass
class _Run:
    trusted: TrustedState
    source: Source
    #: Step 0: fixed for the update.
    now: float
    max_bytes: int

    def verify(self) -> Update:
        self.roots()
        attestation = parse_attestation(self.source.attestation())
        lease = self.lease(attestation)
        before = self.trusted
        if lease.value.activation is None:
            # The release stays: its number is a floor of the authors', which no server may take away.
            emptied = replace(before, lease=lease, activation=None, running=None, is_proven=False)
            return Update("renewed" if before.running is None else "emptied", emptied)
        if before.is_proven and before.activation and before.activation.digest == lease.value.activation:
            return Update("renewed", replace(before, lease=lease))
        activation = self.activation(attestation, lease.value)
        release = self.release(attestation, activation.value)
        content = self.content(activation.value)
        running = running_by(activation, release)
        is_renewed = before.running is not None and before.running.activation == activation.digest
        after = replace(before, lease=lease, activation=activation, release=release, running=running, is_proven=True)
        return Update("renewed" if is_renewed else "activated", after, content)

    def roots(self) -> None:
        """Step 1."""
        # Level 0 has no next version.
        if self.trusted.root.version == 0:
            return
        for _ in range(MAX_ROOTS_AT_ONCE):
            text = self.source.root(self.trusted.root.version + 1)
            if text is None:
                break
            following = verify_next_root(text, self.trusted.root)
            # Kept from here on, whatever becomes of the rest.
            held = _hold_under(following, self.trusted)
            self.trusted = replace(held, roots=(*self.trusted.roots, (following.version, text)))
        root = self.trusted.root
        if self.now >= seconds(root.expires_at):
            raise TrustError("root_expired", f"root {root.version} ran out at {root.expires_at}")

    def lease(self, attestation: Attestation) -> Held[Lease]:
        """Step 2."""
        if attestation.lease is None:
            raise _malformed("the attestation has no lease")
        root = self.trusted.root
        held = verify_lease(attestation.lease, root, self.trusted.identity)
        lease = held.value
        # A lease of a project with roots is good for a runtime of level 0, which follows none.
        if root.version != 0 and lease.root_version > root.version:
            raise TrustError("root_withheld", f"the lease is of root {lease.root_version}, not {root.version}")
        if seconds(lease.issued_at) > self.now + MAX_LEASE_AHEAD:
            raise TrustError("clock", f"the lease is issued at {lease.issued_at}")
        if self.now >= seconds(lease.expires_at):
            raise TrustError("lease_expired", f"the lease ran out at {lease.expires_at}")
        sequence, activation = self.trusted.floor()
        if lease.sequence < sequence:
            raise TrustError("rolled_back", f"sequence {lease.sequence} is below {sequence}")
        if lease.sequence == sequence > 0 and lease.activation != activation:
            raise TrustError("equivocation", f"sequence {sequence} has another activation than before")
        last = self.trusted.lease
        if last is not None and lease.issued_at < last.value.issued_at:
            raise TrustError("lease_older", f"the lease is of {lease.issued_at}, before {last.value.issued_at}")
        return held

    def activation(self, attestation: Attestation, lease: Lease) -> Held[Activation]:
        """Step 3."""
        if attestation.activation is None:
            raise _malformed("the attestation has no activation")
        # Before any signature.
        if payload_digest(attestation.activation) != lease.activation:
            raise TrustError("mix_and_match", "the activation is not the lease's")
        held = verify_activation(attestation.activation, self.trusted.root, self.trusted.identity)
        activation = held.value
        if activation.sequence != lease.sequence:
            raise TrustError(
                "mix_and_match", f"the activation has sequence {activation.sequence}, not {lease.sequence}"
            )
        if activation.size > self.max_bytes:
            raise TrustError("too_large", f"the content has {activation.size} bytes, more than {self.max_bytes}")
        if self.trusted.root.revokes(activation.content):
            raise TrustError("revoked", f"the content {activation.content} is revoked")
        return held

    def release(self, attestation: Attestation, activation: Activation) -> Held[Release] | None:
        """Step 4. None where the root asks for none."""
        root, (_, _, environment) = self.trusted.root, self.trusted.identity
        if root.rule("release", environment).threshold == 0:
            return None
        if activation.release is None or attestation.release is None:
            raise TrustError("release_missing", f"{environment} needs a release, and the activation has none")
        if payload_digest(attestation.release) != activation.release:
            raise TrustError("mix_and_match", "the release is not the activation's")
        if root.revokes(activation.release):
            raise TrustError("revoked", f"the release {activation.release} is revoked")
        held = verify_release(attestation.release, root, self.trusted.identity)
        release, last = held.value, self.trusted.release
        _require_released(release, activation, environment)
        if release.expires_at is not None and self.now >= seconds(release.expires_at):
            raise TrustError("release_expired", f"release {release.number} ran out at {release.expires_at}")
        if root.rollback == "release" and last is not None and release.number < last.value.number:
            raise TrustError("rolled_back", f"release {release.number} is below {last.value.number}")
        return held

    def content(self, activation: Activation) -> bytes | None:
        """Step 5. None when it is what runs."""
        running = self.trusted.running
        if running is not None and (running.content, running.size) == (activation.content, activation.size):
            return None
        data = self.source.content(activation.size)
        if len(data) > activation.size:
            raise TrustError("too_large", f"the content has more than the {activation.size} bytes it declares")
        if len(data) < activation.size:
            raise TrustError("truncated", f"the content has {len(data)} of {activation.size} bytes")
        if sha256_hex(data) != activation.content:
            raise TrustError("digest_mismatch", "the content is not the activation's")
        return data


def running_by(activation: Held[Activation], release: Held[Release] | None) -> Running:
    """What runs by an activation and, where the root asks for one, its release."""
    value = activation.value
    digest = release.digest if release else None
    return Running(value.content, value.size, activation.digest, value.sequence, value.version, digest)


# --- What is found on a disk --------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredState:
    """What a runtime persists beside the content: the envelopes, from which everything else follows."""

    identity: Identity
    roots: tuple[tuple[int, str], ...] = ()
    lease: str | None = None
    activation: str | None = None
    release: str | None = None


@dataclass(frozen=True)
class StateCheck:
    """What a start may use of what is on disk."""

    trusted: TrustedState
    #: Verified; None when there is none to run.
    content: bytes | None
    #: The first flaw; what it does not affect is in ``trusted``, floors foremost.
    error: TrustError | None


@dataclass
class _Flaws:
    found: list[TrustError] = field(default_factory=list)

    def unless(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except TrustError as error:
            self.found.append(error)
            return None


def stored_state(trusted: TrustedState) -> StoredState:
    """What of a state is persisted."""
    envelopes = [held.envelope if held else None for held in (trusted.lease, trusted.activation, trusted.release)]
    return StoredState(trusted.identity, trusted.roots, *envelopes)


def verify_state(stored: StoredState | None, pinned: Root, content: bytes | None, identity: Identity) -> StateCheck:
    """Verifies what a runtime finds on its disk when it starts, as if it came from a stranger.

    What fails is left out and keeps no floor; nothing else is lost. Times are not checked: ``condition`` says whether it is
    fresh. The pinned root may be newer than when the state was stored.
    """
    empty = TrustedState(identity, pinned)
    if stored is None:
        return StateCheck(empty, None, None)
    if stored.identity != identity:
        return StateCheck(empty, None, TrustError("wrong_identity", "the state is of another environment"))
    flaws = _Flaws()
    root, roots = pinned, list[tuple[int, str]]()
    # Level 0 has no next version.
    for version, text in stored.roots if pinned.version > 0 else ():
        if version <= pinned.version:
            continue
        following = flaws.unless(lambda text=text, root=root: verify_next_root(text, root))  # type: ignore[misc]
        if following is None:
            break
        root = following
        roots.append((root.version, text))
    held = _holds(stored, TrustedState(identity, root, tuple(roots)), flaws)
    running = flaws.unless(lambda: _running(held, content))
    trusted = replace(held, running=running)
    trusted = replace(trusted, is_proven=_proves(trusted))
    return StateCheck(trusted, content if running else None, flaws.found[0] if flaws.found else None)


def _hold_under(root: Root, before: TrustedState) -> TrustedState:
    """After a root was followed: where what is held no longer verifies, its floor goes with it. What runs goes on running."""
    after = _holds(stored_state(before), replace(before, root=root), _Flaws())
    return replace(after, is_proven=_proves(after))


def _holds(stored: StoredState, state: TrustedState, flaws: _Flaws) -> TrustedState:
    root, identity = state.root, state.identity

    def hold(text: str | None, verify: Callable[[str, Root, Identity], Held[T]]) -> Held[T] | None:
        return None if text is None else flaws.unless(lambda: verify(text, root, identity))

    is_released = root.rule("release", identity.environment).threshold > 0
    return replace(
        state,
        lease=hold(stored.lease, verify_lease),
        activation=hold(stored.activation, verify_activation),
        release=hold(stored.release, verify_release) if is_released else None,
    )


def _running(state: TrustedState, content: bytes | None) -> Running | None:
    activation = state.activation
    if activation is None or content is None:
        return None
    if len(content) != activation.value.size or sha256_hex(content) != activation.value.content:
        raise TrustError("digest_mismatch", "the stored content is not the activation's")
    _require_set(state, activation)
    return running_by(activation, _release_for(state, activation.value))


def _proves(state: TrustedState) -> bool:
    """Whether what is held belongs together and nothing of it is revoked: then a new lease for it renews it."""
    activation, running, root = state.activation, state.running, state.root
    if activation is None or running is None or running.content != activation.value.content:
        return False
    try:
        _require_set(state, activation)
    except TrustError:
        return False
    release = _release_for(state, activation.value)
    return not (root.revokes(running.content) or root.revokes(release.digest if release else None))


def _require_set(state: TrustedState, activation: Held[Activation]) -> None:
    if state.lease is not None and state.lease.value.activation != activation.digest:
        raise TrustError("mix_and_match", "the stored activation is not the lease's")
    environment = state.identity.environment
    if state.root.rule("release", environment).threshold == 0:
        return
    if state.release is None:
        raise TrustError("release_missing", "the stored activation has no release")
    if state.release.digest != activation.value.release:
        raise TrustError("mix_and_match", "the stored release is not the activation's")
    _require_released(state.release.value, activation.value, environment)


def _release_for(state: TrustedState, activation: Activation) -> Held[Release] | None:
    return state.release if state.release is not None and state.release.digest == activation.release else None
