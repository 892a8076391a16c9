"""All cases of the conformance kit, in this process; ``npm run conformance -- python`` runs them by the command line."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signet import conformance

from .packs import LyingServer, all_cases, damage, lying_server

CASES = all_cases()


@pytest.fixture(scope="module")
def server() -> Iterator[LyingServer]:
    with lying_server() as running:
        yield running


def test_there_are_as_many_cases_as_the_kit_says() -> None:
    assert len(CASES) == 185


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any], server: LyingServer, tmp_path: Path) -> None:
    state, root = tmp_path / "state", tmp_path / "root.json"
    root.write_text(case["root"], "utf-8")
    identity = [case["identity"][key] for key in ("org_id", "project_id", "environment")]
    end = conformance.run(["--state", str(state), "init", str(root), *identity], {})
    assert end == {"state": "empty", "sequence": 0, "error": case["init"]}
    if case["init"] is not None:
        return
    content = b""
    for step in case["steps"]:
        if "damage" in step:
            assert damage(state, content) == 1
        server.served = step["serve"]
        end = conformance.run(["--state", str(state), "--url", server.url, "update"], {"SIGNET_NOW": step["now"]})
        assert end == step["expect"]
        if step["serve"] and step["serve"]["content"] and end["error"] is None:
            content = base64.b64decode(step["serve"]["content"])
