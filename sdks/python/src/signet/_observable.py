"""A value that changes, with its readers and callbacks: the base of runtimes that do not follow a server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

from .errors import Closed, ReadyTimeout

T = TypeVar("T")
S = TypeVar("S", bound="Observable")  # type: ignore[type-arg]

_log = logging.getLogger("signet")


class Observable(Generic[T]):
    """The part of a runtime's interface that needs no server. ``_tell`` is called by one thread at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._newest: T | None = None
        self._count = 0
        self._callbacks: list[Callable[[T], object]] = []
        self._failures = 0

    @property
    def current(self) -> T | None:
        """What to enforce; None while there is nothing. Takes no lock."""
        return self._newest

    def wait_for_ready(self, timeout: float | None = None) -> T:
        """What to enforce, as soon as there is any. Raises :class:`ReadyTimeout`, and :class:`Closed`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                if self._newest is not None:
                    return self._newest
                if self._over.is_set():
                    raise Closed
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise ReadyTimeout(f"nothing to enforce after {timeout} s{self._why()}")
                self._changed.wait(left)

    def updates(self) -> Iterator[T]:
        """``current``, when there is one, and each one after it, until it is closed. A slow reader misses superseded ones."""
        seen = 0
        while True:
            with self._changed:
                while self._count == seen and not self._over.is_set():
                    self._changed.wait()
                if self._over.is_set():
                    return
                seen, newest = self._count, self._newest
            if newest is not None:
                yield newest

    def on_update(self, call: Callable[[T], object]) -> Callable[[], None]:
        """Calls a function with ``current``, when there is one (at once), and with each one after it. What it raises is logged.

        :returns: a function that ends it
        """
        with self._changed:
            self._callbacks.append(call)
            newest = self._newest
        if newest is not None:
            self._call(call, newest)

        def remove() -> None:
            if call in self._callbacks:
                self._callbacks.remove(call)

        return remove

    def close(self) -> None:
        """Ends ``updates``."""
        with self._changed:
            self._over.set()
            self._changed.notify_all()

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, value: T) -> None:
        with self._changed:
            self._newest = value
            self._count += 1
            callbacks = list(self._callbacks)
            self._changed.notify_all()
        for call in callbacks:
            self._call(call, value)

    def _call(self, call: Callable[[T], object], value: T) -> None:
        try:
            call(value)
        except Exception:
            self._failures += 1
            _log.exception("a callback failed")

    def _why(self) -> str:
        return ""
