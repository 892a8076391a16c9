"""A runtime: follows the policies of an environment in a thread of its own."""

from __future__ import annotations

import atexit
import copy
import logging
import os
import random
import re
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from ._backoff import Backoff
from ._cache import FileCache
from ._http import Rest, Server, Tls, Token, Wires, is_token
from ._keeper import Holding, Keeper, Policies
from ._news import News, Position
from ._report import Report, Reporter
from ._watch import Polls, watch_events
from .errors import ApiError, Closed, ReadyTimeout, SignetError, TrustError
from .verify import (
    ENVIRONMENT,
    MAX_CONTENT_BYTES,
    Identity,
    Root,
    parse_public_key,
    pinned_keys,
    verify_pinned_root,
)

_log = logging.getLogger("signet")
_log.addHandler(logging.NullHandler())

#: A connection that lived this long was stable.
_GOOD_AFTER = 60.0
#: As long as a connection may be silent later.
_MAX_FIRST = 45.0
#: When server-sent events are tried again while polls do, at first; then ever more seldom, up to an hour.
_CLIMB_AFTER = 300.0
_MAX_CLIMB = 3600.0
#: A server that says something else each time is not listened to for ever.
_MAX_LOOKS = 8
_FOREVER = float("inf")

Trust = str | bytes | os.PathLike[str] | Sequence[str]


@dataclass(frozen=True)
class Refusal:
    """An update that was refused: what the runtime had before is kept."""

    #: Why, by docs/trust.md.
    code: str
    message: str
    at: datetime
    #: The sequence that the server named. Not verified.
    sequence: int


@dataclass(frozen=True)
class Status:
    """What a runtime says about itself.

    ``state`` is how well what it has is proven: ``fresh``, ``stale`` (proven still, but a new lease is overdue), ``expired``,
    ``revoked`` or ``empty`` (nothing was proven yet, or nothing is active).
    """

    state: str
    #: When the proof runs out; None while there is none.
    proven_until: datetime | None
    #: ``sse`` or ``poll``; None while it is not connected.
    transport: str | None
    #: When it calls the server again; None while it tries, and while it is connected and refused nothing.
    next_retry_at: datetime | None
    #: Why it is not connected, or what it refused; else None.
    error: SignetError | None
    #: The last update that was refused; None since a newer one was accepted.
    refusal: Refusal | None
    #: How often it was connected, how many updates it refused, and how many callbacks failed, since it was opened: for metrics.
    connections: int
    refusals: int
    callback_failures: int
    #: Why the cache could not be read or written at last; None since it could. The runtime goes on without.
    cache_error: Exception | None


@dataclass(frozen=True)
class _Link:
    """Replaced as a whole by the thread that follows."""

    transport: str | None = None
    next_retry_at: float | None = None
    error: SignetError | None = None
    refusal: Refusal | None = None
    connections: int = 0
    refusals: int = 0


@dataclass(frozen=True)
class Options:
    """What :func:`signet.open` was given, checked."""

    server: Server
    token: Token
    root: Root
    identity: Identity
    cache_dir: str | os.PathLike[str] | None
    closes_expired: bool
    closes_revoked: bool
    instance_id: str | Callable[[], str] | None
    agent: str
    labels: Mapping[str, str]
    transports: tuple[str, ...]
    reports: bool
    max_content_bytes: int
    heartbeat: float
    first_message: float
    backoff: tuple[float, float]
    refusal_backoff: tuple[float, float]
    clock: Callable[[], float]


class _Life:
    """From a start, or a fork, to a close: what the threads of a process share."""

    def __init__(self, options: Options) -> None:
        self.over = threading.Event()
        #: Guards what waiters wait for.
        self.changed = threading.Condition()
        self.wires = Wires()
        self.rest = Rest(options.server, options.token, self.wires, options.agent)
        self.follower: threading.Thread | None = None
        self.caller: threading.Thread | None = None


class _Listener:
    def __init__(self, call: Callable[[Any], object]) -> None:
        self.call = call
        #: What it was told last.
        self.told: object = None


