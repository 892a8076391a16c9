"""HTTP/1.1 by the standard library, with limits: every wait has a deadline and every read a bound."""

from __future__ import annotations

import base64

# For the names of hosts. Imported by the first look-up otherwise: in a thread, while the process may fork.
import encodings.idna  # noqa: F401
import http.client
import io
import json
import os
import re
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from ._version import VERSION
from .errors import ApiError, Closed, FieldError

#: How long a call may take that is no watch, no held poll, and brings no content.
CALL_TIMEOUT = 15.0
#: For calls that bring a content.
CONTENT_TIMEOUT = 120.0
CONNECT_TIMEOUT = 10.0
#: Seconds: what a proxy may ask for; it may be gone long before that.
MAX_RETRY_AFTER = 600.0
#: A body of Signet's errors is below this.
MAX_ERROR_BYTES = 64 * 1024

_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
    499: "cancelled",
    500: "internal",
    504: "timeout",
}
#: The server's codes, of which an error may name one that is finer than its status.
_KNOWN_CODES = frozenset(
    {*_CODES.values(), "no_target", "quota_exceeded", "unavailable", "data_loss", "signing_failed", "unimplemented"}
)

Token = str | Callable[[], str]


class Wire:
    """A socket with a deadline for whatever is done with it. ``cut`` ends it from another thread."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        #: By time.monotonic().
        self.deadline = deadline
        self.is_cut = False

    def sendall(self, data: bytes) -> None:
        self._limit()
        self.sock.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._limit()
        return self.sock.recv_into(buffer)

    def makefile(self, _mode: str = "rb", _buffering: int | None = None) -> io.BufferedReader:
        return io.BufferedReader(_WireReader(self), 64 * 1024)

    def cut(self) -> None:
        self.is_cut = True
        # Not that of an SSLSocket, which takes its TLS away from under the thread that reads.
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """For http.client, which lets go of a connection when it has the head of an answer."""

    def end(self) -> None:
        with suppress(OSError):
            self.sock.close()

    def abandon(self) -> None:
        """Closes the descriptor of this process alone: after a fork the connection is the parent's."""
        with suppress(OSError):
            os.close(self.sock.detach())

    def _limit(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.sock.settimeout(left)


class _WireReader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.recv_into(buffer)


@dataclass
class Wires:
    """The connections of one owner, which ``cut`` ends: whoever waits for them gets a Closed."""

    open: set[Wire] = field(default_factory=set)
    is_cut: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, wire: Wire) -> None:
        with self._lock:
            if not self.is_cut:
                self.open.add(wire)
                return
        wire.end()
        raise Closed

    def remove(self, wire: Wire) -> None:
        with self._lock:
            self.open.discard(wire)
        wire.end()

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            wires = list(self.open)
        for wire in wires:
            wire.cut()

    def abandon(self) -> None:
        """In the child of a fork. Takes no lock: a thread that is not there any more may hold it."""
        for wire in list(self.open):
            wire.abandon()


@dataclass(frozen=True)
class Tls:
    """How ``https:`` is spoken. Files, by their paths."""

    #: Of a private CA, PEM. Default: the system's.
    ca: str | os.PathLike[str] | None = None
    #: A client certificate with its chain, PEM.
    cert: str | os.PathLike[str] | None = None
    #: Its key, PEM; default: in ``cert``.
    key: str | os.PathLike[str] | None = None
    #: Of the key.
    password: str | None = None

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key, self.password)
        return context


@dataclass(frozen=True)
class Server:
    """Where a server is, and how it is reached. Raises ValueError for what is no URL of one."""

    url: str
    tls: Tls | ssl.SSLContext | None = None
    #: ``"environment"`` for HTTPS_PROXY, HTTP_PROXY and NO_PROXY; None for none; else a URL.
    proxy: str | None = "environment"

    def __post_init__(self) -> None:
        parts = _split(self.url)
        if self.tls is not None and parts.scheme != "https":
            raise ValueError("tls is for https: URLs")
        if self.proxy not in (None, "environment"):
            _split(self.proxy, "proxy")

    @property
    def parts(self) -> Any:
        return _split(self.url)

    def proxy_for(self) -> str | None:
        """The proxy's URL; None to connect directly."""
        if self.proxy != "environment":
            return self.proxy
        parts = self.parts
        if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
            return None
        found = urllib.request.getproxies_environment().get(parts.scheme)
        if not found:
            return None
        return found if "://" in found else f"http://{found}"


def _split(url: str | None, name: str = "url") -> Any:
    wanted = ValueError(f"{name} must be http://host:port or https://host:port, without user, query and fragment")
    if not isinstance(url, str) or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise wanted
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise wanted from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise wanted
    if name == "url" and "@" in parts.netloc:
        raise wanted
    return parts


