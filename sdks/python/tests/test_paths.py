"""Paths to a server: TLS, proxies, streams that are blocked, answers that drip."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import signet
from signet import _follower
from signet._http import Rest, Server, Wires
from signet._watch import EventParser

from .conftest import Open
from .server import SignetServer
from .test_runtime import until


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Runs a function for each connection, in a thread of its own."""
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                near, _ = sock.accept()
                threading.Thread(target=run, args=(near,), daemon=True).start()

    def run(near: socket.socket) -> None:
        with near, suppress(OSError):
            serve(near)

    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(0.1)
        threading.Thread(target=accept, daemon=True).start()
        yield sock.getsockname()[1]
        over.set()


def head_of(near: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = near.recv(65536)
        if not data:
            raise OSError("closed")
        head += data
    return head


def pump(one: socket.socket, other: socket.socket) -> None:
    def copy() -> None:
        with suppress(OSError):
            while data := other.recv(65536):
                one.sendall(data)
        with suppress(OSError):
            one.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
    thread.join(5)


def test_falls_back_to_polls_and_climbs_back(
    server: SignetServer, environment: str, open_runtime: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_follower, "_CLIMB_AFTER", 0.3)
    server.client.publish(environment, {"n": 1})
    blocks = threading.Event()
    blocks.set()

    def serve(near: socket.socket) -> None:
        head = head_of(near)
        if b"/v1/bundles/watch" in head and blocks.is_set():
            # A proxy that collects a stream and gives nothing on.
            threading.Event().wait(3)
            return
        with socket.create_connection(("127.0.0.1", server.port)) as far:
            far.sendall(head)
            pump(near, far)

    with listener(serve) as port:
        runtime = open_runtime(url=f"http://127.0.0.1:{port}", first_message=0.3)
        assert runtime.wait_for_ready(15).policies["n"] == 1
        assert runtime.status.transport == "poll"
        server.client.publish(environment, {"n": 2})
        until(lambda: runtime.current is not None and runtime.current.policies["n"] == 2)
        blocks.clear()
        until(lambda: runtime.status.transport == "sse", 30)
        server.client.publish(environment, {"n": 3})
        until(lambda: runtime.current is not None and runtime.current.policies["n"] == 3)


def test_a_stream_that_falls_silent_is_left(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"n": 1})
    connections: list[float] = []

    def serve(near: socket.socket) -> None:
        connections.append(time.monotonic())
        head = head_of(near)
        with socket.create_connection(("127.0.0.1", server.port)) as far:
            far.sendall(head)
            if b"/v1/bundles/watch" not in head:
                pump(near, far)
                return
            near.sendall(far.recv(65536))
            near.sendall(far.recv(65536))
            # Bytes that are no message are no sign of life.
            for _ in range(100):
                near.sendall(b"4\r\n: x\n\r\n")
                threading.Event().wait(0.05)

    with listener(serve) as port:
        runtime = open_runtime(url=f"http://127.0.0.1:{port}", heartbeat=0.2, transports=["sse"], backoff=(0.01, 0.02))
        runtime.wait_for_ready(15)
        until(lambda: runtime.status.connections >= 2)


def test_through_a_proxy_of_the_environment(
    server: SignetServer, environment: str, open_runtime: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.publish(environment, {"n": 1})
    lines: list[str] = []

    def serve(near: socket.socket) -> None:
        head = head_of(near)
        lines.append(head.decode())
        assert head.startswith((b"GET http://", b"POST http://"))
        with socket.create_connection(("127.0.0.1", server.port)) as far:
            far.sendall(head)
            pump(near, far)

    with listener(serve) as port:
        monkeypatch.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "other.example")
        runtime = open_runtime(proxy="environment")
        assert runtime.wait_for_ready(15).policies["n"] == 1
        assert "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in lines[0]
        assert f"Host: 127.0.0.1:{server.port}\r\n" in lines[0]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        count = len(lines)
        assert open_runtime(proxy="environment").wait_for_ready(15).policies["n"] == 1
        assert len(lines) == count


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "connect"])
def test_tls(
    server: SignetServer, environment: str, open_runtime: Open, certificate: tuple[Path, Path], proxied: bool
) -> None:
    cert, key = certificate
    server.client.publish(environment, {"n": 1})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def terminate(near: socket.socket) -> None:
        with (
            context.wrap_socket(near, server_side=True) as plain,
            socket.create_connection(("127.0.0.1", server.port)) as far,
        ):
            pump(plain, far)

    def tunnel(near: socket.socket) -> None:
        head = head_of(near)
        assert head.startswith(b"CONNECT localhost:")
        near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as far:
            pump(near, far)

    with listener(terminate) as port, listener(tunnel) as proxy:
        url = f"https://localhost:{port}"
        by = f"http://127.0.0.1:{proxy}" if proxied else None
        runtime = open_runtime(url=url, tls=signet.Tls(ca=cert), proxy=by)
        assert runtime.wait_for_ready(15).policies["n"] == 1
        server.client.publish(environment, {"n": 2})
        until(lambda: runtime.current is not None and runtime.current.policies["n"] == 2)
        stranger = open_runtime(url=url, proxy=by)
        until(lambda: stranger.status.error is not None)
        assert "CERTIFICATE_VERIFY_FAILED" in str(stranger.status.error)
        assert stranger.current is None


