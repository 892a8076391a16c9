"""The vectors of the trust format, and the server that lies as they say."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]


def all_cases() -> list[dict[str, Any]]:
    files = sorted((REPOSITORY / "test/vectors/packs").glob("*.json"))
    return [case for file in files for case in json.loads(file.read_text("utf-8"))["cases"]]


class LyingServer(ThreadingHTTPServer):
    """Serves what ``served`` says; None: 503."""

    daemon_threads = True
    served: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LyingServer

    def do_GET(self) -> None:
        served = self.server.served
        path = self.path.split("?")[0]
        body: bytes | None = None
        if served is not None and path.startswith("/v1/trust/roots/"):
            text = served["roots"].get(path.rsplit("/", 1)[1])
            body = None if text is None else text.encode()
        elif served is not None and path == "/v1/bundles/latest/attestation":
            body = served["attestation"].encode()
        elif served is not None and path == "/v1/bundles/latest/content":
            body = base64.b64decode(served["content"])
        self._answer(503 if served is None else 404 if body is None else 200, body or b"")

    def _answer(self, status: int, body: bytes) -> None:
        if status == 404:
            error = {"detail": "Not Found", "message": "no root", "status": 404, "requestId": "r"}
            body = json.dumps(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def lying_server() -> Iterator[LyingServer]:
    with LyingServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def damage(folder: Path, content: bytes) -> int:
    """Flips a bit of the content in every file that has it; returns how many there were."""
    places = 0
    for file in folder.rglob("*"):
        data = bytearray(file.read_bytes()) if file.is_file() else bytearray()
        at = data.find(content) if content else -1
        if at >= 0:
            data[at + 20] ^= 1
            file.write_bytes(data)
            places += 1
    return places
