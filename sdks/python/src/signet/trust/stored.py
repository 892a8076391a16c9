"""What is found on a disk, verified as if it came from a stranger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..errors import TrustError
from .envelope import sha256_hex
from .objects import Activation, Identity, Release, Root
from .state import (
    Held,
    Running,
    TrustedState,
    require_released,
    running_by,
    verify_activation,
    verify_lease,
    verify_next_root,
    verify_release,
)

T = TypeVar("T")


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


def hold_under(root: Root, before: TrustedState) -> TrustedState:
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
    require_released(state.release.value, activation.value, environment)


def _release_for(state: TrustedState, activation: Activation) -> Held[Release] | None:
    return state.release if state.release is not None and state.release.digest == activation.release else None
