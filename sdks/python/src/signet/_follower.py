"""Follows a server on the best way that the path to it lets through, with waits between connections."""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ._backoff import Backoff
from ._life import Life
from ._news import News, Position
from ._watch import Polls, watch_events
from .errors import ApiError, Closed, SignetError, TrustError

if TYPE_CHECKING:
    from ._runtime import Runtime

_log = logging.getLogger("signet")

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


class Follower:
    """Follows the server for one life of a runtime."""

    def __init__(self, runtime: Runtime, life: Life) -> None:
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
            self.runtime._fail_waits(error)
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
