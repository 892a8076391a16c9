"""What a process has open, for the moments that concern all of it: a fork, and the end of the interpreter."""

from __future__ import annotations

import atexit
import logging
import os
from typing import Protocol

_log = logging.getLogger("signet")

#: The process that imported the package.
FIRST_PID = os.getpid()


class Opened(Protocol):
    """Something with threads."""

    def _after_fork(self) -> None:
        """In the child: begins again, without what was the parent's."""

    def _stop(self) -> None:
        """Tells its threads to end, and waits for nothing."""

    def close(self) -> None:
        """Ends it."""


_open: set[Opened] = set()


def remember(opened: Opened) -> None:
    """Until :func:`forget`."""
    _open.add(opened)


def forget(opened: Opened) -> None:
    _open.discard(opened)


def _after_fork() -> None:
    for opened in list(_open):
        try:
            opened._after_fork()
        except Exception:
            _log.exception("a runtime does not follow in the child of a fork")


def _close_all() -> None:
    """Threads that still run while the interpreter takes itself apart make noise."""
    all_of_them = list(_open)
    for opened in all_of_them:
        opened._stop()
    for opened in all_of_them:
        opened.close()


if hasattr(os, "register_at_fork"):
    # In the child alone: a lock that the parent takes before each fork is how such libraries hang it.
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_close_all)
