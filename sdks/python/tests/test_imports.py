"""What is imported late, in a thread, while the process forks, leaves its child an import lock that nobody releases."""

from __future__ import annotations

import subprocess
import sys

LATE = """
import sys
import signet
before = set(sys.modules)
from signet.trust import envelope, payload
payload.seconds("2026-01-01T00:00:00Z")
envelope._is_signed(bytes(32), b"", bytes(64))
"localhost".encode("idna")
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_imported_by_the_first_verification_or_look_up() -> None:
    out = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert out.stdout == "[]\n"
