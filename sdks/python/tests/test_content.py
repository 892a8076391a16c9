from __future__ import annotations

import os
from pathlib import Path

import pytest

from signet._cache import FileCache
from signet._keeper import parse_content
from signet.errors import TrustError
from signet.trust.envelope import sha256_hex
from signet.trust.objects import Identity


def content(policies: bytes) -> bytes:
    return b'{"policies":' + policies + b',"scope_policies":{}}'


@pytest.mark.parametrize(
    "data",
    [
        content(b'{"a":"\xff"}'),
        b"\xef\xbb\xbf" + content(b"{}"),
        content(b'{"a":{"b":1,"b":2}}'),
        content(b'{"a":1,"\\u0061":2}'),
        content(b'{"a":"\\ud800"}'),
        content(b'{"\\ud800":1}'),
        content(b'{"__proto__":{}}'),
        content(b'{"a":' * 128 + b"1" + b"}" * 128),
        content(b'{"a":NaN}'),
        content(b"{}}"),
    ],
)
def test_refuses_what_others_would_read_differently(data: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        parse_content(data, sha256_hex(data))
    assert caught.value.code == "malformed"


def test_takes_numbers_of_any_size() -> None:
    data = content(b'{"a":990000000262240065,"b":1e400,"c":' + b"9" * 5_000 + b"}")
    policies = parse_content(data, sha256_hex(data)).policies
    assert policies["a"] == 990000000262240065
    assert policies["b"] == policies["c"] == float("inf")
    deep = content(b'{"a":' * 127 + b"1" + b"}" * 127)
    assert parse_content(deep, sha256_hex(deep))


def test_does_not_wait_for_a_pipe_in_the_place_of_the_state(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, Identity("o", "p", "prod"))
    cache.folder.mkdir()
    os.mkfifo(cache.folder / "state.json")
    with pytest.raises(TrustError):
        cache.load()