@dataclass
class Answer:
    """An answer with 2xx or 304, with a body that is still to be read."""

    status: int
    _response: http.client.HTTPResponse
    wire: Wire
    _rest: Rest

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def read(self, max_bytes: int) -> bytes:
        """At most ``max_bytes + 1`` bytes, so that the caller sees that there were more."""
        with self._rest._errors(self.wire):
            declared = self._response.length
            limit = max_bytes + 1 if declared is None else min(declared, max_bytes + 1)
            chunks: list[bytes] = []
            length = 0
            while length < limit:
                chunk = self._response.read1(min(limit - length, 256 * 1024))
                if not chunk:
                    break
                chunks.append(chunk)
                length += len(chunk)
            # http.client raises this only where all is read at once.
            if declared is not None and length < limit:
                raise http.client.IncompleteRead(b"", declared - length)
            return b"".join(chunks)

    def some(self, deadline: float) -> bytes:
        """What comes next, as it comes; empty at the end. The deadline is by time.monotonic()."""
        self.wire.deadline = deadline
        with self._rest._errors(self.wire):
            return self._response.read1(64 * 1024)


class Rest:
    """The REST interface of a server, for a token. Each call has a connection of its own."""

    def __init__(self, server: Server, token: Token, wires: Wires, agent: str = "") -> None:
        self.server, self.token, self.wires = server, token, wires
        self._agent = " ".join(part for part in (_header_text(agent), f"signet-python/{VERSION}") if part)
        self._context: ssl.SSLContext | None = None
        self._prefix = server.parts.path.rstrip("/")

    @contextmanager
    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, timeout: float = CALL_TIMEOUT
    ) -> Iterator[Answer]:
        """An answer with 2xx or 304. Raises ApiError for any other, and when there is none; Closed after ``wires.cut``."""
        with self.call("GET", path, headers or {}, None, timeout=timeout) as answer:
            yield answer

    def post(self, path: str, value: object) -> Any:
        """Sends JSON, and returns what is answered."""
        return self.json("POST", path, value)

    def json(
        self,
        method: str,
        path: str,
        value: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        timeout: float = CALL_TIMEOUT,
    ) -> Any:
        """Sends JSON (bytes are sent as they are), and returns what is answered: None for an empty answer."""
        body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        sent = {**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
        with self.call(method, path, sent, body, timeout=timeout) as answer:
            data = answer.read(max_bytes)
        if len(data) > max_bytes:
            raise ApiError("too_large", f"the answer has more than {max_bytes} bytes")
        if not data:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as cause:
            raise ApiError("unimplemented", "not a Signet server: the answer is not JSON") from cause

    @contextmanager
    def call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, timeout: float
    ) -> Iterator[Answer]:
        token = self._token()
        deadline = time.monotonic() + timeout
        wire: Wire | None = None
        try:
            try:
                with self._errors(None):
                    wire, is_proxied = self._connect(deadline)
            except ApiError as error:
                error.is_connecting = True
                raise
            with self._errors(wire):
                connection = http.client.HTTPConnection(self.server.parts.netloc)
                connection.sock = wire
                target = self._prefix + path
                if is_proxied:
                    target = f"http://{self.server.parts.netloc}{target}"
                sent = {
                    "User-Agent": self._agent,
                    "Accept": "application/json",
                    **headers,
                    "Authorization": f"Bearer {token}",
                    "Connection": "close",
                    **self._proxy_headers(is_proxied),
                }
                connection.request(method, target, body=body, headers=sent)
                response = connection.getresponse()
                answer = Answer(response.status, response, wire, self)
                coding = answer.header("Content-Encoding") or "identity"
                if coding.lower() != "identity":
                    raise ApiError(
                        "unimplemented", f"the answer is compressed ({_shown(coding)}), which was not asked for"
                    )
            if not (200 <= answer.status < 300 or answer.status == 304):
                raise _error_of(answer)
            yield answer
        finally:
            if wire is not None:
                self.wires.remove(wire)

    def _token(self) -> str:
        try:
            token = self.token if isinstance(self.token, str) else self.token()
        except Exception as cause:
            raise ApiError("unavailable", f"the function for the token failed: {cause!r}") from cause
        if not is_token(token):
            raise ApiError("unavailable", "the function for the token returned no printable ASCII text")
        return token

    def _connect(self, deadline: float) -> tuple[Wire, bool]:
        parts = self.server.parts
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        proxy = self.server.proxy_for()
        host, to_port = parts.hostname, port
        if proxy is not None:
            by = _split(proxy, "proxy")
            if by.scheme != "http":
                raise ApiError("unavailable", "only http: proxies are supported")
            host, to_port = by.hostname, by.port or 80
        left = min(CONNECT_TIMEOUT, max(0.01, deadline - time.monotonic()))
        sock = socket.create_connection((host, to_port), left)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(sock, min(deadline, time.monotonic() + CONNECT_TIMEOUT))
        self.wires.add(wire)
        try:
            if proxy is not None and is_tls:
                self._tunnel(wire, parts.hostname, port)
            if is_tls:
                self._context = self._context or self._tls_context()
                wire._limit()
                wire.sock = self._context.wrap_socket(wire.sock, server_hostname=parts.hostname)
        except BaseException:
            self.wires.remove(wire)
            raise
        wire.deadline = deadline
        return wire, proxy is not None and not is_tls

    def _tls_context(self) -> ssl.SSLContext:
        tls = self.server.tls
        return tls if isinstance(tls, ssl.SSLContext) else (tls or Tls()).context()

    def _tunnel(self, wire: Wire, host: str, port: int) -> None:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {name} HTTP/1.1", f"Host: {name}"]
        lines += [f"{key}: {value}" for key, value in self._proxy_headers(True).items()]
        wire.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        # Byte by byte, so that nothing of what follows is taken.
        head = bytearray()
        one = bytearray(1)
        while not head.endswith(b"\r\n\r\n"):
            if len(head) > MAX_ERROR_BYTES or wire.recv_into(one) == 0:
                raise ApiError("unavailable", "the proxy gave no answer to CONNECT")
            head += one
        status = head.split(b" ", 2)[1:2]
        if status != [b"200"]:
            line = head.split(b"\r", 1)[0].decode("latin-1")
            raise ApiError("unavailable", f"the proxy refused CONNECT: {_shown(line)}")

    def _proxy_headers(self, is_proxied: bool) -> dict[str, str]:
        proxy = self.server.proxy_for() if is_proxied else None
        parts = urlsplit(proxy or "")
        if not parts.username:
            return {}
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}

    @contextmanager
    def _errors(self, wire: Wire | None) -> Iterator[None]:
        """What a failed connection is to a caller."""
        try:
            yield
        except ApiError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as cause:
            if self.wires.is_cut or (wire is not None and wire.is_cut):
                raise Closed from cause
            code = "timeout" if isinstance(cause, TimeoutError) else "unavailable"
            raise ApiError(code, str(cause) or type(cause).__name__) from cause


