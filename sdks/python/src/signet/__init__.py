"""Signet for Python: runtimes that prove which policy is in force."""

from ._version import VERSION as __version__
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
from .verify import Identity

__all__ = [
    "TRUST_CODES",
    "ApiError",
    "Closed",
    "Document",
    "FieldError",
    "Identity",
    "ReadyTimeout",
    "SignetError",
    "TrustError",
    "VerificationError",
    "__version__",
    "verify_document",
]
