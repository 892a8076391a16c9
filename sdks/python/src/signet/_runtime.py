"""A runtime: follows the policies of an environment in a thread of its own."""

from __future__ import annotations

import copy
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from ._cache import FileCache
from ._follower import Follower
from ._http import Rest, Wires
from ._keeper import Holding, Keeper, Policies
from ._life import Life
from ._news import News
from ._options import Options
from ._processes import FIRST_PID, forget
from ._report import Report, Reporter
from ._status import Link, Refusal, Status
from .errors import ApiError, Closed, ReadyTimeout, SignetError, TrustError

_log = logging.getLogger("signet")
_log.addHandler(logging.NullHandler())


class _Listener:
    def __init__(self, call: Callable[[Any], object]) -> None:
        self.call = call
        #: The value that it was called with last.
        self.last: object = None


class Runtime:
    """Follows the policies of an environment. Made by :func:`signet.open`; reconnects by itself until it is closed.

    ``current`` takes no lock and may be asked from any thread, for every decision. After a fork the child follows the server by
    threads and connections of its own.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        cache = None if options.cache_dir is None else FileCache(options.cache_dir, options.identity)
        self._keeper = Keeper(options.root, options.identity, cache, options.clock, options.max_content_bytes)
        self._pid = os.getpid()
        self._link = Link()
        self._listeners: dict[str, list[_Listener]] = {"update": [], "state": []}
        self._wakers: list[Callable[[], object]] = []
        self._failures = 0
        self._newest: Policies | None = None
        self._count = 0
        self._wait_error: SignetError | None = None
        self._wait_errors = self._wait_errors_seen = 0
        self._reporter = Reporter(self._report_rest, self._about) if options.reports else None
        self._begin()

    # For the program.

    @property
    def current(self) -> Policies | None:
        """What to enforce; None while nothing is proven, and while ``expired`` or ``revoked`` closes it."""
        holding = self._keeper.holding
        return None if self._is_closed(holding) else holding.current

    @property
    def status(self) -> Status:
        holding, link = self._keeper.holding, self._link
        state = holding.standing.at(self._options.clock())
        is_proven = state in ("fresh", "stale")
        return Status(
            state=state,
            proven_until=datetime.fromtimestamp(holding.standing.until, timezone.utc) if is_proven else None,
            transport=link.transport,
            next_retry_at=None if link.next_retry_at is None else _instant(link.next_retry_at),
            error=link.error,
            refusal=link.refusal,
            connections=link.connections,
            refusals=link.refusals,
            callback_failures=self._failures,
            cache_error=self._keeper.cache_error,
        )

    @property
    def instance_id(self) -> str:
        """The name of this process in the fleet view."""
        return self._instance_id

    def wait_for_ready(self, timeout: float | None = None) -> Policies:
        """What to enforce, as soon as there is any; also from the cache, which is not fresh.

        :param timeout: seconds; None: no limit
        :raises ReadyTimeout: when there was nothing in time
        :raises ApiError: when a Signet server refused for good, such as the token
        :raises TrustError: when what came was refused
        :raises Closed: when it is closed

        The runtime tries on all the same.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        life, seen = self._life, self._wait_errors_seen
        with life.changed:
            while True:
                try:
                    return self._ready_now(seen)
                except ReadyTimeout as error:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise ReadyTimeout(error.message.replace("yet", f"after {timeout} s", 1)) from None
                life.changed.wait(left)

    def _ready_now(self, seen: int) -> Policies:
        """As ``wait_for_ready``, without waiting.

        :param seen: how many errors of waits the caller has seen
        """
        current = self.current
        if current is not None:
            return current
        if self._wait_errors > seen and self._wait_error is not None:
            self._wait_errors_seen = self._wait_errors
            raise copy.copy(self._wait_error)
        if self._life.over.is_set():
            raise Closed
        raise ReadyTimeout(f"nothing to enforce yet{self._why()}")

    def _newest_now(self) -> tuple[int, Policies | None, bool]:
        """How many there were, the newest, and whether it is over."""
        return self._count, self._newest, self._life.over.is_set()

    def updates(self) -> Iterator[Policies]:
        """``current``, when there is one, and each one after it, until the runtime is closed. Blocks between them. A slow
        reader misses superseded ones, and delays no other."""
        seen = 0
        while True:
            life = self._life
            with life.changed:
                while self._count == seen and not life.over.is_set() and life is self._life:
                    life.changed.wait()
                if life.over.is_set():
                    return
                seen, newest = self._count, self._newest
            if newest is not None:
                yield newest

    def on_update(self, call: Callable[[Policies], object]) -> Callable[[], None]:
        """Calls a function with ``current``, when there is one, and with each one after it; in a thread of the runtime, one after
        the other, without superseded ones. What it raises is logged and reported as rejected; the next one comes all the same.

        :returns: a function that ends it
        """
        return self._listen("update", call)

    def on_state(self, call: Callable[[Status], object]) -> Callable[[], None]:
        """Calls a function with the status, now and whenever ``state`` changes; in a thread of the runtime.

        :returns: a function that ends it
        """
        return self._listen("state", call)

    def close(self) -> None:
        """Ends connections, threads and ``updates``. A second time it does nothing."""
        life = self._life
        self._stop()
        if self._reporter is not None:
            self._reporter.close(1.0)
        for thread in (life.follower, life.caller):
            if thread is not None and thread is not threading.current_thread():
                thread.join(2.0)
        forget(self)

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        current = self._keeper.holding.current
        what = f"sequence {current.sequence}" if current else "nothing"
        return f"<signet.Runtime {self._options.identity.environment}: {what}, {self.status.state}>"

    # Start, end and fork.

    def _begin(self) -> None:
        options = self._options
        self._instance_id = _instance_id(options.instance_id, self._pid)
        self._life = Life(options)
        self._shown: tuple[str, int, str] | None = None
        self._reported = ""
        self._look()
        self._life.follower = self._start("signet-follow", self._follow)
        if any(self._listeners.values()):
            self._life.caller = self._start("signet-callbacks", self._call_back)

    def _start(self, name: str, target: Callable[[Life], None]) -> threading.Thread | None:
        thread = threading.Thread(target=target, args=(self._life,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is ending.
            return None
        return thread

    def _stop(self) -> None:
        life = self._life
        with life.changed:
            life.over.set()
            life.changed.notify_all()
        life.wires.cut()
        self._wake()

    def _after_fork(self) -> None:
        """In the child: the parent's threads are not there, its locks may be held for ever, and its connections are its own."""
        before = self._life
        before.wires.abandon()
        if self._reporter is not None:
            self._reporter.abandon()
            self._reporter.restart()
        is_over = before.over.is_set()
        self._pid = os.getpid()
        self._wakers = []
        self._link = replace(self._link, transport=None, next_retry_at=None)
        if not is_over:
            self._begin()

    def _is_current(self, life: Life) -> bool:
        return life is self._life and not life.over.is_set()

    # Announcements.

    def _is_closed(self, holding: Holding) -> bool:
        state = holding.standing.at(self._options.clock())
        return (state == "expired" and self._options.closes_expired) or (
            state == "revoked" and self._options.closes_revoked
        )

    def _look(self) -> None:
        """Wakes all waits when there is something new."""
        life, current = self._life, self.current
        with life.changed:
            if current is not None and _name_of(current) != self._shown:
                self._shown = _name_of(current)
                self._newest = current
                self._count += 1
            life.changed.notify_all()
        self._wake()

    def _wake(self) -> None:
        for wake in list(self._wakers):
            try:
                wake()
            except Exception:
                _log.exception("a waker of a runtime failed")

    def _listen(self, event: str, call: Callable[[Any], object]) -> Callable[[], None]:
        if not callable(call):
            raise TypeError("a callback must be a function")
        listener, life = _Listener(call), self._life
        with life.changed:
            self._listeners[event].append(listener)
            if life.caller is None and not life.over.is_set():
                life.caller = self._start("signet-callbacks", self._call_back)
            life.changed.notify_all()

        def remove() -> None:
            if listener in self._listeners[event]:
                self._listeners[event].remove(listener)

        return remove

    def _call_back(self, life: Life) -> None:
        """The thread of the callbacks."""
        while self._is_current(life):
            self._call_all()
            with life.changed:
                if life.over.is_set():
                    return
                if not self._is_anything_new():
                    wait = self._keeper.holding.standing.changes_in(self._options.clock())
                    # The machine's clock may jump: it is looked at from time to time.
                    life.changed.wait(min(30.0, 30.0 if wait is None else max(wait, 0.01)))

    def _is_anything_new(self) -> bool:
        newest, state = self._newest, self._state()
        return any(newest is not None and it.last != _name_of(newest) for it in self._listeners["update"]) or any(
            it.last != state for it in self._listeners["state"]
        )

    def _call_all(self) -> None:
        state = self._state()
        for listener in [it for it in self._listeners["state"] if it.last != state]:
            listener.last = state
            self._call(listener, self.status)
        newest = self._newest
        if newest is None:
            return
        failure: Exception | None = None
        for listener in list(self._listeners["update"]):
            if listener.last == _name_of(newest):
                continue
            failure = self._call(listener, newest) or failure
            # Afterwards, so that the child of a fork in the middle of it does it again.
            listener.last = _name_of(newest)
        if failure is not None:
            reason = f"callback_failed: {type(failure).__name__}: {failure}"
            self._report(f"rejected callback {newest.activation}", "rejected", newest, reason)
        else:
            self._report_applied()

    def _call(self, listener: _Listener, value: object) -> Exception | None:
        try:
            listener.call(value)
        except Exception as error:
            self._failures += 1
            _log.exception("a callback of a runtime failed")
            return error
        return None

    def _state(self) -> str:
        return self._keeper.holding.standing.at(self._options.clock())

    def _report_applied(self) -> None:
        """When all callbacks took it."""
        current = self._keeper.holding.current
        if current is None or self._reported == f"rejected callback {current.activation}":
            return
        if all(it.last == _name_of(current) for it in list(self._listeners["update"])):
            self._report(f"applied {current.activation}", "applied", current)

    def _report(self, key: str, state: str, about: Policies, reason: str | None = None) -> None:
        if self._reporter is None or key == self._reported:
            return
        self._reported = key
        self._reporter.report(Report(state, about.sequence, about.deployment_id, reason))

    def _report_rest(self, wires: Wires) -> Rest:
        return Rest(self._options.server, self._options.token, wires, self._options.agent)

    def _about(self) -> Mapping[str, Any]:
        about: dict[str, Any] = {"instance_id": self._instance_id, "labels": dict(self._options.labels)}
        if self._options.agent:
            about["agent"] = self._options.agent
        if self._options.root.version == 0:
            about["key_ids"] = sorted(name[:16] for name in self._options.root.keys)[:32]
        return about

    def _why(self) -> str:
        link = self._link
        if link.refusal is not None:
            return f": refused, {link.refusal.code}: {link.refusal.message}"
        return "" if link.error is None else f": {link.error.message}"

    # Following.

    def _follow(self, life: Life) -> None:
        """The thread that follows. On server-sent events, and on polls where the path does not let those through."""
        while self._is_current(life):
            try:
                Follower(self, life).run()
            except Exception:
                _log.exception("the thread of a runtime failed; it begins again in 30 s")
                life.over.wait(30.0)

    def _take(self, news: News) -> SignetError | None:
        """Verifies news, and announces the change. Returns the error when they were not accepted."""
        error: SignetError | None
        try:
            error = self._keeper.take(news)
        except TrustError as refused:
            error = refused
        except ApiError as failed:
            # The connection failed while more was asked for: no refusal, but the same wait.
            return failed
        finally:
            self._look()
        if error is None:
            if self._link.refusal is not None or self._link.error is not None:
                self._link = replace(self._link, refusal=None, error=None, next_retry_at=None)
            self._wait_error = None
            self._report_applied()
        elif isinstance(error, TrustError):
            self._refuse(error, news)
        return error

    def _refuse(self, error: TrustError, news: News) -> None:
        sequence, deployment_id = news.about
        refusal = Refusal(error.code, error.message, _instant(self._options.clock()), sequence)
        self._link = replace(self._link, refusal=refusal, refusals=self._link.refusals + 1)
        self._fail_waits(error)
        key = f"rejected {error.code} {sequence} {deployment_id}"
        if sequence == 0 or key == self._reported or self._reporter is None:
            return
        _log.warning("refused sequence %d: %s", sequence, error)
        self._reported = key
        self._reporter.report(Report("rejected", sequence, deployment_id, str(error)))

    def _fail_waits(self, error: SignetError) -> None:
        life = self._life
        with life.changed:
            self._wait_error = error
            self._wait_errors += 1
            life.changed.notify_all()
        self._wake()


def _name_of(policies: Policies) -> tuple[str, int, str]:
    return policies.deployment_id, policies.sequence, policies.activation


def _instant(time: float) -> datetime:
    return datetime.fromtimestamp(time, timezone.utc)


def _instance_id(given: str | Callable[[], str] | None, pid: int) -> str:
    if callable(given):
        name = given()
    elif given is None:
        name = f"{socket.gethostname()[:100]}-{pid}"
    else:
        # Each process is an instance of its own: the first has the name that was given.
        name = given if pid == FIRST_PID else f"{given[:116]}-{pid}"
    if not (isinstance(name, str) and 1 <= len(name) <= 128):
        raise ValueError("instance_id must be a text of 1 to 128 characters")
    return name