def is_token(token: object) -> bool:
    return isinstance(token, str) and re.fullmatch(r"[\x20-\x7e]{1,4096}", token) is not None


def error_in(value: object, status: int | None = None) -> ApiError | None:
    """The error of a body, or of an event of a stream; None for anything but a Signet server's."""
    if not isinstance(value, dict):
        return None
    request_id, message, said = value.get("requestId"), value.get("message"), value.get("status")
    if not (isinstance(said, int) and isinstance(request_id, str) and isinstance(message, str)):
        return None
    detail = value.get("detail")
    reason = detail.get("error") if isinstance(detail, dict) else None
    fallback = _code_of(said)
    named = reason if isinstance(reason, str) else fallback
    code = named if named in _KNOWN_CODES else fallback
    fields = tuple(_field_of(it) for it in detail if isinstance(it, dict)) if isinstance(detail, list) else ()
    return ApiError(
        code, message, reason=named, http_status=said, fields=fields, request_id=request_id, is_from_server=True
    )


def _field_of(value: dict[str, Any]) -> FieldError:
    loc = value.get("loc")
    path = tuple(str(part) for part in loc) if isinstance(loc, list) else ()
    return FieldError(path, str(value.get("msg")), str(value.get("type")))


def _error_of(answer: Answer) -> ApiError:
    data = answer.read(MAX_ERROR_BYTES)
    said = None
    with suppress(ValueError, RecursionError):
        said = error_in(json.loads(data))
    message = f"HTTP {answer.status}"
    if 300 <= answer.status < 400:
        message += ": redirects are not followed"
    error = said or ApiError(_code_of(answer.status), message, http_status=answer.status)
    retry_after = answer.header("Retry-After") or ""
    if re.fullmatch("[0-9]{1,6}", retry_after):
        error.retry_after = min(float(retry_after), MAX_RETRY_AFTER)
    return error


def _code_of(status: int) -> str:
    return _CODES.get(status) or ("unavailable" if status > 500 else "unimplemented")


def _header_text(text: str) -> str:
    """What a header can carry of a text."""
    return re.sub(r"[^\x21-\x7e]+", " ", text).strip()


def _shown(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text[:200])
