"""The same for asyncio::

    async with signet.aio.open(url, token=…, trust=…, identity=…) as runtime:
        await runtime.wait_for_ready(10)
        async for policies in runtime.updates():
            ...

The server is followed by a thread, so that a busy event loop misses no heartbeat; what it brings is handed to the loop. All waits
may be cancelled, and leave nothing behind.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, ParamSpec

import signet

from ._keeper import Policies
from ._runtime import Runtime as _Runtime
from ._status import Status
from .errors import Closed, ReadyTimeout

P = ParamSpec("P")


class Runtime:
    """A runtime for one event loop. Made by :func:`open`."""

    def __init__(self, runtime: _Runtime) -> None:
        #: The runtime itself, for code that runs in threads.
        self.sync = runtime
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Policies | None:
        """What to enforce; None while nothing is proven, and while ``expired`` or ``revoked`` closes it. Does not block."""
        return self.sync.current

    @property
    def status(self) -> Status:
        return self.sync.status

    async def wait_for_ready(self, timeout: float | None = None) -> Policies:
        """As :meth:`signet.Runtime.wait_for_ready`, with the same errors."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        seen = self.sync._wait_errors_seen
        with self._changes() as changed:
            while True:
                changed.clear()
                # Never blocks: it only looks.
                try:
                    return self.sync._ready_now(seen)
                except ReadyTimeout as error:
                    left = None if deadline is None else deadline - loop.time()
                    if left is not None and left <= 0:
                        raise ReadyTimeout(error.message.replace("yet", f"after {timeout} s", 1)) from None
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)

    async def updates(self) -> AsyncIterator[Policies]:
        """``current``, when there is one, and each one after it, until it is closed. A slow reader misses superseded ones."""
        seen = 0
        with self._changes() as changed:
            while True:
                changed.clear()
                count, newest, is_over = self.sync._newest_now()
                if is_over:
                    return
                if newest is not None and count != seen:
                    seen = count
                    yield newest
                else:
                    await changed.wait()

    def on_update(self, call: Callable[[Policies], object | Awaitable[object]]) -> Callable[[], None]:
        """Calls a function, which may be a coroutine function, on the event loop with ``current`` and each one after it. What it
        raises is logged and reported as rejected.

        :returns: a function that ends it
        """
        loop = asyncio.get_running_loop()

        async def run(policies: Policies) -> None:
            result = call(policies)
            if inspect.isawaitable(result):
                await result

        def hand_over(policies: Policies) -> None:
            # In the thread of the callbacks, which waits for the outcome: it is what is reported.
            if loop.is_closed():
                return
            outcome = asyncio.run_coroutine_threadsafe(run(policies), loop)
            while not outcome.done() and loop.is_running():
                concurrent.futures.wait([outcome], 1.0)
            if outcome.done():
                outcome.result()

        return self.sync.on_update(hand_over)

    async def close(self) -> None:
        """Ends connections, threads and ``updates``."""
        # To the end even if it is cancelled: it takes a moment.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self.sync.close))

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @contextlib.contextmanager
    def _changes(self) -> Generator[asyncio.Event, None, None]:
        """An event that is set whenever there may be something new."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # The loop may be closed by now: then nobody waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        self.sync._wakers.append(wake)
        try:
            yield changed
        finally:
            with contextlib.suppress(ValueError):
                self.sync._wakers.remove(wake)


class _Opening:
    """To be awaited, or entered by ``async with``."""

    def __init__(self, make: Callable[[], _Runtime]) -> None:
        self._make = make
        self._runtime: Runtime | None = None

    def __await__(self) -> Generator[Any, None, Runtime]:
        return self._open().__await__()

    async def __aenter__(self) -> Runtime:
        self._runtime = await self._open()
        return self._runtime

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runtime is not None:
            await self._runtime.close()

    async def _open(self) -> Runtime:
        # Files are read, and signatures verified.
        opening = asyncio.get_running_loop().run_in_executor(None, self._make)
        try:
            return Runtime(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(
                lambda done: None if done.cancelled() or done.exception() else done.result().close()
            )
            raise


def _with_options_of(_: Callable[P, _Runtime]) -> Callable[[Callable[..., _Opening]], Callable[P, _Opening]]:
    return lambda function: function


@_with_options_of(signet.open)
def open(*args: Any, **options: Any) -> _Opening:
    """As :func:`signet.open`, with the same arguments: ``await`` it, or enter it with ``async with``. Reading the cache does not
    block the event loop."""
    return _Opening(lambda: signet.open(*args, **options))


__all__ = ["Closed", "ReadyTimeout", "Runtime"]
