"""An update, in the order of docs/trust.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import TrustError
from .envelope import malformed, payload_digest, sha256_hex
from .objects import Activation, Attestation, Lease, Release, parse_attestation
from .payload import seconds
from .state import (
    Held,
    TrustedState,
    require_released,
    running_by,
    verify_activation,
    verify_lease,
    verify_next_root,
    verify_release,
)
from .stored import hold_under

MAX_CONTENT_BYTES = 16 * 1024 * 1024
#: Roots that one update follows; the next update goes on.
MAX_ROOTS_AT_ONCE = 64
#: How far a lease may be ahead of a runtime's clock, in seconds.
MAX_LEASE_AHEAD = 60.0


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
            held = hold_under(following, self.trusted)
            self.trusted = replace(held, roots=(*self.trusted.roots, (following.version, text)))
        root = self.trusted.root
        if self.now >= seconds(root.expires_at):
            raise TrustError("root_expired", f"root {root.version} ran out at {root.expires_at}")

    def lease(self, attestation: Attestation) -> Held[Lease]:
        """Step 2."""
        if attestation.lease is None:
            raise malformed("the attestation has no lease")
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
            raise malformed("the attestation has no activation")
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
        require_released(release, activation, environment)
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
