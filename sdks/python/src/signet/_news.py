"""What a connection brings, as something to verify."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from ._http import CONTENT_TIMEOUT, Answer, Rest
from .errors import ApiError, TrustError
from .trust.envelope import MAX_ENVELOPE_LENGTH, bounded_envelope
from .trust.objects import MAX_ATTESTATION_LENGTH, parse_attestation
from .trust.update import Source


class Position(NamedTuple):
    """What a runtime has, which is where a watch or a poll goes on."""

    sequence: int
    deployment_id: str
    root_version: int


class About(NamedTuple):
    """What the server says to be active. Not verified."""

    sequence: int
    deployment_id: str


@dataclass(frozen=True)
class News:
    """Something to verify; without a source no more than a sign of life."""

    about: About = field(default_factory=lambda: About(0, ""))
    #: The newest root that came with it; 0 for none. Not verified.
    roots: int = 0
    source: Source | None = None
    #: Asks for all that is active, where the source is a lease alone: not enough for who has lost its activation.
    whole: Callable[[], Source] | None = None


ALIVE = News()


def ask_latest(rest: Rest, position: Position, instance_id: str, wait: int = 0) -> News:
    """Asks once for what proves the active bundle. Roots and content are fetched when it is verified.

    :param wait: seconds that the server holds the request while there is nothing new
    """
    query = urlencode(
        {
            "after_sequence": position.sequence,
            "after_deployment_id": position.deployment_id,
            "instance_id": instance_id,
        }
    )
    headers = {"Prefer": f"wait={wait}"} if wait else {}
    with rest.get(f"/v1/bundles/latest/attestation?{query}", headers, timeout=15.0 + wait) as answer:
        about = about_of(answer)
        body = _text(answer, MAX_ATTESTATION_LENGTH)
        if answer.status == 200:
            return News(about, _root_version(body), LatestSource(rest, about, body))
        lease = _lease_of(answer)
    if lease is None:
        return ALIVE
    return News(about, _root_version(lease), LatestSource(rest, about, lease), lambda: ask_whole(rest))


def ask_whole(rest: Rest) -> LatestSource:
    """Asks for what proves the active bundle, whatever the caller has."""
    with rest.get("/v1/bundles/latest/attestation") as answer:
        return LatestSource(rest, about_of(answer), _text(answer, MAX_ATTESTATION_LENGTH))


class LatestSource:
    """An attestation that was polled, and calls for the rest."""

    def __init__(self, rest: Rest, about: About, attestation: str) -> None:
        self._rest, self._about, self._attestation = rest, about, attestation

    def root(self, version: int) -> str | None:
        # Asked for only when the lease says that there is one: otherwise each poll would be two requests.
        if version > _root_version(self._attestation):
            return None
        try:
            with self._rest.get(f"/v1/trust/roots/{version}") as answer:
                return _text(answer, MAX_ENVELOPE_LENGTH)
        except ApiError as error:
            if error.code == "not_found" and error.is_from_server:
                return None
            raise

    def attestation(self) -> str:
        return self._attestation

    def content(self, size: int) -> bytes:
        with self._rest.get("/v1/bundles/latest/content", timeout=CONTENT_TIMEOUT) as answer:
            if about_of(answer).deployment_id != self._about.deployment_id:
                raise ApiError("conflict", "another bundle became active while this one was read")
            return answer.read(size)


def about_of(answer: Answer) -> About:
    sequence = answer.header("Signet-Sequence") or "0"
    is_number = sequence.isascii() and sequence.isdigit() and len(sequence) < 16
    return About(int(sequence) if is_number else 0, answer.header("Signet-Deployment-Id") or "")


def _text(answer: Answer, max_bytes: int) -> str:
    """Signed texts are ASCII: characters are bytes."""
    try:
        return answer.read(max_bytes).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise TrustError("malformed", "the answer is not UTF-8") from cause


def _root_version(attestation: str) -> int:
    """Not verified: it decides only what is asked for."""
    try:
        lease = parse_attestation(attestation).lease
        version = json.loads(bounded_envelope(lease or "").payload)["root_version"]
    except (TrustError, ValueError, KeyError, TypeError, RecursionError):
        return 0
    return version if type(version) is int else 0


def _lease_of(answer: Answer) -> str | None:
    header = answer.header("Signet-Lease")
    if header is None:
        return None
    if len(header) > 2 * MAX_ENVELOPE_LENGTH:
        raise TrustError("too_large", "the lease is too long")
    try:
        envelope = base64.b64decode(header + "=" * (-len(header) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as cause:
        raise TrustError("malformed", "Signet-Lease is not base64url") from cause
    return f'{{"lease":{envelope}}}'
