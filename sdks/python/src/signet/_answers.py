"""What the API answers, typed. Unknown fields are ignored, so that a newer server is no problem."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from types import UnionType
from typing import Any, TypeVar

from .errors import ApiError

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """Where a policy document came from, as its publisher says."""

    repository: str = ""
    revision: str = ""
    url: str = ""


@dataclass(frozen=True)
class ValueChange:
    """One value that differs. ``path`` is a JSON Pointer from ``/policies`` or ``/scope_policies``."""

    #: ``add``, ``remove`` or ``replace``.
    op: str
    path: str
    old_value: Any = None
    new_value: Any = None
    #: The start of a value that is too long.
    old_excerpt: str | None = None
    new_excerpt: str | None = None


@dataclass(frozen=True)
class Difference:
    """What differs between two documents: the first 1,000 changes."""

    changes: tuple[ValueChange, ...]
    changes_total: int
    truncated: bool


@dataclass(frozen=True)
class VersionQuota:
    """How many versions an environment keeps."""

    kept: int
    #: None is unlimited.
    limit: int | None = None


@dataclass(frozen=True)
class BundleChange:
    """What a call changed, or would change."""

    dry_run: bool
    #: The content is that of the bundle that was active.
    unchanged: bool
    #: Nothing was made because of ``skip_unchanged``: the bundle is the active one.
    skipped: bool
    #: Of dry runs.
    difference: Difference | None = None
    quota: VersionQuota | None = None


@dataclass(frozen=True)
class Bundle:
    """An immutable, numbered snapshot of a policy document in one environment."""

    id: str
    version: int
    #: ``sha256:`` and 64 hex digits.
    policy_hash: str
    is_active: bool
    published_at: datetime
    #: ``publish``, ``promote`` or ``import``.
    origin: str
    published_by: str | None = None
    title: str | None = None
    description: str | None = None
    labels: Mapping[str, str] | None = None
    source: Source | None = None
    #: The newest activation; None when it was never active.
    deployment_id: str | None = None
    sequence: int | None = None
    media_type: str | None = None
    warnings: tuple[str, ...] | None = None
    change: BundleChange | None = None


@dataclass(frozen=True)
class BundleWithPolicies:
    """A bundle and what is in it."""

    id: str
    version: int
    policy_hash: str
    is_active: bool
    published_at: datetime
    origin: str
    policies_json: Mapping[str, Any]
    scope_policies_json: Mapping[str, Any]
    signature: str
    signature_v2: str
    key_id: str
    published_by: str | None = None
    title: str | None = None
    description: str | None = None
    labels: Mapping[str, str] | None = None
    source: Source | None = None
    deployment_id: str | None = None
    sequence: int | None = None
    media_type: str | None = None


@dataclass(frozen=True)
class ComparedBundle:
    """One side of a comparison."""

    environment: str
    bundle_id: str
    version: int
    policy_hash: str
    is_active: bool


@dataclass(frozen=True)
class Comparison:
    """Two versions beside each other."""

    #: None when nothing is active there.
    before: ComparedBundle | None
    after: ComparedBundle
    difference: Difference


@dataclass(frozen=True)
class Instance:
    """A program that enforces the active bundle."""

    instance_id: str
    #: ``connected``, ``applied`` or ``rejected``.
    state: str
    #: ``applied``, ``behind``, ``rejected`` or ``unknown``.
    rollout: str
    last_seen: datetime
    applied_sequence: int | None = None
    applied_version: int | None = None
    behind_by: int | None = None
    reason: str | None = None
    agent: str | None = None
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Rollout:
    """How far the active bundle of an environment has come."""

    #: Every live instance applied it; also when none is live.
    complete: bool
    #: A newer activation took the place of the one that was asked for.
    superseded: bool
    live: int
    applied: int
    behind: int
    rejected: int
    unknown: int
    #: Those that rejected it first.
    laggards: tuple[Instance, ...]
    active_sequence: int | None = None
    version: int | None = None
    deployment_id: str | None = None
    active_since: datetime | None = None


@dataclass(frozen=True)
class WhoAmI:
    """What a token is."""

    id: int
    key_prefix: str
    #: ``admin``, ``ci``, ``runtime``, ``viewer`` or ``metrics``.
    key_type: str
    scopes: tuple[str, ...]
    org_id: str
    server_version: str
    operator: bool
    project_id: str | None = None
    environment_id: str | None = None
    environment: str | None = None
    name: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Key:
    """A public key of the server."""

    #: 16 hex digits.
    key_id: str
    algorithm: str
    public_key_pem: str
    #: ``bundles``, ``audit``, ``webhooks``, ``attestation`` or ``opa``.
    purpose: str
    #: ``current``, ``next`` or ``previous``.
    state: str
    is_current: bool
    created_at: datetime
    org_id: str | None = None
    environment_id: str | None = None
    environment: str | None = None


def read_answer(kind: type[T], value: Any) -> T:
    """A dataclass of a JSON object. Unknown fields are ignored, so that a newer server is no problem."""
    try:
        return typing.cast(T, _typed(kind, value))
    except (TypeError, ValueError, KeyError, AttributeError) as cause:
        raise ApiError("unimplemented", f"not an answer of a Signet server: {cause}") from cause


def _typed(kind: Any, value: Any) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is UnionType:
        return None if value is None else _typed(args[0], value)
    if origin is tuple:
        return tuple(_typed(args[0], item) for item in value or ())
    if kind is datetime:
        return datetime.fromisoformat(re.sub(r"(\.\d{3})?\d*Z$", r"\1+00:00", value))
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        given = {it.name: _typed(hints[it.name], value[it.name]) for it in fields(kind) if it.name in value}
        return kind(**given)
    if kind in (str, int, bool) and type(value) is not kind:
        raise TypeError(f"{value!r:.40} is no {kind.__name__}")
    return value
