"""Holds what was proven: verifies what comes, stores it, and says what is current by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from ._cache import Entry, FileCache
from ._news import News, Position
from .errors import TrustError
from .frozen import FrozenDict, parse_frozen
from .trust.envelope import bounded_envelope, signers_of
from .trust.objects import Identity, Root
from .trust.payload import seconds
from .trust.state import TrustedState
from .trust.stored import stored_state, verify_state
from .trust.update import MAX_CONTENT_BYTES, verify_update


@dataclass(frozen=True)
class Release:
    """The release that authors signed: what allows an activation where the root asks for one."""

    #: The authors' counter.
    number: int
    #: The authors that signed it, by the root's names for them; a key's id where it has none.
    authors: tuple[str, ...]
    #: None: never.
    expires_at: datetime | None
    #: ``repository``, ``revision`` and ``url``, as the authors said.
    source: FrozenDict | None


@dataclass(frozen=True)
class Policies:
    """Verified policies: a snapshot, deeply immutable, safe to share between threads."""

    policies: FrozenDict
    scope_policies: FrozenDict
    #: The exact bytes whose SHA-256 is ``hash``: ``{"policies":…,"scope_policies":…}``. Numbers are as they were published.
    content: bytes = field(repr=False)
    #: ``sha256:`` and 64 hex digits.
    hash: str
    #: The bundle's number.
    version: int
    #: Grows with every activation, also with a rollback: the only measure of what is newer.
    sequence: int
    deployment_id: str
    bundle_id: str
    #: ``publish``, ``activate``, ``promote``, ``rollback`` or ``import``.
    kind: str
    media_type: str
    activated_at: datetime
    #: None where the root asks for none.
    release: Release | None
    #: The earlier of the expiry of the lease and of the release. Each lease moves it.
    proven_until: datetime
    #: SHA-256 of the activation's payload: a deployment's id is the server's choice, and may come again with something else.
    activation: str = field(repr=False)


@dataclass(frozen=True)
class _Content:
    digest: str
    data: bytes
    policies: FrozenDict
    scope_policies: FrozenDict


@dataclass(frozen=True)
class Holding:
    """All that is known at one moment. Replaced as a whole, so that whoever looks sees no half of a change."""

    trusted: TrustedState
    content: _Content | None = None
    #: What was proven last, also when the proof has run out since.
    current: Policies | None = None

    @cached_property
    def standing(self) -> Standing:
        return standing_of(self.trusted)


@dataclass(frozen=True)
class Standing:
    """How well what a runtime has is proven, as a function of time. Seconds since the epoch."""

    #: Without time: ``empty``, ``revoked`` or ``expired``; None where the clock decides.
    fixed: str | None
    #: A time that the clock is never before.
    seen: float = 0.0
    stale_from: float = 0.0
    until: float = 0.0

    def at(self, own: float) -> str:
        """``fresh``, ``stale``, ``expired``, ``revoked`` or ``empty``."""
        if self.fixed is not None:
            return self.fixed
        now = max(own, self.seen)
        return "expired" if now >= self.until else "stale" if now >= self.stale_from else "fresh"

    def changes_in(self, own: float) -> float | None:
        """Seconds until it changes if nothing comes; None: never."""
        now = max(own, self.seen)
        following = [time - now for time in (self.stale_from, self.until) if time > now]
        return min(following) if self.fixed is None and following else None


def standing_of(trusted: TrustedState) -> Standing:
    until, lease = trusted.expires_at(), trusted.lease
    if trusted.running is None or until is None or lease is None or trusted.condition(0.0) != "fresh":
        # At the very time of its lease it is fresh, unless it is not proven.
        return Standing(trusted.condition(0.0))
    issued, ends = seconds(lease.value.issued_at), seconds(until)
    # A server renews a lease after a fifth of its default life: at two thirds at least one new lease did not come.
    stale_from = issued + (seconds(lease.value.expires_at) - issued) * 2 / 3
    return Standing(None, issued, min(stale_from, ends), ends)


class Keeper:
    """Only one thread takes news at a time; ``holding`` may be read by all."""

    def __init__(
        self,
        pinned: Root,
        identity: Identity,
        cache: FileCache | None,
        now: Callable[[], float],
        max_bytes: int = MAX_CONTENT_BYTES,
    ) -> None:
        self.cache, self.now, self.max_bytes = cache, now, max_bytes
        #: Why the cache could not be read or written at last; None since it could.
        self.cache_error: Exception | None = None
        stored: Entry | None = None
        try:
            stored = cache.load() if cache else None
        except (OSError, TrustError) as error:
            self.cache_error = error
        data = stored.content[1] if stored and stored.content else None
        check = verify_state(stored.state if stored else None, pinned, data, identity)
        self.cache_error = self.cache_error or check.error
        trusted, content = check.trusted, None
        if trusted.running is not None and check.content is not None:
            try:
                content = parse_content(check.content, trusted.running.content)
            except TrustError as error:
                self.cache_error = error
                trusted = replace(trusted, running=None, is_proven=False)
        self.holding = seen(Holding(trusted, content))

    @property
    def position(self) -> Position:
        """From where the server is to go on. Without a proof for what runs: from nothing, so that it sends all again."""
        trusted = self.holding.trusted
        if trusted.activation is None or not trusted.is_proven:
            return Position(0, "", trusted.root.version)
        activation = trusted.activation.value
        return Position(activation.sequence, activation.deployment_id, trusted.root.version)

    def take(self, news: News) -> TrustError | None:
        """Verifies news, and stores what they change. Returns why they were refused.

        :raises ApiError: and whatever else the connection raises while more is asked for
        """
        before = self.holding
        if news.source is None:
            return None
        update = verify_update(before.trusted, news.source, now=self.now(), max_bytes=self.max_bytes)
        if update.error is not None and update.error.code == "malformed" and news.whole is not None:
            update = verify_update(update.trusted, news.whole(), now=self.now(), max_bytes=self.max_bytes)
        error, content = update.error, before.content
        if update.content is not None and update.trusted.running is not None:
            try:
                content = parse_content(update.content, update.trusted.running.content)
            except TrustError as refusal:
                return refusal
        if is_same(before.trusted, update.trusted):
            return error
        after = seen(Holding(update.trusted, content, before.current))
        self._store(after)
        self.holding = after
        return error

    def _store(self, holding: Holding) -> None:
        if self.cache is None:
            return
        trusted, content = holding.trusted, holding.content
        issued_at = trusted.lease.value.issued_at if trusted.lease else None
        rank = (trusted.root.version, trusted.floor()[0], seconds(issued_at) * 1000 if issued_at else 0)
        kept = (content.digest, content.data) if trusted.running and content else None
        try:
            self.cache.store(Entry(stored_state(trusted), kept, rank))
            self.cache_error = None
        except (OSError, TrustError) as error:
            self.cache_error = error


def parse_content(data: bytes, digest: str) -> _Content:
    """Parses content whose SHA-256 was compared. Raises TrustError ``malformed``."""
    try:
        value: Any = parse_frozen(data.decode("utf-8"))
    except (ValueError, RecursionError) as cause:
        raise TrustError("malformed", f"the content is not JSON: {cause}") from cause
    policies, scope_policies = (
        (value.get("policies"), value.get("scope_policies")) if isinstance(value, dict) else (None, None)
    )
    if not (isinstance(policies, FrozenDict) and isinstance(scope_policies, FrozenDict)):
        raise TrustError("malformed", "the content has no policies or no scope_policies")
    return _Content(digest, data, policies, scope_policies)


def seen(holding: Holding) -> Holding:
    """With ``current`` by the state. What a newer root no longer proves stays as it was: its proof has run out."""
    trusted, content, current = holding.trusted, holding.content, holding.current
    running, activation = trusted.running, trusted.activation
    if running is None or content is None:
        return replace(holding, current=None)
    if activation is None or activation.digest != running.activation:
        return holding
    until = instant(trusted.expires_at() or "1970-01-01T00:00:00Z")
    if current is not None and current.activation == running.activation:
        return replace(holding, current=replace(current, proven_until=until)) if trusted.is_proven else holding
    value = activation.value
    return replace(
        holding,
        current=Policies(
            policies=content.policies,
            scope_policies=content.scope_policies,
            content=content.data,
            hash=f"sha256:{value.content}",
            version=value.version,
            sequence=value.sequence,
            deployment_id=value.deployment_id,
            bundle_id=value.bundle_id,
            kind=value.kind,
            media_type=value.media_type,
            activated_at=instant(value.activated_at),
            release=_release_of(trusted),
            proven_until=until,
            activation=activation.digest,
        ),
    )


def is_same(one: TrustedState, other: TrustedState) -> bool:
    """The lease that was there is often told again: that is not worth a write to the disk."""
    return (one.roots, one.is_proven) == (other.roots, other.is_proven) and stored_state(one) == stored_state(other)


def instant(time: str) -> datetime:
    return datetime.fromtimestamp(seconds(time), timezone.utc)


def _release_of(trusted: TrustedState) -> Release | None:
    held, running, root = trusted.release, trusted.running, trusted.root
    if held is None or running is None or running.release != held.digest:
        return None
    ids = root.rule("release", trusted.identity.environment).key_ids
    signers = signers_of(bounded_envelope(held.envelope), root.keys, ids)
    value = held.value
    return Release(
        number=value.number,
        authors=tuple(root.names.get(name) or name[:16] for name in signers),
        expires_at=instant(value.expires_at) if value.expires_at else None,
        source=FrozenDict(value.source) if value.source else None,
    )
