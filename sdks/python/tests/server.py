"""A real Signet server, from the project's build."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from signet.client import Client

from .packs import REPOSITORY

MAIN = REPOSITORY / "dist/src/main.js"


class SignetServer:
    """On a port of 127.0.0.1 that stays the same over ``stop`` and ``start``."""

    def __init__(self, **settings: str) -> None:
        if not MAIN.exists():
            raise RuntimeError("the server is not built: npm run build:compile")
        if shutil.which("node") is None:
            raise RuntimeError("the server needs node on the PATH")
        self.directory = Path(tempfile.mkdtemp(prefix="signet-python-"))
        self.settings = settings
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()
        self.admin_token = (self.directory / "data/admin-token").read_text().strip()
        self.client = Client(self.url, self.admin_token, project="default", proxy=None)
        who = self.client.whoami()
        self.org_id = who.org_id
        project = self.call("GET", f"/v1/orgs/{self.org_id}/projects")[0]
        self.project_id = project["id"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SIGNET_")},
            "SIGNET_HOST": "127.0.0.1",
            "SIGNET_PORT": str(self.port),
            "SIGNET_DATA": str(self.directory / "data"),
            "SIGNET_RATE_LIMIT": "0",
            "SIGNET_SHUTDOWN_GRACE_MS": "100",
            **self.settings,
        }
        self.process = subprocess.Popen(
            ["node", str(MAIN), "serve"],
            env=environment,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=(self.directory / "log").open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                # So that the server never waits for a reader of its output.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise RuntimeError((self.directory / "log").read_text()[-2000:])

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, method: str, path: str, value: object = None) -> Any:
        return self.client._rest.json(method, path, value)

    def identity(self, environment: str = "dev") -> tuple[str, str, str]:
        return (self.org_id, self.project_id, environment)

    def runtime_token(self, environment: str = "dev", name: str = "runtime") -> str:
        body = {"project_id": self.project_id, "environment_id": environment, "name": name}
        return str(self.call("POST", f"/v1/orgs/{self.org_id}/tokens/runtime", body)["raw_key"])

    def trust(self) -> list[str]:
        """Level 0."""
        return [key.public_key_pem for key in self.client.keys("attestation", "bundles")]

    def instances(self, environment: str = "dev") -> list[dict[str, Any]]:
        path = f"/v1/orgs/{self.org_id}/projects/{self.project_id}/envs/{environment}/runtimes?limit=100"
        return list(self.call("GET", path)["data"])

    def new_environment(self, name: str) -> None:
        body = json.dumps({"name": name}).encode()
        self.call("POST", f"/v1/orgs/{self.org_id}/projects/{self.project_id}/environments", body)
