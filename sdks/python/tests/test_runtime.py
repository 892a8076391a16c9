"""A runtime against a real server."""

from __future__ import annotations

import copy
import json
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import signet

from .conftest import Open
from .server import SignetServer


def until(check: Callable[[], bool], seconds: float = 15.0) -> None:
    """Looks again and again, as a person would; fails after a time that no healthy run comes near."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not become so"
        threading.Event().wait(0.01)


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_follows_publishes_and_rollbacks(
    server: SignetServer, environment: str, open_runtime: Open, transport: str
) -> None:
    client = server.client
    client.publish(environment, '{"limit": 1.0, "big": 990000000262240065}'.replace("990000000262240065", "5"))
    runtime = open_runtime(transports=[transport], instance_id="one", agent="test/1", labels={"zone": "a"})
    first = runtime.wait_for_ready(15)
    assert first.policies["limit"] == 1.0
    assert b'"limit":1.0' in first.content
    assert (first.sequence, first.version, first.kind) == (1, 1, "publish")
    updates = runtime.updates()
    assert next(updates).sequence == 1
    client.publish(environment, {"limit": 2})
    assert next(updates).policies == {"limit": 2}
    back = client.rollback(environment)
    third = next(updates)
    assert (third.sequence, third.version, third.policies["limit"]) == (3, 1, 1.0)
    assert third.deployment_id == back.deployment_id
    status = runtime.status
    assert (status.state, status.transport, status.refusal, status.error) == ("fresh", transport, None, None)
    until(lambda: server.instances(environment)[0]["applied_sequence"] == 3)
    (instance,) = server.instances(environment)
    assert (instance["instance_id"], instance["agent"], instance["labels"]) == ("one", "test/1", {"zone": "a"})


def test_policies_do_not_change(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"a": {"b": [1, {"c": 2}]}})
    current = open_runtime().wait_for_ready(15)
    for change in (
        lambda: current.policies.update(x=1),
        lambda: current.policies["a"].pop("b"),
        lambda: current.policies["a"]["b"].append(1),
        lambda: current.policies["a"]["b"][1].__setitem__("c", 3),
        lambda: setattr(current, "version", 9),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()
    assert json.dumps(current.policies) == '{"a": {"b": [1, {"c": 2}]}}'
    mine = copy.deepcopy(current.policies)
    mine["a"]["b"].append(3)
    assert current.policies["a"]["b"] == [1, {"c": 2}]
    assert pickle.loads(pickle.dumps(current)).policies == current.policies


def test_open_returns_at_once_while_the_server_is_away(server: SignetServer, environment: str) -> None:
    started = time.monotonic()
    runtime = signet.open(
        "http://127.0.0.1:9",
        token="none",
        trust=server.trust(),
        identity=server.identity(environment),
        proxy=None,
        backoff=(0.1, 0.2),
    )
    with runtime:
        assert runtime.current is None
        assert runtime.status.state == "empty"
        with pytest.raises(TimeoutError, match="nothing to enforce"):
            runtime.wait_for_ready(0.3)
        assert isinstance(runtime.status.error, signet.ApiError)
    assert time.monotonic() - started < 10
    with pytest.raises(signet.Closed):
        runtime.wait_for_ready(1)


def test_starts_from_the_cache_and_keeps_the_floor(
    server: SignetServer, environment: str, open_runtime: Open, tmp_path: Path
) -> None:
    server.client.publish(environment, {"n": 1})
    server.client.publish(environment, {"n": 2})
    token = server.runtime_token(environment, "cached")
    with open_runtime(cache_dir=tmp_path, token=token) as runtime:
        assert runtime.wait_for_ready(15).policies["n"] == 2
    away = open_runtime(cache_dir=tmp_path, token=token, url="http://127.0.0.1:9")
    assert away.current is not None
    assert away.current.policies["n"] == 2
    assert away.wait_for_ready(0).sequence == 2
    away.close()
    (content,) = tmp_path.rglob("content-*.json")
    content.write_bytes(content.read_bytes().replace(b"2", b"3"))
    damaged = open_runtime(cache_dir=tmp_path, token=token, url="http://127.0.0.1:9")
    assert damaged.current is None
    assert isinstance(damaged.status.cache_error, signet.TrustError)
    assert damaged.status.cache_error.code == "digest_mismatch"
    damaged.close()
    mended = open_runtime(cache_dir=tmp_path, token=token)
    assert mended.wait_for_ready(15).policies["n"] == 2
    until(lambda: mended.status.cache_error is None)


def test_tells_a_refused_token_at_once(open_runtime: Open) -> None:
    runtime = open_runtime(token="signet_rt_wrong")
    with pytest.raises(signet.ApiError) as caught:
        runtime.wait_for_ready(15)
    assert (caught.value.code, caught.value.is_from_server) == ("unauthenticated", True)
    assert caught.value.request_id is not None


def test_refuses_a_server_with_other_keys(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"n": 1})
    other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----"
    runtime = open_runtime(trust=other, instance_id="stranger")
    with pytest.raises(signet.TrustError) as caught:
        runtime.wait_for_ready(15)
    assert caught.value.code == "bad_signature"
    assert runtime.current is None
    until(lambda: any(it["state"] == "rejected" for it in server.instances(environment)))
    assert server.instances(environment)[0]["reason"].startswith("bad_signature")


def test_expires_by_the_clock_and_comes_back(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"n": 1})
    ahead = [0.0]
    options = {"clock": lambda: time.time() + ahead[0]}
    serves, closes = open_runtime(**options), open_runtime(on_expired="close", **options)
    states: list[str] = []
    serves.on_state(lambda status: states.append(status.state))
    serves.wait_for_ready(15)
    closes.wait_for_ready(15)
    ahead[0] = 250.0
    assert serves.status.state == "stale"
    ahead[0] = 400.0
    assert (serves.status.state, closes.status.state) == ("expired", "expired")
    assert serves.current is not None
    assert closes.current is None
    ahead[0] = 0.0
    assert closes.current is not None


def test_a_failing_callback_is_rejected_and_the_next_goes_on(
    server: SignetServer, environment: str, open_runtime: Open
) -> None:
    server.client.publish(environment, {"n": 1})
    seen: list[int] = []

    def apply(policies: signet.Policies) -> None:
        seen.append(policies.policies["n"])
        if policies.policies["n"] == 2:
            raise ValueError("no")

    runtime = open_runtime(instance_id="callbacks")
    stop = runtime.on_update(apply)
    until(lambda: seen == [1])
    server.client.publish(environment, {"n": 2})
    until(lambda: server.instances(environment)[0]["state"] == "rejected")
    assert server.instances(environment)[0]["reason"] == "callback_failed: ValueError: no"
    assert runtime.status.callback_failures == 1
    assert runtime.current is not None
    assert runtime.current.policies["n"] == 2
    server.client.publish(environment, {"n": 3})
    until(lambda: seen == [1, 2, 3])
    until(lambda: server.instances(environment)[0]["state"] == "applied")
    stop()
    server.client.publish(environment, {"n": 4})
    until(lambda: runtime.current is not None and runtime.current.policies["n"] == 4)
    assert seen == [1, 2, 3]


def test_a_late_callback_gets_what_is_there(server: SignetServer, environment: str, open_runtime: Open) -> None:
    server.client.publish(environment, {"n": 1})
    runtime = open_runtime()
    runtime.wait_for_ready(15)
    seen: list[int] = []
    runtime.on_update(lambda policies: seen.append(policies.sequence))
    until(lambda: seen == [1])


def test_close_ends_readers_and_threads(server: SignetServer, environment: str, open_runtime: Open) -> None:
    runtime = open_runtime()
    ended = threading.Event()

    def read() -> None:
        for _ in runtime.updates():
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    runtime.on_update(lambda _: None)
    until(lambda: runtime.status.transport == "sse")
    runtime.close()
    runtime.close()
    assert ended.wait(5)
    names = {thread.name for thread in threading.enumerate()}
    assert not {"signet-follow", "signet-callbacks", "signet-report"} & names


def test_nothing_active_is_empty_and_not_an_error(environment: str, open_runtime: Open) -> None:
    runtime = open_runtime()
    until(lambda: runtime.status.transport == "sse")
    assert (runtime.current, runtime.status.state, runtime.status.error) == (None, "empty", None)


WRONG = [
    ({"url": "ftp://x"}, ValueError, "url must be"),
    ({"url": "http://user@x"}, ValueError, "url must be"),
    ({"token": "a\nb"}, ValueError, "token must be"),
    ({"trust": "root.json"}, ValueError, "pathlib.Path"),
    ({"trust": 7}, TypeError, "trust must be"),
    ({"trust": "{}"}, signet.TrustError, "malformed"),
    ({"identity": ("a", "b")}, TypeError, "identity must be"),
    ({"identity": ("a", "b", "c")}, ValueError, "org_id must be a UUID"),
    ({"on_expired": "open"}, ValueError, "on_expired must be"),
    ({"transports": ["grpc"]}, ValueError, "transports must be"),
    ({"labels": {"": "x"}}, ValueError, "labels must be"),
    ({"instance_id": "x" * 129}, ValueError, "instance_id must be"),
    ({"tls": signet.Tls()}, ValueError, "tls is for https"),
    ({"max_content_bytes": 0}, ValueError, "max_content_bytes"),
]


@pytest.mark.parametrize(("options", "kind", "message"), WRONG, ids=[f"{it[0]}"[:40] for it in WRONG])
def test_wrong_arguments(open_runtime: Open, options: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        open_runtime(**options)
