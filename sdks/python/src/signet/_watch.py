"""The two ways to follow a server: server-sent events, and polls that it holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from ._http import MAX_RETRY_AFTER, Rest, error_in
from ._news import ALIVE, About, LatestSource, News, Position, ask_latest, ask_whole
from .errors import ApiError, TrustError
from .trust.update import MAX_ROOTS_AT_ONCE

#: Above the largest content, with every character of it escaped.
_MAX_EVENT_BYTES = 96 * 1024 * 1024
#: The longest that a poll is held: many a path cuts what is silent for half a minute.
HELD_SECONDS = 25
#: Between polls that are not held.
IDLE_SECONDS = 15.0
#: So many answered polls in a row, and they are held for longer again.
_GOOD_POLLS = 20
#: Sooner than this an answer was not held.
_AT_ONCE = 1.0


class EventParser:
    """The events of a stream (HTML, section 9.2.6), whose lines end in LF or CR LF. Comments and other fields are skipped."""

    def __init__(self, max_bytes: int = _MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._name = ""
        self._data: list[bytes] = []
        self._length = 0
        self._retry: float | None = None
        #: The seconds after which the event that was read last asks to come back; None when it does not say.
        self.retry: float | None = None
        #: Of a line that has not ended; joined once, since a long line comes in many chunks.
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """The names and the data of the events that end in it. Raises ApiError ``too_large``."""
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            whole = b"".join([*self._parts, line])
            self._parts.clear()
            yield from self._line(whole.removesuffix(b"\r"))
        self._parts.append(rest)
        self._length += len(chunk)
        if self._length > self._max_bytes:
            raise ApiError("too_large", "an event of the stream is too long")

    def _line(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        if line == b"":
            if self._data:
                self.retry = self._retry
                yield self._name or "message", b"\n".join(self._data)
            self._name, self._data, self._length, self._retry = "", [], 0, None
            return
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if key == b"event":
            self._name = value.decode("utf-8", "replace")
        elif key == b"data":
            self._data.append(value)
        elif key == b"retry" and re.fullmatch(rb"[0-9]{1,9}", value):
            self._retry = int(value) / 1000


def watch_events(
    rest: Rest,
    position: Position,
    instance_id: str,
    *,
    first: float,
    silent: float,
    limit: Callable[[], float],
) -> Iterator[News]:
    """News by server-sent events, until the stream ends. Raises ApiError, ``timeout`` for a silent one; Closed.

    :param first: seconds until the first message
    :param silent: seconds between messages
    :param limit: when to stop waiting whatever comes, by time.monotonic(); asked for each wait
    """
    query = urlencode(
        {
            "after_sequence": position.sequence,
            "after_deployment_id": position.deployment_id,
            "instance_id": instance_id,
            "root_version": position.root_version,
            "content": "true",
        }
    )
    until = time.monotonic() + first
    with rest.get(f"/v1/bundles/watch?{query}", {"Accept": "text/event-stream"}, timeout=first) as answer:
        if not (answer.header("Content-Type") or "").startswith("text/event-stream"):
            raise ApiError("unimplemented", "not a Signet server: the answer is no stream of events")
        parser, reader = EventParser(), _Messages(rest)
        while chunk := answer.some(min(until, limit())):
            for name, data in parser.feed(chunk):
                yield from reader.read(name, data, parser.retry)
                # Only the time spent waiting counts: a slow consumer is no silent server.
                until = time.monotonic() + silent


class _Messages:
    """Reads the messages of a watch. Roots are kept for the attestation that needs them, which follows."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._roots: dict[int, str] = {}
        self._newest = 0

    def read(self, name: str, data: bytes, retry: float | None = None) -> Iterator[News]:
        value = _parsed(data)
        if name == "error":
            error = error_in(value) or ApiError("unavailable", "the stream ended with an error")
            error.retry_after = None if retry is None else min(retry, MAX_RETRY_AFTER)
            raise error
        root, activation = value.get("trust_root"), value.get("activation")
        other = value.get("heartbeat") if value.get("heartbeat") is not None else value.get("nothing_active")
        if isinstance(root, dict):
            self._keep(root)
        elif isinstance(activation, dict):
            content = activation.get("content")
            text = content if isinstance(content, str) else ""
            source = PushedSource(self._roots, _attestation_of(activation), text.encode("utf-8", "replace"))
            yield News(_about(activation), self._newest, source)
        elif isinstance(other, dict):
            attestation = _attestation_of(other)
            if attestation is None:
                yield ALIVE
            else:
                source = PushedSource(self._roots, attestation, None)
                yield News(_about(value), self._newest, source, lambda: _Whole(self._roots, ask_whole(self._rest)))

    def _keep(self, root: Mapping[str, Any]) -> None:
        version = root.get("version")
        if type(version) is not int:
            return
        self._roots[version] = json.dumps(root.get("envelope"))
        self._newest = max(self._newest, version)
        # Each is needed once, as many as one update takes; a server may send more.
        if len(self._roots) > MAX_ROOTS_AT_ONCE:
            del self._roots[min(self._roots)]