class _Refused:
    """What was refused on a connection that stays. Until it is asked for again, only what is newer is looked at."""

    def __init__(self) -> None:
        self.news: News | None = None
        self.looks = 0
        self.due = _FOREVER

    def has(self, news: News) -> bool:
        if self.news is None or news.source is None:
            return False
        return news.about.deployment_id == self.news.about.deployment_id and news.roots <= self.news.roots

    def add(self, news: News, delay: float) -> None:
        self.news, self.due = news, time.monotonic() + delay
        self.looks += 1

    def clear(self) -> None:
        self.news, self.due = None, _FOREVER

    def after(self, position: Position) -> Position:
        """From where a poll goes on: it is not given again what was refused."""
        return position if self.news is None else position._replace(**self.news.about._asdict())


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
        self._link = _Link()
        self._listeners: dict[str, list[_Listener]] = {"update": [], "state": []}
        self._wakers: list[Callable[[], object]] = []
        self._failures = 0
        self._newest: Policies | None = None
        self._count = 0
        self._despair: SignetError | None = None
        self._despairs = self._told = 0
        self._reporter = Reporter(self._report_rest, self._about) if options.reports else None
        self._begin()

    # What a program asks.

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
        life, told = self._life, self._told
        with life.changed:
            while True:
                try:
                    return self._ready_now(told)
                except ReadyTimeout as error:
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise ReadyTimeout(error.message.replace("yet", f"after {timeout} s", 1)) from None
                life.changed.wait(left)

    def _ready_now(self, told: int) -> Policies:
        """As ``wait_for_ready``, without waiting.

        :param told: how many despairs the caller was told of
        """
        current = self.current
        if current is not None:
            return current
        if self._despairs > told and self._despair is not None:
            self._told = self._despairs
            raise copy.copy(self._despair)
        if self._life.over.is_set():
            raise Closed
        raise ReadyTimeout(f"nothing to enforce yet{self._why()}")

    def _newest_now(self) -> tuple[int, Policies | None, bool]:
        """How many there were, the newest, and whether it is over."""
        return self._count, self._newest, self._life.over.is_set()

    def updates(self) -> Iterator[Policies]:
        """``current``, when there is one, and each one after it, until the runtime is closed. Blocks between them. Who is slow
        misses superseded ones, and holds up nobody."""
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
        self._end(life)
        if self._reporter is not None:
            self._reporter.close(1.0)
        for thread in (life.follower, life.caller):
            if thread is not None and thread is not threading.current_thread():
                thread.join(2.0)
        _open.discard(self)

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

    # Lives.

    def _begin(self) -> None:
        options = self._options
        self._instance_id = _instance_id(options.instance_id, self._pid)
        self._life = _Life(options)
        self._shown: tuple[str, int, str] | None = None
        self._reported = ""
        self._look()
        self._life.follower = self._start("signet-follow", self._follow)
        if any(self._listeners.values()):
            self._life.caller = self._start("signet-callbacks", self._call_back)

    def _start(self, name: str, target: Callable[[_Life], None]) -> threading.Thread | None:
        thread = threading.Thread(target=target, args=(self._life,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is ending.
            return None
        return thread

    def _end(self, life: _Life) -> None:
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

    def _is_current(self, life: _Life) -> bool:
        return life is self._life and not life.over.is_set()

    # Telling.

    def _is_closed(self, holding: Holding) -> bool:
        state = holding.standing.at(self._options.clock())
        return (state == "expired" and self._options.closes_expired) or (
            state == "revoked" and self._options.closes_revoked
        )

    def _look(self) -> None:
        """Tells all that wait when there is something new."""
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

    def _call_back(self, life: _Life) -> None:
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
        return any(newest is not None and it.told != _name_of(newest) for it in self._listeners["update"]) or any(
            it.told != state for it in self._listeners["state"]
        )

    def _call_all(self) -> None:
        state = self._state()
        for listener in [it for it in self._listeners["state"] if it.told != state]:
            listener.told = state
            self._call(listener, self.status)
        newest = self._newest
        if newest is None:
            return
        failure: Exception | None = None
        for listener in list(self._listeners["update"]):
            if listener.told == _name_of(newest):
                continue
            failure = self._call(listener, newest) or failure
            # Afterwards, so that the child of a fork in the middle of it does it again.
            listener.told = _name_of(newest)
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
        if all(it.told == _name_of(current) for it in list(self._listeners["update"])):
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

    def _follow(self, life: _Life) -> None:
        """The thread that follows. On server-sent events, and on polls where the path does not let those through."""
        while self._is_current(life):
            try:
                _Follower(self, life).run()
            except Exception:
                _log.exception("the thread of a runtime failed; it begins again in 30 s")
                life.over.wait(30.0)

    def _take(self, news: News) -> SignetError | None:
        """Verifies news, and tells what they change. Returns why they came to nothing."""
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
            self._despair = None
            self._report_applied()
        elif isinstance(error, TrustError):
            self._refuse(error, news)
        return error

    def _refuse(self, error: TrustError, news: News) -> None:
        sequence, deployment_id = news.about
        refusal = Refusal(error.code, error.message, _instant(self._options.clock()), sequence)
        self._link = replace(self._link, refusal=refusal, refusals=self._link.refusals + 1)
        self._hopeless(error)
        key = f"rejected {error.code} {sequence} {deployment_id}"
        if sequence == 0 or key == self._reported or self._reporter is None:
            return
        _log.warning("refused sequence %d: %s", sequence, error)
        self._reported = key
        self._reporter.report(Report("rejected", sequence, deployment_id, str(error)))

    def _hopeless(self, error: SignetError) -> None:
        life = self._life
        with life.changed:
            self._despair = error
            self._despairs += 1
            life.changed.notify_all()
        self._wake()


class _Follower:
    """Follows the server for one life of a runtime."""

    def __init__(self, runtime: Runtime, life: _Life) -> None:
        options = runtime._options
        self.runtime, self.life = runtime, life
        self.ways = options.transports
        self.at = 0
        self.first = options.first_message
        self.silent = 3 * options.heartbeat
        self.backoff, self.refusals = Backoff(*options.backoff), Backoff(*options.refusal_backoff)
        self.polls = Polls()
        self.works: str | None = None
        self.strikes = self.silences = 0
        self.climb = _CLIMB_AFTER
        self.climb_at = _FOREVER

    def run(self) -> None:
        while self.runtime._is_current(self.life):
            delay = self._connect()
            if delay is not None and self.runtime._is_current(self.life):
                self.life.over.wait(delay)

    def _connect(self) -> float | None:
        """One connection. Returns the wait until the next; None: at once."""
        way, refused = self.ways[self.at], _Refused()
        error = ApiError("unavailable", "the server ended the stream")
        first_at: float | None = None
        failed: SignetError | None = None
        try:
            for news in self._news(way, refused):
                if not self.runtime._is_current(self.life):
                    return None
                if first_at is None:
                    first_at = time.monotonic()
                    self._connected(way)
                if news.source is not None and not refused.has(news):
                    failed = self._take(news, refused)
                    if failed is not None:
                        break
                if time.monotonic() >= refused.due:
                    break
        except Closed:
            return None
        except (ApiError, TrustError) as thrown:
            error = thrown if isinstance(thrown, ApiError) else ApiError("invalid", thrown.message)
        if time.monotonic() >= self.climb_at:
            return self._climb()
        return self._next(error, failed, first_at, refused)

    def _news(self, way: str, refused: _Refused) -> Iterator[News]:
        runtime, rest, name = self.runtime, self.life.rest, self.runtime._instance_id

        def limit() -> float:
            return min(refused.due, self.climb_at)

        def position() -> Position:
            return refused.after(runtime._keeper.position)

        if way == "sse":
            return watch_events(rest, runtime._keeper.position, name, first=self.first, silent=self.silent, limit=limit)
        return self.polls.news(rest, position, name, self.life.over.wait, limit)

    def _connected(self, way: str) -> None:
        self.works, self.first = way, self.runtime._options.first_message
        link = self.runtime._link
        self.runtime._link = replace(
            link, transport=way, next_retry_at=None, error=None, connections=link.connections + 1
        )
        if self.at == 0:
            self.climb, self.climb_at = _CLIMB_AFTER, _FOREVER
        elif self.climb_at == _FOREVER:
            self.climb_at = time.monotonic() + self.climb * random.uniform(0.5, 1.0)
        _log.debug("connected by %s", way)

    def _take(self, news: News, refused: _Refused) -> SignetError | None:
        """Returns why the connection is to be left."""
        error = self.runtime._take(news)
        if error is None:
            self.refusals.reset()
            refused.clear()
            return None
        if isinstance(error, ApiError) or refused.looks >= _MAX_LOOKS:
            return error
        delay = self.refusals.next()
        refused.add(news, delay)
        self._say(delay, ApiError("invalid", error.message), is_connected=True)
        return None

    def _climb(self) -> float | None:
        """Tries whether the better way works."""
        self.at, self.climb_at = 0, _FOREVER
        self.climb = min(2 * self.climb, _MAX_CLIMB)
        # One failure is enough to go back.
        self.works = None
        return None

    def _next(
        self, ended: ApiError, failed: SignetError | None, first_at: float | None, refused: _Refused
    ) -> float | None:
        error = ended
        if isinstance(failed, ApiError):
            error = failed
        elif failed is not None:
            delay = self.refusals.next()
            self._say(delay, ApiError("invalid", failed.message))
            return delay
        elif time.monotonic() >= refused.due:
            return None
        if first_at is not None and time.monotonic() - first_at >= _GOOD_AFTER:
            self.backoff.reset()
        if error.is_final:
            self.runtime._hopeless(error)
        if self._is_wrong_way(error, first_at is not None) and self._step_down():
            return None
        wait = self.backoff.slow() if error.code in _SLOW else self.backoff.next()
        # The sum, not the maximum: clients that were told the same time must not all return at once.
        delay = (error.retry_after or 0.0) + wait
        if refused.due != _FOREVER:
            delay = max(delay, refused.due - time.monotonic())
        self._say(delay, error)
        return delay

    def _say(self, delay: float, error: SignetError, *, is_connected: bool = False) -> None:
        runtime = self.runtime
        link = replace(runtime._link, next_retry_at=runtime._options.clock() + delay, error=error)
        runtime._link = link if is_connected else replace(link, transport=None)
        _log.log(
            logging.WARNING if isinstance(error, ApiError) and error.is_final else logging.INFO,
            "%s; next try in %.1f s",
            error,
            delay,
        )

    def _is_wrong_way(self, error: ApiError, had_news: bool) -> bool:
        if had_news:
            self.strikes = 0
            self.silences = self.silences + 1 if error.code == "timeout" else 0
            return self.silences >= 2
        has_worked = self.works == self.ways[self.at]
        if not _may_be_the_path(error, has_worked):
            return False
        self.strikes += 1
        return not has_worked or self.strikes >= 2

    def _step_down(self) -> bool:
        """False at the last way: the next attempt begins at the top again, after a wait."""
        self.strikes = self.silences = 0
        self.at = (self.at + 1) % len(self.ways)
        if self.at == 0:
            self.first = min(2 * self.first, _MAX_FIRST)
        return self.at > 0


_SLOW = frozenset({"unauthenticated", "forbidden", "not_found", "invalid", "malformed", "too_large"})


def _may_be_the_path(error: ApiError, has_worked: bool) -> bool:
    """Whether an error, in place of the first message, may come from a path that does not let this way through."""
    if error.is_from_server or error.is_connecting:
        return False
    cause = error.__cause__
    if isinstance(cause, (ConnectionError, ssl.SSLError)):
        return True
    return not (has_worked and error.code == "unavailable")


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
        name = given if pid == _first_pid else f"{given[:116]}-{pid}"
    if not (isinstance(name, str) and 1 <= len(name) <= 128):
        raise ValueError("instance_id must be a text of 1 to 128 characters")
    return name


# --- Options --------------------------------------------------------------------------------------------------


def checked_options(
    url: str,
    token: Token,
    trust: Trust,
    identity: tuple[str, str, str],
    *,
    on_expired: str,
    on_revoked: str,
    labels: Mapping[str, str] | None,
    tls: Tls | ssl.SSLContext | None,
    proxy: str | None,
    transports: Sequence[str],
    **rest: Any,
) -> Options:
    """Raises TypeError or ValueError that names the first wrong argument, and TrustError for a root that is damaged or another
    project's."""
    server = Server(url, tls, proxy)
    if not (callable(token) or is_token(token)):
        raise ValueError("token must be printable ASCII characters, or a function that returns them")
    who = checked_identity(identity)
    for name, value in (("on_expired", on_expired), ("on_revoked", on_revoked)):
        if value not in ("serve", "close"):
            raise ValueError(f'{name} must be "serve" or "close"')
    if isinstance(transports, str) or not transports or not set(transports) <= {"sse", "poll"}:
        raise ValueError('transports must be a list of "sse" and "poll"')
    options = Options(
        server=server,
        token=token,
        root=trusted_root(trust, who),
        identity=who,
        closes_expired=on_expired == "close",
        closes_revoked=on_revoked == "close",
        labels=_labels(labels),
        transports=tuple(dict.fromkeys(transports)),
        **rest,
    )
    _check_rest(options)
    return options


def checked_identity(identity: tuple[str, str, str]) -> Identity:
    try:
        who = Identity(*identity)
    except TypeError:
        raise TypeError("identity must be (org_id, project_id, environment)") from None
    for name, value in (("org_id", who.org_id), ("project_id", who.project_id)):
        if not (isinstance(value, str) and _is_uuid(value)):
            raise ValueError(f"identity: {name} must be a UUID, as `signet whoami` says it")
    if not (isinstance(who.environment, str) and ENVIRONMENT.fullmatch(who.environment)):
        raise ValueError("identity: environment must be its name")
    return who


def trusted_root(trust: Trust, identity: Identity) -> Root:
    """What a runtime trusts: a root document, or public keys in PEM."""
    if isinstance(trust, os.PathLike):
        trust = Path(trust).read_text("utf-8")
    if isinstance(trust, bytes):
        trust = trust.decode("utf-8")
    if isinstance(trust, str) and trust.lstrip().startswith("{"):
        return verify_pinned_root(trust, identity)
    texts = _pems(trust) if isinstance(trust, str) else [pem for text in _texts(trust) for pem in _pems(text)]
    try:
        return pinned_keys([parse_public_key(pem) for pem in texts])
    except ValueError:
        raise ValueError("trust must be Ed25519 public keys in PEM, or a root document") from None


def _texts(trust: object) -> list[str]:
    if not isinstance(trust, (list, tuple)) or not all(isinstance(it, str) for it in trust):
        raise TypeError("trust must be the text of a root document, PEM texts, or the path of a file with either")
    return list(trust)


def _pems(text: str) -> list[str]:
    found = re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", text, re.DOTALL)
    if not found:
        hint = "; for a file pass a pathlib.Path" if len(text) < 200 and "\n" not in text else ""
        raise ValueError(f"trust must be the text of a root document or public keys in PEM{hint}")
    return found


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _labels(labels: Mapping[str, str] | None) -> Mapping[str, str]:
    value = dict(labels or {})
    good = all(
        isinstance(key, str) and 1 <= len(key) <= 63 and isinstance(it, str) and len(it) <= 255
        for key, it in value.items()
    )
    if not good or len(value) > 64:
        raise ValueError("labels must be at most 64; keys of 1 to 63 characters, values of at most 255")
    return value


def _check_rest(options: Options) -> None:
    if not (isinstance(options.agent, str) and len(options.agent) <= 255):
        raise ValueError("agent must be a text of at most 255 characters")
    if not 1 <= options.max_content_bytes <= MAX_CONTENT_BYTES:
        raise ValueError("max_content_bytes must be 1 to 16 MiB")
    if not (options.heartbeat > 0 and options.first_message > 0):
        raise ValueError("heartbeat and first_message must be above 0 seconds")
    if options.cache_dir is not None and not isinstance(options.cache_dir, (str, os.PathLike)):
        raise TypeError("cache_dir must be the path of a directory")


# --- Processes ------------------------------------------------------------------------------------------------

_open: set[Runtime] = set()
_first_pid = os.getpid()


def remember(runtime: Runtime) -> Runtime:
    """Until it is closed: so that forks and the end of the interpreter reach it."""
    _open.add(runtime)
    return runtime


def _after_fork() -> None:
    for runtime in list(_open):
        try:
            runtime._after_fork()
        except Exception:
            _log.exception("a runtime does not follow in the child of a fork")


def _close_all() -> None:
    """Threads that still run while the interpreter takes itself apart make noise."""
    runtimes = list(_open)
    for runtime in runtimes:
        runtime._end(runtime._life)
    for runtime in runtimes:
        runtime.close()


if hasattr(os, "register_at_fork"):
    # In the child alone: a lock that the parent takes before each fork is how such libraries hang it.
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_close_all)
