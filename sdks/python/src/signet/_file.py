"""Follows a file that ``signet agent`` writes, or anything else that replaces files by rename."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._observable import Observable
from ._processes import forget, remember
from .document import Document, verify_document
from .errors import SignetError, VerificationError
from .frozen import FrozenDict, parse_frozen
from .trust.objects import Identity

#: Above the largest document: a content of 16 MiB, spelled with escapes, and its envelope.
_MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class FilePolicies:
    """What a file has; deeply immutable."""

    policies: FrozenDict
    #: Empty for a file with policies alone.
    scope_policies: FrozenDict
    #: The bytes of the file.
    content: bytes = field(repr=False)
    #: ``sha256:`` and 64 hex digits: a document's ``policy_hash``, else of the file's bytes.
    hash: str
    #: Of a file with a document of format 1; else None.
    document: Document | None
    #: Whether a signature was verified. A file with content or policies alone has none: the agent verified it, and whoever may
    #: write the file is trusted.
    is_verified: bool


@dataclass(frozen=True)
class FileStatus:
    """What a runtime of a file says about itself. ``state`` is ``current``, ``kept`` (the file is gone or was refused: what it had
    before is kept) or ``empty``."""

    state: str
    error: Exception | None
    #: How many times the file was taken, and how many times it was refused.
    updates: int
    refusals: int
    callback_failures: int


class FileRuntime(Observable[FilePolicies]):
    """Follows a file; made by :func:`signet.open_file`. A file that is damaged, or of another environment, changes nothing."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        keys: Sequence[str] | None,
        identity: tuple[str, str, str] | None,
        every: float,
    ) -> None:
        super().__init__()
        self._path, self._keys, self._every = Path(path), keys, every
        self._identity = None if identity is None else Identity(*identity)
        self._seen: tuple[int, ...] | None = None
        self._error: Exception | None = None
        self._refusals = 0
        self._look()
        self._begin()
        remember(self)

    @property
    def status(self) -> FileStatus:
        error, has = self._error, self.current is not None
        state = "empty" if not has else "current" if error is None else "kept"
        return FileStatus(state, error, self._count, self._refusals, self._failures)

    def close(self) -> None:
        """Ends ``updates``, and the thread that looks at the file."""
        super().close()
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)
        forget(self)

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._follow, args=(self._over,), name="signet-file", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._over.set()

    def _after_fork(self) -> None:
        if self._over.is_set():
            return
        self._changed, self._over = threading.Condition(), threading.Event()
        self._begin()

    def _follow(self, over: threading.Event) -> None:
        while not over.wait(self._every) and over is self._over:
            self._look()

    def _look(self) -> None:
        """Reads the file when it is another one, or has other times or sizes."""
        try:
            # Through links: a set is a link that is replaced.
            found = os.stat(self._path)
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if seen == self._seen:
                return
            data = self._read()
            self._seen = seen
        except OSError as error:
            self._error = error
            self._seen = None
            return
        try:
            value = read_policies(data, self._keys, self._identity)
        except SignetError as error:
            self._error = error
            self._refusals += 1
            return
        self._error = None
        if self._newest is None or self._newest.content != data:
            self._tell(value)

    def _read(self) -> bytes:
        with self._path.open("rb") as opened:
            return opened.read(_MAX_FILE_BYTES + 1)

    def _why(self) -> str:
        return "" if self._error is None else f": {self._error}"


def read_policies(data: bytes, keys: Sequence[str] | None, identity: Identity | None) -> FilePolicies:
    """What a file has: a document, a content or policies.

    :raises VerificationError: for a document that does not verify, and, where there are keys, for anything but a document
    """
    if len(data) > _MAX_FILE_BYTES:
        raise VerificationError("malformed", f"the file has more than {_MAX_FILE_BYTES} bytes")
    try:
        value: Any = parse_frozen(data.decode("utf-8"))
    except (ValueError, RecursionError) as cause:
        raise VerificationError("malformed", f"the file is not JSON: {cause}") from cause
    if not isinstance(value, FrozenDict):
        raise VerificationError("malformed", "the file is not a JSON object")
    if keys is not None:
        who = identity or Identity("", "", "")
        document = verify_document(
            data,
            keys,
            org_id=who.org_id or None,
            project_id=who.project_id or None,
            environment=who.environment or None,
        )
        return FilePolicies(document.policies, document.scope_policies, data, document.policy_hash, document, True)
    policies, scope_policies = value.get("policies"), value.get("scope_policies")
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if isinstance(policies, FrozenDict) and isinstance(scope_policies, FrozenDict):
        return FilePolicies(policies, scope_policies, data, str(value.get("policy_hash", digest)), None, False)
    return FilePolicies(value, FrozenDict(), data, digest, None, False)
