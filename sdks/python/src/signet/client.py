"""A typed client for CI: publish, promote, roll back, wait for the fleet."""

from __future__ import annotations

import json
import os
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from ._answers import (
    Bundle,
    BundleChange,
    BundleWithPolicies,
    ComparedBundle,
    Comparison,
    Difference,
    Instance,
    Key,
    Rollout,
    Source,
    ValueChange,
    VersionQuota,
    WhoAmI,
    read_answer,
)
from ._http import Rest, Server, Tls, Token, Wires, is_token
from ._opa import OPA_MEDIA_TYPE, opa_policies
from .errors import ApiError, ReadyTimeout, SignetError
from .strict_json import NotStrictJson, parse_strict

T = TypeVar("T")

#: A document: its JSON text, whose numbers stay as they are spelled, or what ``json.dumps`` takes.
Json = str | bytes | Mapping[str, Any]

#: A longer Retry-After, in seconds, is not waited for: the error is raised.
_MAX_RETRY_AFTER = 120.0
_RETRIED = frozenset({"unavailable", "timeout", "rate_limited"})


class RolloutFailed(SignetError):
    """Not every live instance applied it. The code is ``rejected``, ``superseded`` or ``timeout``."""

    def __init__(self, code: str, message: str, rollout: Rollout) -> None:
        super().__init__(code, message)
        self.rollout = rollout


