"""What the SDK raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Why an update is refused. The list is closed: a code is part of the format (docs/trust.md).
TRUST_CODES = (
    "malformed",
    "too_large",
    "truncated",
    "wrong_type",
    "wrong_identity",
    "bad_signature",
    "bad_root",
    "root_version",
    "root_expired",
    "root_withheld",
    "lease_expired",
    "lease_older",
    "clock",
    "rolled_back",
    "equivocation",
    "mix_and_match",
    "digest_mismatch",
    "release_missing",
    "release_expired",
    "revoked",
)

#: Codes that retrying does not mend: the token, its rights, its environment or the request must change first.
FINAL_CODES = frozenset({"unauthenticated", "forbidden", "not_found", "invalid", "malformed", "too_large"})


class SignetError(Exception):
    """The base of all errors of this package. ``code`` is from a closed list."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_restored, (type(self), self.args, dict(self.__dict__)))


def _restored(kind: type[SignetError], args: tuple[object, ...], fields: dict[str, object]) -> SignetError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class TrustError(SignetError):
    """An object must not be trusted; ``code`` is one of :data:`TRUST_CODES`. The message may hold texts that others wrote."""


class VerificationError(SignetError):
    """A document of format 1 does not verify; ``code`` names the check (docs/bundle-format.md)."""


class ReadyTimeout(SignetError, TimeoutError):
    """There was nothing to enforce in time. The code is ``timeout``; the runtime tries on."""

    def __init__(self, message: str) -> None:
        SignetError.__init__(self, "timeout", message)


class Closed(SignetError):
    """The runtime was closed. The code is ``cancelled``."""

    def __init__(self, message: str = "the runtime is closed") -> None:
        super().__init__("cancelled", message)


@dataclass(frozen=True)
class FieldError:
    """A field of a request that was refused."""

    #: Its path: ``("body", "policies", "pii")``.
    loc: tuple[str, ...]
    msg: str
    type: str


class ApiError(SignetError):
    """A call failed. ``code`` is one of the API's error codes (docs/api.md), or one of two of the client: ``timeout``, and
    ``unimplemented`` when the peer is no Signet server, or an older one."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str | None = None,
        http_status: int | None = None,
        fields: Sequence[FieldError] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        is_from_server: bool = False,
    ) -> None:
        super().__init__(code, message)
        #: A finer code where there is one: ``held``, ``protected``, ``no_earlier_version``.
        self.reason = reason or code
        #: Of the answer; None without one.
        self.http_status = http_status
        #: Only with ``invalid``.
        self.fields = tuple(fields)
        #: As in the server's log; None when no Signet server answered.
        self.request_id = request_id
        #: Seconds, where the server says when to come back.
        self.retry_after = retry_after
        #: False for answers of a proxy and for connections that failed.
        self.is_from_server = is_from_server
        #: Whether there was no connection at all.
        self.is_connecting = False

    @property
    def is_final(self) -> bool:
        """Whether a Signet server refused it for good."""
        return self.is_from_server and self.code in FINAL_CODES
