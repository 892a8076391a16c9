"""Behind ``signet agent``: a runtime that follows its loopback server, and files that it writes."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

import signet

from .conftest import Open
from .server import MAIN, SignetServer
from .test_runtime import until


@pytest.mark.slow
def test_follows_an_agent_and_its_files(
    server: SignetServer, environment: str, open_runtime: Open, tmp_path: Path
) -> None:
    server.client.publish(environment, {"n": 1})
    token = server.runtime_token(environment, "agent")
    (tmp_path / "trust.pem").write_text("".join(server.trust()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", str(MAIN), "agent", "--url", server.url, "--env", environment, "--serve", f"127.0.0.1:{port}"]
    names = ["--org", server.org_id, "--project", server.project_id, "--keys", str(tmp_path / "trust.pem")]
    files = ["--write", f"document={tmp_path}/bundle.json", "--write", f"policies={tmp_path}/policies.json"]
    with (tmp_path / "log").open("wb") as log:
        agent = subprocess.Popen(
            [*command, *names, *files, "--state", str(tmp_path / "state"), "--instance", "agent"],
            env={**os.environ, "SIGNET_TOKEN": token},
            stdout=log,
            stderr=log,
        )
    try:
        identity = server.identity(environment)
        document = signet.open_file(tmp_path / "bundle.json", keys=server.trust(), identity=identity, every=0.05)
        policies = signet.open_file(tmp_path / "policies.json", every=0.05)
        runtime = open_runtime(url=f"http://127.0.0.1:{port}", token=token, instance_id="behind")
        with document, policies:
            assert document.wait_for_ready(60).is_verified
            assert policies.wait_for_ready(30).policies == {"n": 1}
            assert runtime.wait_for_ready(30).policies == {"n": 1}
            server.client.publish(environment, {"n": 2})
            for has in (document, policies, runtime):
                until(lambda has=has: has.current is not None and has.current.policies == {"n": 2}, 30)  # type: ignore[misc]
        assert (runtime.status.state, runtime.status.refusals) == ("fresh", 0)
        applied = {"agent": 2, "behind": 2}
        until(
            lambda: {it["instance_id"]: it["applied_sequence"] for it in server.instances(environment)} == applied, 30
        )
    finally:
        agent.terminate()
        agent.wait(30)
