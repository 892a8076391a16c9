"""Forks while other threads hold every lock of a runtime; the child must follow all the same. Prints what the child saw."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import signet


def main() -> int:
    given: dict[str, Any] = json.loads(sys.argv[1])
    runtime = signet.open(
        given["url"], token=given["token"], trust=given["trust"], identity=given["identity"], proxy=None
    )
    runtime.wait_for_ready(30)
    seen: list[int] = []
    runtime.on_update(lambda policies: seen.append(policies.policies["n"]))
    while seen != [1]:
        time.sleep(0.01)
    held = threading.Event()

    def hold() -> None:
        assert runtime._reporter is not None
        with runtime._life.changed, runtime._life.wires._lock, runtime._reporter._changed:
            held.set()
            threading.Event().wait(3600)

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        print("forked", flush=True)
        newest = next(policies for policies in runtime.updates() if policies.policies["n"] == 2)
        while seen[-1] != 2:
            time.sleep(0.01)
        runtime.close()
        print(json.dumps({"n": newest.policies["n"], "seen": seen, "instance": runtime.instance_id}), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    # The parent's locks are held for ever: it ends without its handlers.
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
