"""Files that an agent writes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import signet
import signet.testing

from .test_document import DOCUMENT, KEY, OTHER, changed
from .test_runtime import until


def replace(path: Path, data: str | bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(new, path)


def test_a_verified_document(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with signet.open_file(path, keys=[OTHER, KEY], identity=("", "", "staging"), every=0.01) as runtime:
        assert runtime.current is None
        with pytest.raises(TimeoutError, match="No such file"):
            runtime.wait_for_ready(0.05)
        replace(path, DOCUMENT)
        current = runtime.wait_for_ready(10)
        assert current.is_verified
        assert current.document is not None
        assert current.document.environment == "staging"
        for bad in (
            changed(policies={}),
            b"",
            b"{",
            changed(environment="prod"),
            '{"policies": {}, "scope_policies": {}}',
        ):
            before = runtime.status.refusals
            replace(path, bad)
            until(lambda before=before: runtime.status.refusals > before)  # type: ignore[misc]
            assert runtime.current is current
            assert runtime.status.state == "kept"
        path.unlink()
        until(lambda: isinstance(runtime.status.error, FileNotFoundError))
        assert runtime.current is current
        replace(path, DOCUMENT)
        until(lambda: runtime.status.state == "current")
        assert runtime.status.updates == 1


@pytest.mark.parametrize(
    ("text", "policies", "scope"),
    [
        ('{"policies":{"n":1},"scope_policies":{"a:*:*:*":{}}}', {"n": 1}, {"a:*:*:*": {}}),
        ('{"n": 1.0}', {"n": 1.0}, {}),
    ],
    ids=["content", "policies"],
)
def test_what_has_no_signature(tmp_path: Path, text: str, policies: object, scope: object) -> None:
    path = tmp_path / "policies.json"
    path.write_text(text)
    seen: list[object] = []
    with signet.open_file(path, every=0.01) as runtime:
        runtime.on_update(lambda it: seen.append(it.policies))
        current = runtime.wait_for_ready(0)
        assert (current.policies, current.scope_policies, current.is_verified) == (policies, scope, False)
        # Written in place: the same inode.
        path.write_text('{"n": 2222}')
        until(lambda: seen == [policies, {"n": 2222}])
        updates = runtime.updates()
        assert next(updates).policies == {"n": 2222}
        runtime.close()
        assert list(updates) == []


def test_a_link_that_is_swapped(tmp_path: Path) -> None:
    for n in (1, 2):
        (tmp_path / f"set-{n}").mkdir()
        (tmp_path / f"set-{n}/policies.json").write_text(json.dumps({"n": n}))
    os.symlink("set-1", tmp_path / "current")
    with signet.open_file(tmp_path / "current/policies.json", every=0.01) as runtime:
        assert runtime.wait_for_ready(0).policies == {"n": 1}
        os.symlink("set-2", tmp_path / "next")
        os.replace(tmp_path / "next", tmp_path / "current")
        until(lambda: runtime.current is not None and runtime.current.policies == {"n": 2})


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        signet.open_file(tmp_path / "x", keys=KEY)
    with pytest.raises(ValueError, match="pass keys too"):
        signet.open_file(tmp_path / "x", identity=("", "", "prod"))
    with pytest.raises(ValueError, match="not an Ed25519"):
        signet.open_file(tmp_path / "x", keys=["x"])


def test_a_fake_runtime() -> None:
    runtime = signet.testing.FakeRuntime()
    assert (runtime.current, runtime.status.state) == (None, "empty")
    seen: list[int] = []
    runtime.on_update(lambda policies: seen.append(policies.policies["n"]))
    first = runtime.publish({"n": 1})
    assert runtime.wait_for_ready(0) is first
    runtime.publish({"n": 2})
    assert (seen, runtime.status.state) == ([1, 2], "fresh")
    runtime.become("expired")
    assert runtime.current is None
    runtime.close()
    empty = signet.testing.FakeRuntime()
    empty.close()
    with pytest.raises(signet.Closed):
        empty.wait_for_ready(0)
