"""The runtime on an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import signet
import signet.aio

from .server import SignetServer


def options(server: SignetServer, environment: str) -> dict[str, Any]:
    return {
        "token": server.runtime_token(environment, "aio"),
        "trust": server.trust(),
        "identity": server.identity(environment),
        "proxy": None,
        "backoff": (0.2, 1.0),
    }


def test_follows(server: SignetServer, environment: str) -> None:
    server.client.publish(environment, {"n": 1})

    async def main() -> None:
        seen: list[int] = []
        async with signet.aio.open(server.url, **options(server, environment)) as runtime:
            assert (await runtime.wait_for_ready(15)).policies["n"] == 1
            runtime.on_update(lambda policies: seen.append(policies.policies["n"]))
            async for policies in runtime.updates():
                n = policies.policies["n"]
                if n == 3:
                    break
                await asyncio.to_thread(server.client.publish, environment, {"n": n + 1})
            assert runtime.status.state == "fresh"
            while seen != [1, 2, 3]:
                await asyncio.sleep(0.01)
        assert runtime.sync.status.callback_failures == 0

    asyncio.run(asyncio.wait_for(main(), 30))


def test_cancelled_waits_leave_nothing(server: SignetServer, environment: str) -> None:
    async def main() -> None:
        runtime = await signet.aio.open(server.url, **options(server, environment))

        async def read() -> None:
            async for _ in runtime.updates():
                pass

        waits: list[asyncio.Task[Any]] = [asyncio.create_task(runtime.wait_for_ready()) for _ in range(5)]
        waits += [asyncio.create_task(read()) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert len(runtime.sync._wakers) == 10
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        assert runtime.sync._wakers == []
        with pytest.raises(TimeoutError, match="nothing to enforce after 0.1 s"):  # noqa: RUF043
            await runtime.wait_for_ready(0.1)
        late = asyncio.create_task(read())
        await asyncio.sleep(0)
        await runtime.close()
        await late
        with pytest.raises(signet.Closed):
            await runtime.wait_for_ready(1)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_cancelled_open_closes_what_it_opened(server: SignetServer, environment: str) -> None:
    async def main() -> None:
        opening = asyncio.ensure_future(_opened(server, environment))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    given = options(server, environment)

    async def _opened(server: SignetServer, environment: str) -> object:
        return await signet.aio.open(server.url, **given)

    asyncio.run(asyncio.wait_for(main(), 30))
    for thread in threading.enumerate():
        if thread.name.startswith("signet-"):
            thread.join(10)
            assert not thread.is_alive()


def test_a_failing_coroutine_is_reported(server: SignetServer, environment: str) -> None:
    server.client.publish(environment, {"n": 1})

    async def main() -> None:
        async def apply(_: signet.Policies) -> None:
            await asyncio.sleep(0)
            raise RuntimeError("no")

        async with signet.aio.open(server.url, **options(server, environment)) as runtime:
            runtime.on_update(apply)
            while runtime.status.callback_failures == 0:
                await asyncio.sleep(0.01)
            while [it["state"] for it in server.instances(environment)] != ["rejected"]:
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(main(), 30))