class Client:
    """Calls of the API with an admin, ci or viewer token. May be used by several threads; holds no connection between calls.

    A call that changes something is sent with an idempotency key and, like one that reads, up to ``attempts`` times while the
    server is away, busy, or asks to come back later. It raises :class:`ApiError` for all that a server or a network does.

    :param org: UUID, slug or name of the organization; default: the token's
    :param project: likewise of the project; default: the token's, else ``default``
    :param timeout: seconds for one attempt
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        org: str | None = None,
        project: str | None = None,
        timeout: float = 60.0,
        attempts: int = 4,
        tls: Tls | ssl.SSLContext | None = None,
        proxy: str | None = "environment",
        agent: str = "",
    ) -> None:
        if not (callable(token) or is_token(token)):
            raise ValueError("token must be printable ASCII characters, or a function that returns them")
        if attempts < 1 or timeout <= 0:
            raise ValueError("attempts must be at least 1, and timeout above 0")
        self._rest = Rest(Server(url, tls, proxy), token, Wires(), agent)
        self._org, self._project = org, project
        self._timeout, self._attempts = timeout, attempts
        #: Between attempts; replaced by tests.
        self._sleep: Callable[[float], object] = time.sleep

    # The token and the keys.

    def whoami(self) -> WhoAmI:
        return read_answer(WhoAmI, self._call("GET", "/v1/whoami"))

    def keys(self, *purposes: str) -> list[Key]:
        """The public keys that the token may need; of these purposes only, when there are any.

        The key of purpose ``opa`` (ES256) is returned only when it is asked for.
        """
        if not purposes:
            return [read_answer(Key, it) for it in self._call("GET", "/v1/keys")]
        # An older server ignores the filter.
        return [
            key
            for purpose in dict.fromkeys(purposes)
            for key in (read_answer(Key, it) for it in self._call("GET", f"/v1/keys?{urlencode({'purpose': purpose})}"))
            if key.purpose == purpose
        ]

    # Changes.

    def publish(
        self,
        environment: str,
        policies: Json,
        *,
        scope_policies: Json | None = None,
        title: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
        source: Source | None = None,
        published_by: str | None = None,
        reason: str | None = None,
        release: Json | None = None,
        media_type: str | None = None,
        activate: bool = True,
        dry_run: bool = False,
        skip_unchanged: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """Keeps a policy document as the next version of an environment, signs it, and makes it active.

        :param policies: a mapping, or a JSON text, whose numbers stay as they are spelled
        :param release: the release of this content, as ``signet release sign`` wrote it
        :param activate: False only keeps and signs it
        :param dry_run: checks everything, makes nothing, and answers what would be made
        :param skip_unchanged: makes no version of the content that is active already
        :param if_match: refuses (``precondition_failed``) unless the environment is at this sequence; 0: nothing is active
        :param idempotency_key: the same key within 24 hours answers the first result; default: one of this call
        """
        body = {
            "policies": policies,
            "scope_policies": scope_policies,
            "title": title,
            "description": description,
            "labels": labels,
            "source": None if source is None else vars(source),
            "published_by": published_by,
            "reason": reason,
            "release": release,
            "media_type": media_type,
            "activate": None if activate else False,
            "dry_run": dry_run or None,
        }
        path = f"{self._environment(environment)}/bundles/publish"
        return self._change(path, body, if_match, idempotency_key, skip_unchanged)

    def publish_opa(
        self,
        environment: str,
        folder: str | os.PathLike[str],
        *,
        roots: Sequence[str] | None = None,
        ignore_tests: bool = False,
        **options: Any,
    ) -> Bundle:
        """Publishes a folder of Rego and data files for Open Policy Agent; ``options`` are those of :meth:`publish`.

        :param roots: the paths of ``data`` that the bundle owns; default: those of ``.manifest`` in the folder, else all of it
        :param ignore_tests: leaves ``*_test.rego`` out
        :raises ValueError: for a file that a bundle cannot have
        """
        policies = opa_policies(folder, roots, ignore_tests=ignore_tests)
        return self.publish(environment, policies, media_type=OPA_MEDIA_TYPE, **options)

    def promote(
        self,
        environment: str,
        *,
        promoted_by: str | None = None,
        reason: str | None = None,
        source_version: int | None = None,
        dry_run: bool = False,
        skip_unchanged: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """Publishes what is active in an environment to its next stage, and returns the new bundle there.

        :param source_version: refuses unless this version is active: what was looked at is what is promoted
        :param if_match: the sequence of the **target**
        """
        body = {
            "promoted_by": promoted_by,
            "reason": reason,
            "source_version": source_version,
            "dry_run": dry_run or None,
        }
        path = f"{self._environment(environment)}/promote"
        return self._change(path, body, if_match, idempotency_key, skip_unchanged)

    def activate(
        self,
        environment: str,
        version: int,
        *,
        hold: bool = False,
        reason: str | None = None,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """Makes a kept version the active one: a new sequence, no new version.

        :param hold: keeps the environment at it until :meth:`end_hold`
        """
        body = {"hold": hold or None, "reason": reason, "dry_run": dry_run or None}
        path = f"{self._environment(environment)}/bundles/{int(version)}/activate"
        return self._change(path, body, if_match, idempotency_key)

    def rollback(
        self,
        environment: str,
        *,
        to_version: int | None = None,
        hold: bool = False,
        reason: str | None = None,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """Makes an earlier version the active one: by default the last active one below the current one that is still kept."""
        body = {"to_version": to_version, "hold": hold or None, "reason": reason, "dry_run": dry_run or None}
        return self._change(f"{self._environment(environment)}/rollback", body, if_match, idempotency_key)

    def end_hold(self, environment: str) -> None:
        """Ends a hold; does nothing where there is none."""
        self._call("POST", f"{self._project_path()}/environments/{_part(environment)}/release", b"{}")

    # Reads.

    def bundles(
        self,
        environment: str,
        *,
        text: str | None = None,
        label: str | None = None,
        source_revision: str | None = None,
        page: int = 100,
    ) -> Iterator[Bundle]:
        """The bundles of an environment, newest first, without policies; all of them, page by page.

        :param label: ``key=value``
        """
        before: int | None = None
        path = f"{self._environment(environment)}/bundles"
        while True:
            query = {"text": text, "label": label, "source_revision": source_revision}
            found, following = self._page(path, {**query, "limit": page, "before_version": before})
            bundles = [read_answer(Bundle, it) for it in found]
            yield from bundles
            lowest = min((bundle.version for bundle in bundles), default=None)
            before = following or (lowest if len(bundles) > 0 else None)
            if before is None or before <= 1:
                return

    def bundle(self, environment: str, version: int) -> BundleWithPolicies:
        """One bundle with its policies."""
        return read_answer(
            BundleWithPolicies, self._call("GET", f"{self._environment(environment)}/bundles/{int(version)}")
        )

    def document(self, environment: str, version: int) -> bytes:
        """The signed document of a version: exactly the bytes that runtimes get."""
        path = f"{self._environment(environment)}/bundles/{int(version)}/document"
        return self._try(lambda: self._bytes(path))

    def diff(self, environment: str, version: int, other_version: int) -> list[dict[str, Any]]:
        """The JSON Patch (RFC 6902) that turns the policies of one version into those of another."""
        path = f"{self._environment(environment)}/bundles/{int(version)}/diff/{int(other_version)}"
        return list(self._call("GET", path))

    def compare(
        self,
        from_environment: str,
        to_environment: str | None = None,
        *,
        from_version: int | None = None,
        to_version: int | None = None,
    ) -> Comparison:
        """Old and new values beside each other. Versions are the active ones by default.

        In one environment: what changes from ``from_version`` to ``to_version``. Between two: what promoting the first would change
        in the second, which is ``before``.
        """
        query = {
            "from_env": from_environment,
            "from_version": from_version,
            "to_env": to_environment,
            "to_version": to_version,
        }
        return read_answer(Comparison, self._call("GET", f"{self._project_path()}/compare{_query(query)}"))

    def rollout(self, environment: str, *, sequence: int | None = None) -> Rollout:
        """How many live instances applied what is active, and which ones did not, and why."""
        path = f"{self._environment(environment)}/rollout{_query({'sequence': sequence})}"
        return read_answer(Rollout, self._call("GET", path))

    def wait_for_rollout(
        self,
        environment: str,
        sequence: int | None = None,
        *,
        at_least: int = 0,
        timeout: float = 300.0,
        every: float = 1.0,
    ) -> Rollout:
        """Waits until every live instance applied what is active, and at least ``at_least`` of them.

        :param sequence: of the activation that is waited for (``bundle.sequence``)
        :raises RolloutFailed: ``rejected`` as soon as an instance rejected it and the others settled, ``superseded`` when something
            else became active, ``timeout``; with the last :class:`Rollout`, whose ``laggards`` say why
        """
        deadline = time.monotonic() + timeout
        while True:
            rollout = self.rollout(environment, sequence=sequence)
            if rollout.superseded:
                raise RolloutFailed("superseded", f"something newer than sequence {sequence} is active", rollout)
            if rollout.complete and rollout.applied >= at_least:
                return rollout
            done = rollout.applied + rollout.rejected
            if rollout.rejected and done == rollout.live and done >= at_least:
                reasons = "; ".join(f"{it.instance_id}: {it.reason}" for it in rollout.laggards[:3])
                raise RolloutFailed("rejected", f"{rollout.rejected} of {rollout.live} rejected it: {reasons}", rollout)
            if time.monotonic() >= deadline:
                what = f"{rollout.applied} of {rollout.live} live instances applied it after {timeout:g} s"
                raise RolloutFailed("timeout", what, rollout)
            self._sleep(min(every, max(0.0, deadline - time.monotonic())))

    # How.

    def _change(
        self,
        path: str,
        body: Mapping[str, Any],
        if_match: int | None,
        idempotency_key: str | None,
        skip_unchanged: bool = False,
    ) -> Bundle:
        headers = {"Idempotency-Key": idempotency_key or f"python-{uuid.uuid4()}"}
        if if_match is not None:
            headers["If-Match"] = f'"{int(if_match)}"'
        if skip_unchanged:
            headers["If-Unchanged"] = "skip"
        return read_answer(Bundle, self._call("POST", path, _body(body), headers))

    def _call(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        return self._try(lambda: self._rest.json(method, path, body, headers, timeout=self._timeout))

    def _bytes(self, path: str) -> bytes:
        with self._rest.get(path, timeout=self._timeout) as answer:
            return answer.read(64 * 1024 * 1024)

    def _page(self, path: str, query: Mapping[str, Any]) -> tuple[list[Any], int | None]:
        def ask() -> tuple[list[Any], int | None]:
            with self._rest.get(path + _query(query), timeout=self._timeout) as answer:
                found = json.loads(answer.read(64 * 1024 * 1024))
                following = answer.header("Signet-Next-Before-Version")
            return found, int(following) if following else None

        return self._try(ask)

    def _try(self, call: Callable[[], T]) -> T:
        for attempt in range(1, self._attempts + 1):
            try:
                return call()
            except ApiError as error:
                in_flight = error.reason == "idempotency_key_in_flight"
                is_soon = (error.retry_after or 0.0) <= _MAX_RETRY_AFTER
                if attempt == self._attempts or not (error.code in _RETRIED or in_flight) or not is_soon:
                    raise
                self._sleep((error.retry_after or 0.0) + 0.25 * 2.0**attempt)
        raise ReadyTimeout("no attempt was made")

    def _environment(self, name: str) -> str:
        return f"{self._project_path()}/envs/{_part(name)}"

    def _project_path(self) -> str:
        if self._org is None or self._project is None:
            who = self.whoami()
            self._org = self._org or who.org_id
            self._project = self._project or who.project_id or "default"
        return f"/v1/orgs/{_part(self._org)}/projects/{_part(self._project)}"


def _body(values: Mapping[str, Any]) -> bytes:
    """JSON, in which texts of documents stay as they are."""
    members = []
    for key, value in values.items():
        if value is None:
            continue
        is_document = key in ("policies", "scope_policies", "release")
        text = _document_text(key, value) if is_document else json.dumps(value)
        members.append(f"{json.dumps(key)}:{text}")
    return ("{" + ",".join(members) + "}").encode()


def _document_text(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a mapping or a JSON text")
    try:
        # One value and no more: it is put into the request as it is.
        parse_strict(text, max_depth=100)
    except NotStrictJson as cause:
        raise ValueError(f"{name} is not strict JSON: {cause}") from cause
    return text


def _part(name: str) -> str:
    if not isinstance(name, str) or not name or re.fullmatch(r"\.{1,2}", name):
        raise ValueError("a name must be a text that is not empty")
    return quote(name, safe="")


def _query(values: Mapping[str, Any]) -> str:
    given = {key: value for key, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


__all__ = [
    "Bundle",
    "BundleChange",
    "BundleWithPolicies",
    "Client",
    "ComparedBundle",
    "Comparison",
    "Difference",
    "Instance",
    "Key",
    "OPA_MEDIA_TYPE",
    "Rollout",
    "RolloutFailed",
    "Source",
    "ValueChange",
    "VersionQuota",
    "WhoAmI",
    "opa_policies",
]
