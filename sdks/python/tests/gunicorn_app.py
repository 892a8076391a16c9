"""A web service that opens its runtime before gunicorn forks the workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import signet

given: dict[str, Any] = json.loads(os.environ["RUNTIME"])
runtime = signet.open(
    given["url"],
    token=given["token"],
    trust=given["trust"],
    identity=given["identity"],
    cache_dir=given["cache_dir"],
    instance_id="gateway",
    proxy=None,
)
applied = Path(given["applied"])


@runtime.on_update
def apply(policies: signet.Policies) -> None:
    (applied / f"{os.getpid()}-{policies.policies['n']}").touch()


# What gunicorn's master has is what the workers start with.
runtime.wait_for_ready(30)


def app(_: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    current = runtime.current
    start("200 OK", [("Content-Type", "application/json")])
    value = {"pid": os.getpid(), "n": current and current.policies["n"], "transport": runtime.status.transport}
    return [json.dumps(value).encode()]
