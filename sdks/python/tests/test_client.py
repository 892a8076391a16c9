"""The typed client against a real server, and against one that is busy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import signet
from signet.client import OPA_MEDIA_TYPE, Client, opa_policies

from .conftest import Open
from .server import SignetServer
from .test_runtime import until


def test_a_life_of_a_bundle(server: SignetServer, environment: str) -> None:
    client = server.client
    text = '{"limit": 1.0, "id": "990000000262240065", "big": 9007199254740992}'
    first = client.publish(
        environment,
        text,
        scope_policies={f"acme:*:*:{environment}": {"x": 1}},
        title="First",
        labels={"team": "a"},
        source=signet.Source(revision="abc"),
    )
    assert (first.version, first.sequence, first.is_active, first.title) == (1, 1, True, "First")
    assert first.labels == {"team": "a"}
    assert first.source == signet.Source(revision="abc")
    assert first.change is not None
    assert not first.change.unchanged
    again = client.publish(environment, text, scope_policies=first_scope(client, environment), skip_unchanged=True)
    assert again.change is not None
    assert (again.version, again.change.skipped) == (1, True)
    dry = client.publish(environment, {"limit": 2}, dry_run=True)
    assert dry.change is not None
    assert dry.change.difference is not None
    assert {(it.op, it.path) for it in dry.change.difference.changes} >= {("replace", "/policies/limit")}
    second = client.publish(environment, {"limit": 2}, if_match=1, reason="because")
    assert second.sequence == 2
    assert client.activate(environment, 1).sequence == 3
    assert client.rollback(environment, to_version=2).version == 2
    document = client.document(environment, 1)
    verified = signet.verify_document(document, server.trust(), environment=environment)
    assert verified.policies["limit"] == 1.0
    assert b'"limit":1.0' in document
    assert client.bundle(environment, 1).policies_json["limit"] == 1.0
    assert client.diff(environment, 1, 2)
    comparison = client.compare(environment, from_version=1, to_version=2)
    assert comparison.before is not None
    assert (comparison.before.version, comparison.after.version) == (1, 2)
    for n in range(5):
        client.publish(environment, {"n": n}, activate=False)
    assert [bundle.version for bundle in client.bundles(environment, page=2)] == [7, 6, 5, 4, 3, 2, 1]
    assert [bundle.version for bundle in client.bundles(environment, label="team=a")] == [1]


def first_scope(client: Client, environment: str) -> dict[str, Any]:
    return dict(client.bundle(environment, 1).scope_policies_json)


def test_promotes(server: SignetServer) -> None:
    server.client.publish("dev", {"n": 1})
    promoted = server.client.promote("dev", reason="release", source_version=1)
    assert (promoted.origin, promoted.is_active) == ("promote", True)
    with pytest.raises(signet.ApiError) as caught:
        server.client.promote("dev", source_version=9)
    assert (caught.value.code, caught.value.http_status) == ("precondition_failed", 412)


def test_an_idempotency_key_answers_the_first_result(server: SignetServer, environment: str) -> None:
    first = server.client.publish(environment, {"n": 1}, idempotency_key="build-1")
    assert server.client.publish(environment, {"n": 1}, idempotency_key="build-1").id == first.id
    with pytest.raises(signet.ApiError) as caught:
        server.client.publish(environment, {"n": 2}, idempotency_key="build-1")
    assert (caught.value.code, caught.value.fields[0].type) == ("invalid", "idempotency_key_reused")


def test_hold(server: SignetServer, environment: str) -> None:
    client = server.client
    client.publish(environment, {"n": 1})
    client.activate(environment, 1, hold=True, reason="incident")
    with pytest.raises(signet.ApiError) as caught:
        client.publish(environment, {"n": 2})
    assert (caught.value.code, caught.value.reason) == ("conflict", "held")
    client.end_hold(environment)
    assert client.publish(environment, {"n": 2}).version == 2


def test_errors_name_the_field(server: SignetServer, environment: str) -> None:
    with pytest.raises(signet.ApiError) as caught:
        server.client.publish(environment, {}, title="x" * 300)
    error = caught.value
    assert (error.code, error.http_status, error.is_from_server) == ("invalid", 422, True)
    assert error.fields[0].loc == ("body", "title")
    assert error.request_id


@pytest.mark.parametrize("policies", ['{"a":1,"a":2}', "{}, 1", '{"a": NaN}', b"\xff", "[1"])
def test_refuses_a_text_that_is_not_one_strict_value(server: SignetServer, environment: str, policies: Any) -> None:
    with pytest.raises(ValueError, match=r"not strict JSON|codec"):
        server.client.publish(environment, policies)
    with pytest.raises(TypeError):
        server.client.publish(environment, 7)  # type: ignore[arg-type]


def test_whoami_and_a_ci_token(server: SignetServer, environment: str) -> None:
    body = {"project_id": server.project_id, "environments": [environment], "name": f"ci-{environment}"}
    token = server.call("POST", f"/v1/orgs/{server.org_id}/tokens/ci", body)["raw_key"]
    client = Client(server.url, token, proxy=None)
    who = client.whoami()
    assert (who.key_type, who.project_id) == ("ci", server.project_id)
    # Organization and project are the token's.
    assert client.publish(environment, {"n": 1}).version == 1
    with pytest.raises(signet.ApiError) as caught:
        client.publish("prod", {"n": 1})
    assert caught.value.code == "forbidden"


def test_waits_for_a_rollout(server: SignetServer, environment: str, open_runtime: Open) -> None:
    bundle = server.client.publish(environment, {"n": 1})
    assert server.client.wait_for_rollout(environment, bundle.sequence, timeout=5).live == 0
    runtime = open_runtime(instance_id="good")
    runtime.wait_for_ready(15)
    rollout = server.client.wait_for_rollout(environment, bundle.sequence, at_least=1, timeout=20, every=0.1)
    assert (rollout.complete, rollout.applied) == (True, 1)
    runtime.on_update(lambda policies: 1 // (2 - policies.policies["n"]))
    second = server.client.publish(environment, {"n": 2})
    with pytest.raises(signet.RolloutFailed) as caught:
        server.client.wait_for_rollout(environment, second.sequence, timeout=20, every=0.1)
    assert caught.value.code == "rejected"
    assert "ZeroDivisionError" in str(caught.value)
    server.client.publish(environment, {"n": 3})
    with pytest.raises(signet.RolloutFailed) as caught:
        server.client.wait_for_rollout(environment, second.sequence, timeout=20)
    assert caught.value.code == "superseded"


def test_opa_policies_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.rego").write_text("package app\n", "utf-8")
    (tmp_path / "app/data.json").write_text('{"limit": 1.0}', "utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("x")
    (tmp_path / ".manifest").write_text('{"roots": ["app"], "rego_version": 1}')
    assert opa_policies(tmp_path) == {
        "files": {"app/data.json": '{"limit": 1.0}', "app/main.rego": "package app\n"},
        "roots": ["app"],
        "rego_version": 1,
    }
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "app/main_test.rego").write_text("package app_test\n")
    assert list(opa_policies(tmp_path, ["a", "b"], ignore_tests=True)["files"]) == ["app/data.json", "app/main.rego"]
    assert "app/main_test.rego" in opa_policies(tmp_path)["files"]
    (tmp_path / "limits.json").write_text("{}")
    with pytest.raises(ValueError, match=r"limits\.json"):
        opa_policies(tmp_path)
    (tmp_path / "limits.json").unlink()
    (tmp_path / "link.rego").symlink_to(tmp_path / "app/main.rego")
    with pytest.raises(ValueError, match=r"link\.rego is no regular file"):
        opa_policies(tmp_path)


def test_publishes_a_folder_for_opa(server: SignetServer, environment: str, open_runtime: Open, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.rego").write_text("package app\n\nallow if input.n < 10\n", "utf-8")
    (tmp_path / "app/data.json").write_text('{"limit": 1.0}', "utf-8")
    bundle = server.client.publish_opa(environment, tmp_path, roots=["app"], title="Rego")
    assert (bundle.media_type, bundle.title) == (OPA_MEDIA_TYPE, "Rego")
    current = open_runtime().wait_for_ready(15)
    assert current.media_type == OPA_MEDIA_TYPE
    assert current.policies["files"]["app/data.json"] == '{"limit": 1.0}'
    (tmp_path / "app/main.rego").write_text("package other\n", "utf-8")
    with pytest.raises(signet.ApiError) as caught:
        server.client.publish_opa(environment, tmp_path, roots=["app"])
    assert "app/main.rego" in caught.value.fields[0].loc


Script = list[Callable[[BaseHTTPRequestHandler], None]]


@contextmanager
def scripted(script: Script) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Answers each request by the next function; the last one again and again."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            seen.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
            (script.pop(0) if len(script) > 1 else script[0])(self)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


def answer(status: int, value: object, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        handler.send_response(status)
        for key, text in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(key.replace("_", "-"), text)
        handler.end_headers()
        handler.wfile.write(body)

    return send


BUNDLE = {
    "id": "i",
    "version": 1,
    "policy_hash": "sha256:0",
    "is_active": True,
    "published_at": "2026-01-01T00:00:00.123Z",
    "origin": "publish",
    "new_field": {"of": "a newer server"},
}


def test_repeats_while_the_server_is_busy_with_the_same_key() -> None:
    busy = answer(503, {"status": 503, "requestId": "r", "message": "busy", "detail": ""}, Retry_After="7")
    with scripted([busy, answer(502, b"<html>"), answer(200, BUNDLE)]) as (url, seen):
        client = Client(url, "t", org="o", project="p", proxy=None)
        waits: list[float] = []
        client._sleep = waits.append
        assert client.publish("dev", {}).published_at.microsecond == 123_000
        assert waits == [7.5, 1.0]
        assert len({it["idempotency-key"] for it in seen}) == 1
        assert seen[0]["path"] == "/v1/orgs/o/projects/p/envs/dev/bundles/publish"


def test_does_not_repeat_what_was_refused() -> None:
    refused = answer(422, {"status": 422, "requestId": "r", "message": "no", "detail": []})
    with scripted([refused]) as (url, seen):
        with pytest.raises(signet.ApiError):
            Client(url, "t", org="o", project="p", proxy=None).publish("dev", {})
        assert len(seen) == 1


def test_names_are_parts_of_a_path() -> None:
    with scripted([answer(200, BUNDLE)]) as (url, seen):
        client = Client(f"{url}/base/", "t", org="o/x", project="p?y", proxy=None)
        client.publish("a b", {})
        assert seen[0]["path"] == "/base/v1/orgs/o%2Fx/projects/p%3Fy/envs/a%20b/bundles/publish"
        with pytest.raises(ValueError, match="a name must be"):
            client.publish("..", {})


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (answer(302, b"", Location="http://127.0.0.1:9/"), "unimplemented", "redirects are not followed"),
        (answer(200, b"<html>"), "unimplemented", "not JSON"),
        (answer(200, {"id": 7}), "unimplemented", "not an answer"),
        (answer(200, b"x", Content_Encoding="gzip"), "unimplemented", "compressed"),
        (answer(401, b"<html>"), "unauthenticated", "HTTP 401"),
        (
            answer(500, {"status": 500, "requestId": "r", "message": "m", "detail": {"error": "data_loss"}}),
            "data_loss",
            "m",
        ),
    ],
    ids=["redirect", "page", "other", "gzip", "proxy-401", "data-loss"],
)
def test_answers_of_others(reply: Callable[[BaseHTTPRequestHandler], None], code: str, message: str) -> None:
    with scripted([reply]) as (url, _):
        with pytest.raises(signet.ApiError, match=message) as caught:
            Client(url, "t", org="o", project="p", proxy=None, attempts=1).publish("dev", {})
        assert caught.value.code == code


def test_a_body_that_is_cut_is_no_answer() -> None:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(json.dumps(BUNDLE).encode())

    with scripted([send]) as (url, _):
        with pytest.raises(signet.ApiError) as caught:
            Client(url, "t", org="o", project="p", proxy=None, attempts=1).publish("dev", {})
        assert caught.value.code == "unavailable"


def test_the_instances_of_a_closed_runtime_go(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"n": 1})
    with open_runtime(instance_id="leaves") as runtime:
        runtime.wait_for_ready(15)
    until(lambda: not server.instances(environment)[0]["connected"])


def test_lists_the_key_for_opa_only_when_it_is_asked_for(server: SignetServer) -> None:
    assert [(key.purpose, key.algorithm) for key in server.client.keys("opa", "opa")] == [("opa", "ES256")]
    assert {key.purpose for key in server.client.keys("opa", "attestation")} == {"opa", "attestation"}
    unfiltered = server.client.keys()
    assert "opa" not in {key.purpose for key in unfiltered}
