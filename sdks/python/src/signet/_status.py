"""What a runtime says about itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from .errors import SignetError

_log = logging.getLogger("signet")


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
class Link:
    """Replaced as a whole by the thread that follows."""

    transport: str | None = None
    next_retry_at: float | None = None
    error: SignetError | None = None
    refusal: Refusal | None = None
    connections: int = 0
    refusals: int = 0
