"""Keys, and DSSE 1.0.2 envelopes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..errors import TrustError
from ..strict_json import NotStrictJson, parse_strict

MAX_ENVELOPE_LENGTH = 64 * 1024
MAX_SIGNATURES = 32

_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def key_id(key: bytes) -> str:
    """The id of a 32-byte public key: the hex SHA-256 of its SubjectPublicKeyInfo. Format 1's ``key_id`` is its first 16 digits."""
    return sha256_hex(_SPKI_PREFIX + key)


def parse_public_key(pem: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM (SubjectPublicKeyInfo); ``\\n`` written as two characters is a line break.

    :raises ValueError: for anything else
    """
    text = pem.replace("\\r", "\r").replace("\\n", "\n").strip() if len(pem) <= 1024 else ""
    match = re.fullmatch(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----", text)
    der = base64_or_none(re.sub(r"\s+", "", match[1])) if match else None
    if der is None or len(der) != 44 or not der.startswith(_SPKI_PREFIX):
        raise ValueError("not an Ed25519 public key in PEM")
    return der[12:]


@dataclass(frozen=True)
class Envelope:
    """An envelope of which nothing is verified yet."""

    payload_type: str
    payload: bytes
    #: Pairs of a hint, which decides nothing, and a signature.
    signatures: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Rule:
    """How many distinct keys must sign, and which may, by their full ids."""

    threshold: int
    key_ids: tuple[str, ...]


def bounded_envelope(text: str) -> Envelope:
    """Raises TrustError ``too_large`` or ``malformed``."""
    if utf16_length(text) > MAX_ENVELOPE_LENGTH:
        raise TrustError("too_large", f"the envelope is longer than {MAX_ENVELOPE_LENGTH} characters")
    value = strict_object(text, 3, "envelope")
    payload, payload_type = value.get("payload"), value.get("payloadType")
    signatures = value.get("signatures")
    if not (isinstance(payload_type, str) and isinstance(payload, str) and isinstance(signatures, list)):
        raise malformed("an envelope has payload, payloadType and signatures")
    envelope = Envelope(payload_type, _bytes_of(payload), tuple(_signature_of(it) for it in signatures))
    if len(signatures) > MAX_SIGNATURES:
        raise TrustError("too_large", f"the envelope has more than {MAX_SIGNATURES} signatures")
    return envelope


def payload_digest(text: str) -> str:
    """The SHA-256 of an envelope's payload, in hex: its name in other objects. Nothing is verified."""
    return sha256_hex(bounded_envelope(text).payload)


def signers_of(envelope: Envelope, keys: Mapping[str, bytes], ids: Sequence[str], enough: int = 1 << 30) -> list[str]:
    """The distinct keys of ``ids`` that signed. Signatures that do not verify are skipped."""
    kind = envelope.payload_type.encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(envelope.payload), envelope.payload)
    good: list[str] = []
    for this in ids:
        if len(good) >= enough:
            break
        # The hint decides nothing but the order.
        ordered = sorted(envelope.signatures, key=lambda signature: signature[0] != this)
        if any(_is_signed(keys[this], message, sig) for _, sig in ordered):
            good.append(this)
    return good


def require_threshold(text: str, payload_type: str, rule: Rule, keys: Mapping[str, bytes]) -> bytes:
    """The payload of an envelope that enough distinct keys signed: parse it only now. Raises TrustError."""
    envelope = bounded_envelope(text)
    # A role that nobody has to sign for has no threshold to meet: nothing is trusted by default.
    if rule.threshold < 1:
        raise TrustError("bad_signature", f"no key may sign {envelope.payload_type} here")
    found = len(signers_of(envelope, keys, rule.key_ids, rule.threshold))
    if found < rule.threshold:
        raise TrustError(
            "bad_signature", f"{envelope.payload_type} has {found} of the {rule.threshold} signatures it needs"
        )
    if envelope.payload_type != payload_type:
        raise TrustError("wrong_type", f"the payload is {envelope.payload_type}, not {payload_type}")
    return envelope.payload


def _is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Some versions of cryptography import the rest of themselves at the first use. If a thread did so while the process forks, the
# child would inherit an import lock that is never released, so the first use is here, when this module is imported.
_is_signed(bytes(32), b"", bytes(64))


def _signature_of(value: object) -> tuple[str, bytes]:
    hint, sig = (value.get("keyid", ""), value.get("sig")) if isinstance(value, dict) else ("", None)
    if not (isinstance(hint, str) and isinstance(sig, str)):
        raise malformed("a signature has keyid and sig")
    return hint, _bytes_of(sig)


def _bytes_of(text: str) -> bytes:
    data = base64_or_none(text.replace("-", "+").replace("_", "/"))
    if data is None:
        raise malformed("the envelope has invalid base64")
    return data


def base64_or_none(text: str) -> bytes | None:
    """With padding, and without a difference in unused bits."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def utf16_length(text: str) -> int:
    """In UTF-16 units, as the format counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def strict_object(text: str, max_depth: int, name: str, *, integers_only: bool = False) -> dict[str, Any]:
    try:
        value = parse_strict(text, max_depth=max_depth, integers_only=integers_only)
    except NotStrictJson as cause:
        raise malformed(f"the {name} is not strict JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise malformed(f"the {name} is not a JSON object")
    return value


def malformed(message: str) -> TrustError:
    return TrustError("malformed", message)
