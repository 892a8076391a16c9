"""For the tests of programs that have a runtime: one without a server, a clock and a network.

runtime = signet.testing.FakeRuntime({"limit": 1})
service = Service(runtime)
runtime.publish({"limit": 2})
assert service.limit == 2
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ._keeper import Policies, parse_content
from ._observable import Observable
from ._status import Status
from .trust.envelope import sha256_hex


class FakeRuntime(Observable[Policies]):
    """Has what it is told, as a :class:`signet.Runtime` has what a server proves. ``publish`` returns after all callbacks."""

    def __init__(self, policies: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._state = "empty"
        if policies is not None:
            self.publish(policies)

    def publish(
        self, policies: Mapping[str, Any], scope_policies: Mapping[str, Any] | None = None, *, kind: str = "publish"
    ) -> Policies:
        """Makes policies the current ones, as the next version."""
        value = {"policies": policies, "scope_policies": scope_policies or {}}
        data = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        content = parse_content(data, sha256_hex(data))
        number = self._count + 1
        now = datetime.now(timezone.utc)
        current = Policies(
            policies=content.policies,
            scope_policies=content.scope_policies,
            content=data,
            hash=f"sha256:{content.digest}",
            version=number,
            sequence=number,
            deployment_id=f"00000000-0000-7000-8000-{number:012x}",
            bundle_id=f"00000000-0000-7000-8000-{number:012x}",
            kind=kind,
            media_type="application/json",
            activated_at=now,
            release=None,
            proven_until=now + timedelta(minutes=5),
            activation=sha256_hex(f"{number} {time.monotonic()}".encode()),
        )
        self._state = "fresh"
        self._tell(current)
        return current

    def become(self, state: str) -> None:
        """``fresh``, ``stale``, ``expired`` or ``revoked``; the last two close it, as ``on_expired="close"`` does."""
        if state not in ("fresh", "stale", "expired", "revoked", "empty"):
            raise ValueError(f"{state} is no state of a runtime")
        self._state = state

    @property
    def current(self) -> Policies | None:
        return None if self._state in ("expired", "revoked", "empty") else super().current

    @property
    def status(self) -> Status:
        newest = self._newest
        until = newest.proven_until if newest and self._state in ("fresh", "stale") else None
        return Status(self._state, until, None, None, None, None, 0, 0, self._failures, None)
