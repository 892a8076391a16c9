"""Levels 1 and 2 with a real server, and roots that are published while runtimes follow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import Open
from .server import MAIN, SignetServer
from .test_runtime import until


class Cli:
    """The command line, in a directory of its own."""

    def __init__(self, server: SignetServer, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "SIGNET_URL": server.url,
            "SIGNET_TOKEN": server.admin_token,
            "SIGNET_TRUST_PASSPHRASE": "a passphrase of twelve characters",
        }

    def __call__(self, *args: str) -> str:
        done = subprocess.run(
            ["node", str(MAIN), *args],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.slow
def test_root_documents_and_authors(server: SignetServer, open_runtime: Open, tmp_path: Path) -> None:
    signet_cli = Cli(server, tmp_path)
    signet_cli("trust", "init", "--project", "default")
    root = (tmp_path / "trust/root.json").read_text()
    policy = tmp_path / "policy.json"
    policy.write_text('{"limit": 1.0}')
    signet_cli("publish", "--env", "dev", "-f", "policy.json")
    runtimes = [
        open_runtime(
            trust=root,
            identity=server.identity("dev"),
            token=server.runtime_token("dev", f"trust-{way}"),
            transports=[way],
            cache_dir=tmp_path / "cache",
        )
        for way in ("sse", "poll")
    ]
    for runtime in runtimes:
        current = runtime.wait_for_ready(15)
        assert (current.policies["limit"], current.release) == (1.0, None)

    signet_cli("trust", "new-key", "alice.key")
    signet_cli("trust", "add-key", "alice.pub", "--role", "release")
    signet_cli("trust", "sign", "--key", "root.key")
    signet_cli("trust", "publish")
    for runtime in runtimes:
        until(lambda runtime=runtime: runtime._keeper.holding.trusted.root.version == 2)  # type: ignore[misc]

    policy.write_text('{"limit": 2.0}')
    signet_cli("release", "create", "-f", "policy.json", "--environments", "dev", "--number", "7")
    signet_cli("release", "sign", "release.json", "-f", "policy.json", "--key", "alice.key")
    signet_cli("publish", "--env", "dev", "-f", "policy.json", "--release", "release.json")
    signet_cli("trust", "threshold", "release", "1", "--env", "dev")
    signet_cli("trust", "sign", "--key", "root.key")
    signet_cli("trust", "publish")
    for runtime in runtimes:
        until(lambda runtime=runtime: runtime._keeper.holding.trusted.root.version == 3)  # type: ignore[misc]
        until(lambda runtime=runtime: runtime.status.state == "fresh")  # type: ignore[misc]
        until(lambda runtime=runtime: runtime.current is not None and runtime.current.policies["limit"] == 2.0)  # type: ignore[misc]
        assert runtime.status.refusals == 0
        runtime.close()

    restarted = open_runtime(
        trust=root,
        identity=server.identity("dev"),
        token="none",
        url="http://127.0.0.1:9",
        cache_dir=tmp_path / "cache",
    )
    assert restarted.current is not None
    assert restarted.current.release is not None
    assert restarted.current.release.number == 7
    assert len(restarted.current.release.authors) == 1
    restarted.close()
