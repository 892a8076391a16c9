"""A path that cuts every connection after some bytes or milliseconds: no wrong state, the newest in the end, and nothing leaks.

``SIGNET_CUTS`` says how many cuts (default 150; ``npm run conformance -- python`` has 1,000).
"""

from __future__ import annotations

import gc
import os
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import signet
from signet import _watch

from .conftest import Open
from .server import SignetServer
from .test_runtime import until

CUTS = int(os.environ.get("SIGNET_CUTS", "150"))


class CuttingProxy:
    """Hands bytes through until a connection's budget is used up, and then resets both of its ends."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self.is_cutting = True
        self._random = random.Random(7)
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        budget = self._random.choice([0, 50, 300, 1_000, 3_000, 9_000])
        until = time.monotonic() + self._random.choice([0.001, 0.01, 0.03, 0.1, 0.3])
        is_cutting = self.is_cutting
        try:
            far = socket.create_connection(("127.0.0.1", self._to), 5)
        except OSError:
            near.close()
            return
        with near, far, selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while not self._over.is_set():
                left = until - time.monotonic() if is_cutting else 0.2
                if is_cutting and (budget <= 0 or left <= 0):
                    self.cuts += 1
                    for end in (near, far):
                        with suppress(OSError):
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                for key, _ in selector.select(max(left, 0)):
                    try:
                        data = key.fileobj.recv(max(1, budget) if is_cutting else 65536)  # type: ignore[union-attr]
                        key.data.sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
                    budget -= len(data)


@contextmanager
def cutting_proxy(port: int) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


def resident_kib() -> int:
    gc.collect()
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_a_thousand_cuts(
    server: SignetServer,
    environment: str,
    open_runtime: Open,
    tmp_path: Path,
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Polls that were cut are held no more, and then wait between each other.
    monkeypatch.setattr(_watch, "IDLE_SECONDS", 0.02)
    published = {1: 0}
    server.client.publish(environment, {"n": 0, "filler": "x" * 500})
    with cutting_proxy(server.port) as proxy:
        runtime = open_runtime(
            url=f"http://127.0.0.1:{proxy.port}",
            transports=[transport],
            cache_dir=tmp_path,
            backoff=(0.002, 0.02),
            refusal_backoff=(0.002, 0.02),
        )
        seen: list[tuple[int, int]] = []
        runtime.on_update(lambda policies: seen.append((policies.sequence, policies.policies["n"])))
        first: tuple[int, int] | None = None
        while proxy.cuts < CUTS:
            n = len(published)
            bundle = server.client.publish(environment, {"n": n, "filler": "x" * 500})
            assert bundle.sequence is not None
            published[bundle.sequence] = n
            goal = min(CUTS, proxy.cuts + max(5, CUTS // 20))
            until(lambda goal=goal: proxy.cuts >= goal, 60)  # type: ignore[misc]
            if first is None and proxy.cuts >= CUTS / 5:
                first = resident_kib(), len(os.listdir("/proc/self/fd"))
        proxy.is_cutting = False
        newest = max(published)
        until(lambda: runtime.current is not None and runtime.current.sequence == newest, 60)
        until(lambda: bool(seen) and seen[-1][0] == newest)
        until(lambda: runtime.status.state == "fresh")
        last = resident_kib(), len(os.listdir("/proc/self/fd"))
        assert [sequence for sequence, _ in seen] == sorted({sequence for sequence, _ in seen})
        assert all(published[sequence] == n for sequence, n in seen)
        status = runtime.status
        assert status.callback_failures == 0
        assert status.cache_error is None
        assert first is not None
        print(
            f"{transport}: {proxy.cuts} cuts, {status.connections} connections, {status.refusals} refusals,"
            f" {len(seen)} of {len(published)} activations seen;"
            f" memory {first[0]} KiB → {last[0]} KiB, descriptors {first[1]} → {last[1]}"
        )
        assert status.refusals == 0
        assert last[0] < first[0] + 8_000
        assert last[1] <= first[1] + 8
    assert isinstance(runtime.current, signet.Policies)
