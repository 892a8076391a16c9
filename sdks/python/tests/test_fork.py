"""Forks: gunicorn with preloaded workers, and locks that are held at the moment of the fork."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .packs import REPOSITORY
from .server import SignetServer
from .test_runtime import until

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of Unix")

ROOT = REPOSITORY / "sdks/python"
WORKERS = 4


def environment_variables(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **more}


def options(server: SignetServer, environment: str) -> dict[str, Any]:
    return {
        "url": server.url,
        "token": server.runtime_token(environment, "forks"),
        "trust": server.trust(),
        "identity": server.identity(environment),
    }


@contextmanager
def gunicorn(given: dict[str, Any], log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", f"--workers={WORKERS}", f"--bind=127.0.0.1:{port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--no-control-socket", "tests.gunicorn_app:app"]
            if _has_control_socket()
            else [*command, "tests.gunicorn_app:app"],
            cwd=ROOT,
            env=environment_variables(RUNTIME=json.dumps(given)),
            stdout=output,
            stderr=output,
        )
        try:
            yield port, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _has_control_socket() -> bool:
    text = subprocess.run([sys.executable, "-m", "gunicorn", "--help"], capture_output=True, text=True, check=False)
    return "--no-control-socket" in text.stdout


def ask(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/", timeout=5
        ) as answer:
            return dict(json.load(answer))
    except OSError:
        return None


def sockets_of(pid: int) -> set[str]:
    """The inodes of a process's connections, without those that listen."""
    connected = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "01"  # established
    }
    links = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    return {link[8:-1] for link in links if link.startswith("socket:[")} & connected


def test_all_preloaded_workers_apply_a_publish(server: SignetServer, environment: str, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn", reason="needs gunicorn (Debian: gunicorn)")
    server.client.publish(environment, {"n": 1})
    applied = tmp_path / "applied"
    applied.mkdir()
    given = {**options(server, environment), "cache_dir": str(tmp_path / "cache"), "applied": str(applied)}
    log = tmp_path / "log"
    with gunicorn(given, log) as (port, master):
        workers: dict[int, dict[str, Any]] = {}

        def look() -> bool:
            answer = ask(port)
            if answer is not None:
                workers[answer["pid"]] = answer
            return len(workers) == WORKERS and all(it["transport"] == "sse" for it in workers.values())

        until(look, 30)
        if Path("/proc/net/tcp").exists():
            own = {pid: sockets_of(pid) for pid in (master.pid, *workers)}
            assert all(own.values())
            for pid in workers:
                assert not own[pid] & own[master.pid], "a worker shares a connection with the master"
        started = time.monotonic()
        server.client.publish(environment, {"n": 2})
        until(lambda: all((applied / f"{pid}-2").exists() for pid in (master.pid, *workers)), 5)
        print(f"{WORKERS} preloaded workers and the master applied a publish in {time.monotonic() - started:.2f} s")
        names = {"gateway", *(f"gateway-{pid}" for pid in workers)}
        until(
            lambda: {it["instance_id"] for it in server.instances(environment) if it["applied_sequence"] == 2} == names
        )
    text = log.read_text()
    assert "Traceback" not in text, text
    assert "Exception" not in text, text


def test_a_fork_while_all_locks_are_held(server: SignetServer, environment: str) -> None:
    server.client.publish(environment, {"n": 1})
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.fork_child", json.dumps(options(server, environment))],
        cwd=ROOT,
        env=environment_variables(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "forked\n"
        server.client.publish(environment, {"n": 2})
        end = json.loads(child.stdout.readline())
        assert end["n"] == 2
        assert end["seen"] == [1, 2]
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit(3)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_the_interpreter_ends_without_noise(server: SignetServer, environment: str, end: str) -> None:
    server.client.publish(environment, {"n": 1})
    script = (
        "import json, os, signal, sys, signet\n"
        "given = json.loads(sys.argv[1])\n"
        "url = given.pop('url')\n"
        "runtime = signet.open(url, proxy=None, **given)\n"
        "runtime.on_update(lambda policies: None)\n"
        "runtime.wait_for_ready(20)\n" + end
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script, json.dumps(options(server, environment))],
        env=environment_variables(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == {"": 0, "os.kill(os.getpid(), signal.SIGTERM)": -15}.get(end, 3)
