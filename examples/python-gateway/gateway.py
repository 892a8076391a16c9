"""A gateway that lets through what the policy of an environment allows. A WSGI application without a framework:

    gunicorn --preload --workers 4 --bind 127.0.0.1:8000 gateway:app

SIGNET_URL         the server
SIGNET_TOKEN_FILE  file with a runtime token of the environment
SIGNET_IDENTITY    file with what `signet whoami --json` says of that token
SIGNET_TRUST       file with the project's root document, or with what `signet keys --json` says
SIGNET_CACHE       directory that keeps the policy for a start without the server (default: none)
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import signet
from guardrails import Guardrails, Refused, compile_guardrails

MAX_BODY_BYTES = 1 << 20


def trust(path: Path) -> str | list[str]:
    """The root document as it is; of a list of keys those that sign activations and bundles."""
    text = path.read_text()
    read = json.loads(text)
    return text if isinstance(read, dict) else [key["public_key_pem"] for key in read if key["purpose"] in ("attestation", "bundles")]


class Gateway:
    """Holds the newest policy that could be compiled, with where it comes from, replaced as one."""

    def __init__(self, runtime: signet.Runtime) -> None:
        self.runtime = runtime
        self.enforced: tuple[Guardrails, signet.Policies] | None = None
        # What it raises is reported as rejected, with its text; when it returns, the activation is reported as applied.
        runtime.on_update(self.update)

    def update(self, policies: signet.Policies) -> None:
        self.enforced = (compile_guardrails(policies.policies), policies)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, answer = self.answer(environ)
        body = json.dumps(answer).encode() + b"\n"
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")],
        )
        return [body]

    def answer(self, environ: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        # One look: the policy may be replaced at any time.
        enforced = self.enforced
        # None when nothing is proven, or the proof has run out and on_expired is "close".
        is_open = self.runtime.current is not None and enforced is not None
        about: dict[str, Any] = {"worker": os.getpid(), "state": self.runtime.status.state}
        if enforced is not None:
            about |= {"version": enforced[1].version, "sequence": enforced[1].sequence}
        match environ["REQUEST_METHOD"], environ.get("PATH_INFO"):
            case "GET", "/healthz":
                return HTTPStatus.OK if is_open else HTTPStatus.SERVICE_UNAVAILABLE, about
            case "POST", "/v1/messages":
                pass
            case _:
                return HTTPStatus.NOT_FOUND, {"error": "not_found"}
        if not is_open or enforced is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "no_policy", "policy": about}
        try:
            tool, text = message(environ)
            # Here a real gateway calls the model, or the tool, with the text that is left.
            return HTTPStatus.OK, {"text": enforced[0].apply(tool, text), "policy": about}
        except Refused as refused:
            return HTTPStatus.FORBIDDEN, {"error": str(refused), "policy": about}
        except (ValueError, RecursionError) as wrong:
            return HTTPStatus.BAD_REQUEST, {"error": "malformed", "message": str(wrong)}


def message(environ: dict[str, Any]) -> tuple[str | None, str]:
    """``{"text": …, "tool": …?}``. Raises ValueError for anything else."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= MAX_BODY_BYTES:
        raise ValueError(f"a body of 1 to {MAX_BODY_BYTES} bytes is needed")
    body = json.loads(environ["wsgi.input"].read(length))
    tool, text = (body.get("tool"), body.get("text")) if isinstance(body, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(tool, str | None):
        raise ValueError("text must be a string, and so must tool, when it is there")
    return tool, text


def open_gateway() -> Gateway:
    logging.basicConfig(level=logging.INFO)
    token = Path(os.environ["SIGNET_TOKEN_FILE"])
    said = json.loads(Path(os.environ["SIGNET_IDENTITY"]).read_text())
    runtime = signet.open(
        os.environ["SIGNET_URL"],
        token=lambda: token.read_text().strip(),
        trust=trust(Path(os.environ["SIGNET_TRUST"])),
        identity=(said["org_id"], said["project_id"], said["environment"]),
        cache_dir=os.environ.get("SIGNET_CACHE"),
        agent="python-gateway/1.0",
    )
    return Gateway(runtime)


# Opened once, before gunicorn forks: each worker then follows the server by itself, with what was known at the fork.
app = open_gateway()
