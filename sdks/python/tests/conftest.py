from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import signet

from .server import SignetServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[SignetServer]:
    """One for all tests: each takes an environment of its own."""
    running = SignetServer(SIGNET_HEARTBEAT_MS="500")
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def environment(server: SignetServer) -> str:
    name = f"env-{next(_numbers)}"
    server.new_environment(name)
    return name


Open = Callable[..., signet.Runtime]


@pytest.fixture
def open_runtime(server: SignetServer, environment: str) -> Iterator[Open]:
    """``signet.open`` for the test's environment; closed at its end."""
    opened: list[signet.Runtime] = []

    def start(**options: Any) -> signet.Runtime:
        runtime = signet.open(
            options.pop("url", server.url),
            **{
                "token": options.pop("token", None) or server.runtime_token(environment, f"t{next(_numbers)}"),
                "trust": server.trust(),
                "identity": server.identity(environment),
                "proxy": None,
                "backoff": (0.2, 1.0),
                "refusal_backoff": (0.2, 1.0),
                **options,
            },
        )
        opened.append(runtime)
        return runtime

    yield start
    for runtime in opened:
        runtime.close()
