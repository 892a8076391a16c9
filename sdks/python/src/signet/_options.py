"""What :func:`signet.open` is given, checked."""

from __future__ import annotations

import logging
import os
import re
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._http import Server, Tls, Token, is_token
from .trust.envelope import parse_public_key
from .trust.objects import Identity, Root, pinned_keys
from .trust.payload import ENVIRONMENT
from .trust.state import verify_pinned_root
from .trust.update import MAX_CONTENT_BYTES

_log = logging.getLogger("signet")


Trust = str | bytes | os.PathLike[str] | Sequence[str]


@dataclass(frozen=True)
class Options:
    """What :func:`signet.open` was given, checked."""

    server: Server
    token: Token
    root: Root
    identity: Identity
    cache_dir: str | os.PathLike[str] | None
    closes_expired: bool
    closes_revoked: bool
    instance_id: str | Callable[[], str] | None
    agent: str
    labels: Mapping[str, str]
    transports: tuple[str, ...]
    reports: bool
    max_content_bytes: int
    heartbeat: float
    first_message: float
    backoff: tuple[float, float]
    refusal_backoff: tuple[float, float]
    clock: Callable[[], float]


def checked_options(
    url: str,
    token: Token,
    trust: Trust,
    identity: tuple[str, str, str],
    *,
    on_expired: str,
    on_revoked: str,
    labels: Mapping[str, str] | None,
    tls: Tls | ssl.SSLContext | None,
    proxy: str | None,
    transports: Sequence[str],
    **rest: Any,
) -> Options:
    """Raises TypeError or ValueError that names the first wrong argument, and TrustError for a root that is damaged or another
    project's."""
    server = Server(url, tls, proxy)
    if not (callable(token) or is_token(token)):
        raise ValueError("token must be printable ASCII characters, or a function that returns them")
    who = checked_identity(identity)
    for name, value in (("on_expired", on_expired), ("on_revoked", on_revoked)):
        if value not in ("serve", "close"):
            raise ValueError(f'{name} must be "serve" or "close"')
    if isinstance(transports, str) or not transports or not set(transports) <= {"sse", "poll"}:
        raise ValueError('transports must be a list of "sse" and "poll"')
    options = Options(
        server=server,
        token=token,
        root=trusted_root(trust, who),
        identity=who,
        closes_expired=on_expired == "close",
        closes_revoked=on_revoked == "close",
        labels=_labels(labels),
        transports=tuple(dict.fromkeys(transports)),
        **rest,
    )
    _check_rest(options)
    return options


def checked_identity(identity: tuple[str, str, str]) -> Identity:
    try:
        who = Identity(*identity)
    except TypeError:
        raise TypeError("identity must be (org_id, project_id, environment)") from None
    for name, value in (("org_id", who.org_id), ("project_id", who.project_id)):
        if not (isinstance(value, str) and _is_uuid(value)):
            raise ValueError(f"identity: {name} must be a UUID, as `signet whoami` says it")
    if not (isinstance(who.environment, str) and ENVIRONMENT.fullmatch(who.environment)):
        raise ValueError("identity: environment must be its name")
    return who


def trusted_root(trust: Trust, identity: Identity) -> Root:
    """What a runtime trusts: a root document, or public keys in PEM."""
    if isinstance(trust, os.PathLike):
        trust = Path(trust).read_text("utf-8")
    if isinstance(trust, bytes):
        trust = trust.decode("utf-8")
    if isinstance(trust, str) and trust.lstrip().startswith("{"):
        return verify_pinned_root(trust, identity)
    texts = _pems(trust) if isinstance(trust, str) else [pem for text in _texts(trust) for pem in _pems(text)]
    try:
        return pinned_keys([parse_public_key(pem) for pem in texts])
    except ValueError:
        raise ValueError("trust must be Ed25519 public keys in PEM, or a root document") from None


def _texts(trust: object) -> list[str]:
    if not isinstance(trust, (list, tuple)) or not all(isinstance(it, str) for it in trust):
        raise TypeError("trust must be the text of a root document, PEM texts, or the path of a file with either")
    return list(trust)


def _pems(text: str) -> list[str]:
    found = re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", text, re.DOTALL)
    if not found:
        hint = "; for a file pass a pathlib.Path" if len(text) < 200 and "\n" not in text else ""
        raise ValueError(f"trust must be the text of a root document or public keys in PEM{hint}")
    return found


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _labels(labels: Mapping[str, str] | None) -> Mapping[str, str]:
    value = dict(labels or {})
    good = all(
        isinstance(key, str) and 1 <= len(key) <= 63 and isinstance(it, str) and len(it) <= 255
        for key, it in value.items()
    )
    if not good or len(value) > 64:
        raise ValueError("labels must be at most 64; keys of 1 to 63 characters, values of at most 255")
    return value


def _check_rest(options: Options) -> None:
    if not (isinstance(options.agent, str) and len(options.agent) <= 255):
        raise ValueError("agent must be a text of at most 255 characters")
    if not 1 <= options.max_content_bytes <= MAX_CONTENT_BYTES:
        raise ValueError("max_content_bytes must be 1 to 16 MiB")
    if not (options.heartbeat > 0 and options.first_message > 0):
        raise ValueError("heartbeat and first_message must be above 0 seconds")
    if options.cache_dir is not None and not isinstance(options.cache_dir, (str, os.PathLike)):
        raise TypeError("cache_dir must be the path of a directory")
