"""What the threads of a runtime share in one process."""

from __future__ import annotations

import logging
import threading

from ._http import Rest, Wires
from ._options import Options

_log = logging.getLogger("signet")


class Life:
    """From a start, or a fork, to a close: what the threads of a process share."""

    def __init__(self, options: Options) -> None:
        self.over = threading.Event()
        #: Guards what waiters wait for.
        self.changed = threading.Condition()
        self.wires = Wires()
        self.rest = Rest(options.server, options.token, self.wires, options.agent)
        self.follower: threading.Thread | None = None
        self.caller: threading.Thread | None = None