class PushedSource:
    """What a message of a watch brought."""

    def __init__(self, roots: Mapping[int, str], attestation: str | None, content: bytes | None) -> None:
        self._roots, self._attestation, self._content = roots, attestation, content

    def root(self, version: int) -> str | None:
        return self._roots.get(version)

    def attestation(self) -> str:
        if self._attestation is None:
            raise TrustError("malformed", "the activation has no attestation: none was sent, or it was taken away")
        return self._attestation

    def content(self, size: int) -> bytes:
        if self._content is None:
            raise TrustError("malformed", "the attestation has no activation")
        return self._content[: size + 1]


class _Whole:
    """Roots that were pushed, and the rest by calls."""

    def __init__(self, roots: Mapping[int, str], latest: LatestSource) -> None:
        self._roots = roots
        self.attestation, self.content = latest.attestation, latest.content

    def root(self, version: int) -> str | None:
        return self._roots.get(version)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as cause:
        raise ApiError("unimplemented", "not a Signet server: an event is not JSON") from cause
    if not isinstance(value, dict):
        raise ApiError("unimplemented", "not a Signet server: an event is no JSON object")
    return value


def _about(fields: Mapping[str, Any]) -> About:
    sequence, deployment_id = fields.get("sequence"), fields.get("deployment_id")
    return About(
        sequence if type(sequence) is int and sequence >= 0 else 0,
        deployment_id if isinstance(deployment_id, str) else "",
    )


def _attestation_of(fields: Mapping[str, Any]) -> str | None:
    """The payloads of envelopes are texts in it: parsing changes none of what is signed."""
    attestation = fields.get("attestation")
    return None if attestation is None else json.dumps(attestation)


class Polls:
    """Follows by polls. On a path that cuts held ones they are held for half as long each time, down to not at all; for longer
    again after some that it did not cut."""

    def __init__(self) -> None:
        self.held = HELD_SECONDS
        #: Polls in a row that were answered.
        self._good = 0

    def news(
        self,
        rest: Rest,
        position: Callable[[], Position],
        instance_id: str,
        sleep: Callable[[float], object],
        limit: Callable[[], float],
    ) -> Iterator[News]:
        wait = 0
        while time.monotonic() < limit():
            had, start = position(), time.monotonic()
            left = max(1, int(min(wait, limit() - start))) if wait else 0
            news = self._poll(rest, had, instance_id, left)
            is_new = news.source is not None and news.about.deployment_id != had.deployment_id
            was_held = time.monotonic() - start >= _AT_ONCE
            yield news
            # The server ends a held poll too when the project gets another root.
            has_root = position().root_version != had.root_version
            if self.held == 0 or (wait > 0 and not (is_new or has_root or was_held)):
                sleep(max(0.0, min(IDLE_SECONDS, limit() - time.monotonic())))
            wait = self.held

    def _poll(self, rest: Rest, position: Position, instance_id: str, wait: int) -> News:
        try:
            news = ask_latest(rest, position, instance_id, wait)
        except ApiError as error:
            if wait > 0 and not error.is_from_server and not error.is_connecting:
                self.held >>= 1
                self._good = 0
            raise
        self._good += 1
        if self._good >= _GOOD_POLLS and self.held < HELD_SECONDS:
            self.held, self._good = min(HELD_SECONDS, max(1, 2 * self.held)), 0
        return news
