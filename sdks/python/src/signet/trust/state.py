"""What a runtime holds, and how each object of it is verified, whenever it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import TrustError
from .envelope import bounded_envelope, require_threshold, sha256_hex
from .objects import (
    END_OF_TIME,
    LEASE_TYPE,
    ROOT_TYPE,
    STATEMENT_TYPE,
    Activation,
    Identity,
    Lease,
    Release,
    Root,
    parse_activation,
    parse_lease,
    parse_release,
    parse_root,
)
from .payload import seconds

T = TypeVar("T")


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


def require_released(release: Release, activation: Activation, environment: str) -> None:
    released = release.subjects.get(environment)
    if released is None:
        raise TrustError("release_missing", f"the release is not for {environment}")
    if released != activation.content:
        raise TrustError("digest_mismatch", f"the release names another content for {environment}")
    # Else a server could have what the authors signed read as something else.
    if release.media_type != activation.media_type:
        raise TrustError("mix_and_match", f"the release is of {release.media_type}, not {activation.media_type}")


def running_by(activation: Held[Activation], release: Held[Release] | None) -> Running:
    """What runs by an activation and, where the root asks for one, its release."""
    value = activation.value
    digest = release.digest if release else None
    return Running(value.content, value.size, activation.digest, value.sequence, value.version, digest)
