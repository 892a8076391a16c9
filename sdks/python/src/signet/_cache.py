"""What a runtime keeps on the disk: a directory for each environment with its content and with ``state.json``, which one rename
replaces. The files are those of the TypeScript SDK, and processes may share them: none replaces what is newer."""

from __future__ import annotations

import json
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import TrustError
from .strict_json import NotStrictJson, parse_strict
from .trust.envelope import sha256_hex
from .trust.objects import Identity
from .trust.stored import StoredState
from .trust.update import MAX_CONTENT_BYTES

_STATE = "state.json"
_MAX_STATE_BYTES = 64 * 1024 * 1024
#: Writing takes milliseconds: a lock this old is of a process that ended meanwhile.
_DEAD_LOCK = 30.0
_LOCK_WAIT = 0.02
#: Of Windows, where files are texts otherwise.
_BINARY: int = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Entry:
    """What is stored for an environment."""

    state: StoredState
    #: The digest of the content in hex, and its bytes; the bytes are None when they are lost.
    content: tuple[str, bytes | None] | None
    #: Versions and times that only grow: of the root, of the activation, of the lease.
    rank: tuple[float, ...] = ()


class FileCache:
    """The files of one environment. Methods raise OSError when a file cannot be read or written, and TrustError for damage."""

    def __init__(self, directory: str | os.PathLike[str], identity: Identity) -> None:
        digest = sha256_hex(json.dumps(list(identity), separators=(",", ":")).encode())
        self.folder = Path(directory) / f"{identity.environment}-{digest[:16]}"
        self._written: str | None = None

    def load(self) -> Entry | None:
        """What was stored last; None when there is nothing. Nothing of it is verified."""
        stored = self._read()
        if stored is None or stored.content is None:
            return stored
        digest, _ = stored.content
        data = _read_at_most(self.folder / _content_name(digest), MAX_CONTENT_BYTES)
        return Entry(stored.state, (digest, data), stored.rank)

    def store(self, entry: Entry) -> None:
        """Replaces it: the content first, then the rest at once. Does nothing where what is stored has a higher rank."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            stored = None
            with suppress(OSError, TrustError):
                stored = self._read()
            if stored is not None and _is_above(stored.rank, entry.rank):
                return
            digest = None
            if entry.content is not None and entry.content[1] is not None:
                digest, data = entry.content[0], entry.content[1]
                file = self.folder / _content_name(digest)
                # The first time it is written whatever is there: it may be damaged.
                if self._written != digest or _size(file) != len(data):
                    _replace(file, data)
                self._written = digest
            _replace(self.folder / _STATE, _state_bytes(entry, digest))
            self._remove_others(digest)

    def _read(self) -> Entry | None:
        file = self.folder / _STATE
        data = _read_at_most(file, _MAX_STATE_BYTES)
        if data is None:
            return None
        try:
            value = parse_strict(data.decode("utf-8"), max_depth=6)
            rank, content, state = value["rank"], value["content"], value["state"]
            if content is not None and not re.fullmatch("[0-9a-f]{64}", content):
                raise ValueError("content is no digest")
            ranks = tuple(float(number) for number in rank)
            return Entry(_parse_state(state), None if content is None else (content, None), ranks)
        except (ValueError, TypeError, KeyError, NotStrictJson) as cause:
            raise TrustError("malformed", f"{file} is not the state of a runtime: {cause}") from cause

    def _remove_others(self, digest: str | None) -> None:
        """Contents that the state does not name, and temporary files of processes that ended."""
        for file in self.folder.iterdir():
            other = re.fullmatch(r"content-([0-9a-f]{64})\.json", file.name)
            left = file.name.endswith(".tmp") and _age(file) > _DEAD_LOCK
            if left or (other and other[1] != digest):
                file.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.folder / "lock"
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                break
            except FileExistsError:
                if _age(lock) > _DEAD_LOCK:
                    lock.unlink(missing_ok=True)
                else:
                    time.sleep(_LOCK_WAIT)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _parse_state(value: Any) -> StoredState:
    if value["type"] != "signet-state/1":
        raise ValueError("not signet-state/1")
    identity = Identity(*(_text(value["identity"][key]) for key in ("orgId", "projectId", "environment")))
    roots = tuple((_version(it["version"]), _text(it["envelope"])) for it in value["roots"])
    envelopes = [None if value[key] is None else _text(value[key]) for key in ("lease", "activation", "release")]
    return StoredState(identity, roots, *envelopes)


def _state_bytes(entry: Entry, digest: str | None) -> bytes:
    state = entry.state
    org_id, project_id, environment = state.identity
    value = {
        "rank": [int(number) for number in entry.rank],
        "content": digest,
        "state": {
            "type": "signet-state/1",
            "identity": {"orgId": org_id, "projectId": project_id, "environment": environment},
            "roots": [{"version": version, "envelope": envelope} for version, envelope in state.roots],
            "lease": state.lease,
            "activation": state.activation,
            "release": state.release,
        },
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _version(value: object) -> int:
    if type(value) is not int:
        raise TypeError("a version is missing")
    return value


def _content_name(digest: str) -> str:
    return f"content-{digest}.json"


def _is_above(rank: Sequence[float], other: Sequence[float]) -> bool:
    """By the first number that differs."""
    return tuple(rank) > tuple(other)


def _replace(file: Path, data: bytes) -> None:
    """Readers see the old bytes or the new ones, also after a crash or a power failure."""
    temporary = file.with_name(f"{file.name}.{uuid.uuid4()}.tmp")
    try:
        with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o600), "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # Not every system can: the file is replaced all the same.
    with suppress(OSError):
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read_at_most(file: Path, limit: int) -> bytes | None:
    """None for a file that is not there."""
    try:
        # A pipe or a device would be read for ever.
        if not stat.S_ISREG(file.stat().st_mode):
            raise TrustError("malformed", f"{file} is no regular file")
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except FileNotFoundError:
        return None
    if len(data) > limit:
        raise TrustError("too_large", f"{file} has more than {limit} bytes")
    return data


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _age(file: Path) -> float:
    """0 for a file that is not there."""
    try:
        return abs(time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return 0.0
