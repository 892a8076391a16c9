"""Reports the status of an instance to the fleet view, and retries until the server has it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._backoff import Backoff
from ._http import Rest, Wires
from .errors import ApiError, Closed

_log = logging.getLogger("signet")


@dataclass(frozen=True)
class Report:
    """The outcome of an activation: ``applied`` or ``rejected``."""

    state: str
    sequence: int
    deployment_id: str
    reason: str | None = None


class Reporter:
    """Sends the newest report, by a thread that lives while there is something to send."""

    def __init__(self, rest_by: Callable[[Wires], Rest], about: Callable[[], Mapping[str, Any]]) -> None:
        self._rest_by, self._about = rest_by, about
        self.restart()

    def restart(self) -> None:
        """At the start, and in the child of a fork, which has none of the parent's threads and locks."""
        self._changed = threading.Condition()
        self._newest: Report | None = None
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._wires = Wires()
        self._rest = self._rest_by(self._wires)

    def abandon(self) -> None:
        self._wires.abandon()

    def report(self, report: Report) -> None:
        """Replaces a report that is still being sent. Waits for nothing."""
        with self._changed:
            self._newest = report
            self._changed.notify_all()
            if self._thread is not None or self._is_over:
                return
            self._thread = threading.Thread(target=self._run, args=(self._changed,), name="signet-report", daemon=True)
            self._thread.start()

    def close(self, timeout: float) -> None:
        """Gives what is being sent a moment, and ends."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._wires.cut()

    def _run(self, changed: threading.Condition) -> None:
        backoff = Backoff(5.0, 60.0)
        while True:
            with changed:
                report = self._newest
                if report is None or changed is not self._changed:
                    self._thread = None
                    return
            delay = self._send(report, backoff)
            with changed:
                if delay is None and self._newest is report:
                    self._newest = None
                elif delay is not None:
                    if not self._is_over:
                        changed.wait(delay)
                    if self._is_over:
                        self._newest = None

    def _send(self, report: Report, backoff: Backoff) -> float | None:
        """The wait before the next attempt; None for none."""
        value: dict[str, Any] = {**self._about(), "state": report.state, "sequence": report.sequence}
        if report.deployment_id:
            value["deployment_id"] = report.deployment_id
        if report.reason is not None:
            value["reason"] = report.reason[:1000]
        try:
            self._rest.post("/v1/runtimes/status", value)
            return None
        except Closed:
            return None
        except ApiError as error:
            if error.is_final:
                _log.warning("the server refused a status report: %s", error)
                return None
            return (error.retry_after or 0.0) + backoff.next()
        except Exception:
            _log.exception("a status report failed")
            return None