def test_an_answer_that_drips_ends_in_time() -> None:
    def serve(near: socket.socket) -> None:
        head_of(near)
        near.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(200):
            near.sendall(b"X: y\r\n")
            threading.Event().wait(0.05)

    with listener(serve) as port:
        rest = Rest(Server(f"http://127.0.0.1:{port}", proxy=None), "t", Wires())
        started = time.monotonic()
        with pytest.raises(signet.ApiError) as caught:
            rest.json("GET", "/", timeout=0.5)
        assert caught.value.code == "timeout"
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
def test_reads_no_more_than_it_may(declared: bool) -> None:
    def serve(near: socket.socket) -> None:
        head_of(near)
        if declared:
            near.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            while True:
                near.sendall(b"x" * 65536)
        near.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            near.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with listener(serve) as port:
        rest = Rest(Server(f"http://127.0.0.1:{port}", proxy=None), "t", Wires())
        with rest.get("/") as answer:
            assert len(answer.read(100_000)) == 100_001


def test_headers_are_bounded() -> None:
    def serve(near: socket.socket) -> None:
        head_of(near)
        near.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            near.sendall(b"X: " + b"y" * 60_000 + b"\r\n")

    with listener(serve) as port:
        rest = Rest(Server(f"http://127.0.0.1:{port}", proxy=None), "t", Wires())
        with pytest.raises(signet.ApiError) as caught:
            rest.json("GET", "/")
        assert caught.value.code == "unavailable"


def test_close_ends_a_wait_for_an_answer() -> None:
    def hold(_: socket.socket) -> None:
        threading.Event().wait(5)

    with listener(hold) as port:
        wires = Wires()
        rest = Rest(Server(f"http://127.0.0.1:{port}", proxy=None), "t", wires)
        threading.Timer(0.2, wires.cut).start()
        with pytest.raises(signet.Closed):
            rest.json("GET", "/", timeout=60)
        with pytest.raises(signet.Closed):
            rest.json("GET", "/", timeout=60)


def test_a_token_that_changes_is_asked_for_each_call(
    server: SignetServer, environment: str, open_runtime: Open
) -> None:
    server.client.publish(environment, {"n": 1})
    tokens = ["signet_rt_wrong", server.runtime_token(environment, "rotates")]
    asked: list[str] = []

    def token() -> str:
        asked.append(tokens[min(len(asked), 1)])
        return asked[-1]

    runtime = open_runtime(token=token, reports=False)
    with pytest.raises(signet.ApiError):
        runtime.wait_for_ready(15)
    # The wait after a refusal is long; a failing function is no more than a failed attempt.
    assert runtime.status.next_retry_at is not None
    failing = open_runtime(token=lambda: 1 // 0, reports=False)
    until(lambda: failing.status.error is not None)
    assert "ZeroDivisionError" in str(failing.status.error)


def test_events() -> None:
    parser = EventParser(max_bytes=100)
    text = b": comment\r\nevent: a\r\nretry: 1500\r\ndata: 1\ndata:2\n\nid: 7\ndata\n\nevent: x\n\n"
    found = [(*event, parser.retry) for byte in text for event in parser.feed(bytes([byte]))]
    assert found == [("a", b"1\n2", 1.5), ("message", b"", None)]
    with pytest.raises(signet.ApiError):
        list(parser.feed(b"data: " + b"x" * 200))
