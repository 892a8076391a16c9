"""A runtime for the conformance kit (test/vectors/README.md): ``init`` pins a root, ``update`` is one start from the files, one
poll, and the end, with the parts that :func:`signet.open` has::

    python -m signet.conformance --state DIRECTORY init ROOT ORG PROJECT ENVIRONMENT
    python -m signet.conformance --state DIRECTORY --url URL update

``SIGNET_NOW`` is its clock (default: the machine's), ``SIGNET_TOKEN`` for servers that ask for one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ._cache import FileCache
from ._http import Rest, Server, Wires
from ._keeper import Keeper
from ._news import ask_latest
from .errors import ApiError, TrustError
from .trust.objects import Identity
from .trust.payload import seconds
from .trust.state import verify_pinned_root

_PINNED = "pinned.json"


def run(args: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    """What a runtime has after a command: ``state``, ``sequence`` (0: nothing runs) and ``error`` (None: accepted)."""
    parser = argparse.ArgumentParser(prog="signet-runtime-conformance")
    parser.add_argument("--state", type=Path, required=True, metavar="DIRECTORY")
    parser.add_argument("--url", default="")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init")
    for name in ("root", "org", "project", "environment"):
        init.add_argument(name)
    commands.add_parser("update")
    values = parser.parse_args(args)
    if values.command == "init":
        return _initialize(values.state, values.root, Identity(values.org, values.project, values.environment))
    if not values.url:
        parser.error("update needs --url")
    now = environment.get("SIGNET_NOW")
    clock = time.time() if now is None else seconds(now)
    return _update(values.state, values.url, environment.get("SIGNET_TOKEN", "none"), clock)


def _initialize(folder: Path, root_file: str, identity: Identity) -> dict[str, object]:
    try:
        root = Path(root_file).read_text("utf-8")
        verify_pinned_root(root, identity)
    except UnicodeDecodeError:
        return {"state": "empty", "sequence": 0, "error": "malformed"}
    except TrustError as error:
        return {"state": "empty", "sequence": 0, "error": error.code}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PINNED).write_text(json.dumps({"root": root, "identity": identity}), "utf-8")
    return {"state": "empty", "sequence": 0, "error": None}


def _update(folder: Path, url: str, token: str, now: float) -> dict[str, object]:
    pinned = json.loads((folder / _PINNED).read_text("utf-8"))
    identity = Identity(*pinned["identity"])
    root = verify_pinned_root(pinned["root"], identity)
    keeper = Keeper(root, identity, FileCache(folder / "cache", identity), lambda: now)
    damage = keeper.cache_error
    rest = Rest(Server(url, proxy=None), token, Wires())
    error: str | None
    try:
        refusal = keeper.take(ask_latest(rest, keeper.position, "conformance"))
        error = refusal.code if refusal else None
    except TrustError as refused:
        error = refused.code
    except ApiError:
        error = damage.code if isinstance(damage, TrustError) else "unavailable"
    trusted = keeper.holding.trusted
    sequence = trusted.running.sequence if trusted.running else 0
    return {"state": trusted.condition(now), "sequence": sequence, "error": error}


def main() -> int:
    """The last line of the output is the end; the exit code is 0 when nothing was refused."""
    end = run(sys.argv[1:], os.environ)
    print(json.dumps(end))
    return 0 if end["error"] is None else 1


if __name__ == "__main__":
    sys.exit(main())
