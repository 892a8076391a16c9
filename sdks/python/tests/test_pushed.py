"""The cases of the kit as messages of a watch: roots that are pushed, activations with their content, heartbeats with a lease."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from signet._http import Rest, Server, Wires
from signet._keeper import Keeper
from signet._watch import _Messages
from signet.errors import TrustError
from signet.strict_json import NotStrictJson, parse_strict
from signet.trust.objects import Identity
from signet.trust.payload import seconds
from signet.trust.state import verify_pinned_root

from .packs import LyingServer, all_cases, lying_server


def messages_of(served: dict[str, Any], after_root: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a server would push of it, in its order."""
    for version, envelope in sorted(served["roots"].items(), key=lambda it: int(it[0])):
        if int(version) > after_root:
            yield "trust_root", {"trust_root": {"version": int(version), "envelope": json.loads(envelope)}}
    attestation = json.loads(served["attestation"])
    about = {"sequence": 9, "deployment_id": "d"}
    if attestation.get("activation") is not None:
        content = base64.b64decode(served["content"]).decode()
        yield "activation", {**about, "activation": {**about, "attestation": attestation, "content": content}}
    else:
        yield "heartbeat", {**about, "heartbeat": {"attestation": attestation}}


def is_pushable(case: dict[str, Any]) -> bool:
    """What is no JSON cannot be inside of a message, and a step that damages files needs some."""
    try:
        for step in case["steps"]:
            if step["serve"] is not None:
                parse_strict(step["serve"]["attestation"])
                for envelope in step["serve"]["roots"].values():
                    parse_strict(envelope)
    except NotStrictJson:
        return False
    return case["init"] is None and all("damage" not in step for step in case["steps"])


CASES = [case for case in all_cases() if is_pushable(case)]


@pytest.fixture(scope="module")
def server() -> Iterator[LyingServer]:
    with lying_server() as running:
        yield running


def test_most_cases_can_be_pushed() -> None:
    assert len(CASES) >= 170


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any], server: LyingServer) -> None:
    identity = Identity(*(case["identity"][key] for key in ("org_id", "project_id", "environment")))
    now = [0.0]
    keeper = Keeper(verify_pinned_root(case["root"], identity), identity, None, lambda: now[0])
    for step in case["steps"]:
        now[0] = seconds(step["now"])
        server.served = step["serve"]
        error: str | None = None
        if step["serve"] is not None:
            reader = _Messages(Rest(Server(server.url, proxy=None), "t", Wires()))
            for name, value in messages_of(step["serve"], keeper.position.root_version):
                for news in reader.read(name, json.dumps(value).encode()):
                    refusal = keeper.take(news)
                    assert refusal is None or isinstance(refusal, TrustError)
                    error = refusal.code if refusal else None
        trusted = keeper.holding.trusted
        end = {
            "state": trusted.condition(now[0]),
            "sequence": trusted.running.sequence if trusted.running else 0,
            "error": error if step["serve"] is not None else "unavailable",
        }
        assert end == step["expect"]
