"""Signet for Python: runtimes that prove which policy is in force.

``signet.open`` follows the policies of an environment, ``signet.open_file`` a file that ``signet agent`` writes, ``signet.aio``
is the same for asyncio, and ``signet.Client`` publishes and promotes.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence

from ._file import FilePolicies, FileRuntime, FileStatus
from ._http import Tls, Token
from ._keeper import Policies, Release
from ._options import Trust, checked_options
from ._processes import remember
from ._runtime import Runtime
from ._status import Refusal, Status
from ._version import VERSION as __version__
from .client import Bundle, Client, RolloutFailed, Source
from .document import Document, verify_document
from .errors import (
    TRUST_CODES,
    ApiError,
    Closed,
    FieldError,
    ReadyTimeout,
    SignetError,
    TrustError,
    VerificationError,
)
from .trust.envelope import parse_public_key
from .trust.objects import Identity
from .trust.update import MAX_CONTENT_BYTES


def open(
    url: str,
    *,
    token: Token,
    trust: Trust,
    identity: tuple[str, str, str],
    cache_dir: str | os.PathLike[str] | None = None,
    on_expired: str = "serve",
    on_revoked: str = "close",
    instance_id: str | Callable[[], str] | None = None,
    agent: str = "",
    labels: Mapping[str, str] | None = None,
    tls: Tls | ssl.SSLContext | None = None,
    proxy: str | None = "environment",
    transports: Sequence[str] = ("sse", "poll"),
    reports: bool = True,
    max_content_bytes: int = MAX_CONTENT_BYTES,
    heartbeat: float = 15.0,
    first_message: float = 4.0,
    backoff: tuple[float, float] = (10.0, 60.0),
    refusal_backoff: tuple[float, float] = (10.0, 300.0),
    clock: Callable[[], float] = time.time,
) -> Runtime:
    """Opens a runtime. Returns at once, whatever the network does; ``wait_for_ready`` waits.

    :param url: ``http://host:port`` or ``https://host:port``; a path is prefixed to that of every call
    :param token: a runtime token of the environment, or a function that returns it, asked for every call
    :param trust: the root document of the project, or public keys of the server in PEM (level 0 of docs/trust.md): a text, a list
        of texts, or a :class:`pathlib.Path` of a file. Either comes with the configuration, never from the server
    :param identity: UUIDs of organization and project, and the environment's name, as ``signet whoami`` says them: nothing of any
        other is accepted
    :param cache_dir: keeps what was proven, so that a start needs no server and nobody can take it back; may be shared by
        processes and environments. Default: none
    :param on_expired: when the proof has run out, ``"serve"`` on what was proven last, or ``"close"``: ``current`` is None
    :param on_revoked: likewise, when a newer root revokes what runs
    :param instance_id: names this process in the fleet view; default: host name and process id. The children of a fork add their
        process id, or call the function
    :param agent: name and version of the program, for the fleet view
    :param labels: for the fleet view; at most 64
    :param tls: files of a private CA and a client certificate, or an ``ssl.SSLContext``
    :param proxy: ``"environment"`` (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), None, or ``http://host:port``
    :param transports: the ways to follow, best first: server-sent events and held polls
    :param reports: whether what is applied and refused is reported to the fleet view
    :param heartbeat: the server's interval in seconds: three of them without a message end a connection
    :param first_message: seconds that a connection may take to its first message before the next way is tried
    :param backoff: the first and the highest ceiling, in seconds, of the random waits between connections
    :param refusal_backoff: likewise after a refusal
    :param clock: seconds since the epoch, by which expiry is measured
    :raises TypeError: for wrong arguments, as does ValueError
    :raises TrustError: for a root that is damaged or of another project
    """
    options = checked_options(
        url,
        token,
        trust,
        identity,
        cache_dir=cache_dir,
        on_expired=on_expired,
        on_revoked=on_revoked,
        instance_id=instance_id,
        agent=agent,
        labels=labels,
        tls=tls,
        proxy=proxy,
        transports=transports,
        reports=reports,
        max_content_bytes=max_content_bytes,
        heartbeat=heartbeat,
        first_message=first_message,
        backoff=backoff,
        refusal_backoff=refusal_backoff,
        clock=clock,
    )
    runtime = Runtime(options)
    remember(runtime)
    return runtime


def open_file(
    path: str | os.PathLike[str],
    *,
    keys: Sequence[str] | None = None,
    identity: tuple[str, str, str] | None = None,
    every: float = 0.5,
) -> FileRuntime:
    """Follows a file that ``signet agent`` writes: a document of format 1, a content, or policies alone. Returns at once, also when
    there is no file yet.

    With ``keys`` only a document is taken whose signatures verify; without, whoever may write the file is trusted. A file cannot
    say that it is the newest: that is what the agent proves.

    :param keys: Ed25519 public keys in PEM of the server, of the purpose ``bundles``
    :param identity: the organization, project and environment that the document must be of; an empty text is not checked
    :param every: seconds between two looks at the file's times, size and inode
    :raises ValueError: for wrong arguments, as does TypeError
    """
    if isinstance(keys, str):
        raise TypeError("keys must be a list of PEM texts")
    if identity is not None and keys is None:
        raise ValueError("an identity is in signed documents: pass keys too")
    if not every > 0:
        raise ValueError("every must be above 0 seconds")
    for key in keys or ():
        parse_public_key(key)
    return FileRuntime(path, keys, identity, every)


# Without ``open``: ``from signet import *`` leaves the built-in one as it is.
__all__ = [
    "TRUST_CODES",
    "ApiError",
    "Bundle",
    "Client",
    "Closed",
    "Document",
    "FieldError",
    "FilePolicies",
    "FileRuntime",
    "FileStatus",
    "Identity",
    "Policies",
    "ReadyTimeout",
    "Refusal",
    "Release",
    "RolloutFailed",
    "Runtime",
    "SignetError",
    "Source",
    "Status",
    "Tls",
    "TrustError",
    "VerificationError",
    "__version__",
    "open_file",
    "verify_document",
]
