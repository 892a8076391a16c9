"""A folder of Rego and data files as the policies of a bundle for Open Policy Agent, by the rules of ``signet publish``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .strict_json import parse_strict

#: The media type of such a bundle.
OPA_MEDIA_TYPE = "application/vnd.openpolicyagent.bundles"

_MAX_FILES = 10_000
#: Of all files, in bytes.
_MAX_BYTES = 16 * 1024 * 1024


def opa_policies(
    folder: str | os.PathLike[str], roots: Sequence[str] | None = None, *, ignore_tests: bool = False
) -> dict[str, Any]:
    """The policies of a folder: ``{"files": {path: text}, "roots": […], "rego_version": 1}``.

    Hidden names are skipped, but for a ``.manifest`` with ``roots`` and ``rego_version``; what is no policy, such as README.md, is
    left out.

    :param roots: the paths of ``data`` that the bundle owns; default: those of the manifest, else all of it
    :param ignore_tests: leaves ``*_test.rego`` out
    :raises ValueError: for a file that looks like policies or data and that OPA would not read, a link, or too much
    """
    base = Path(folder)
    if not base.is_dir():
        raise ValueError(f"{base} is no folder")
    files: dict[str, str] = {}
    left = _MAX_BYTES
    for file in _files(base):
        name = file.relative_to(base).as_posix()
        if not _is_policy(name) or (ignore_tests and name.endswith("_test.rego")):
            continue
        if file.is_symlink() or not file.is_file():
            raise ValueError(f"{name} is no regular file")
        with file.open("rb") as opened:
            data = opened.read(left + 1)
        left -= len(data)
        if left < 0 or len(files) >= _MAX_FILES:
            raise ValueError(f"{base} has more than {_MAX_FILES} files or {_MAX_BYTES} bytes of policies")
        try:
            files[name] = data.decode("utf-8")
        except UnicodeDecodeError as cause:
            raise ValueError(f"{name} is not UTF-8") from cause
    manifest = _manifest(base / ".manifest")
    chosen = manifest.get("roots", [""]) if roots is None else list(roots)
    return {"files": files, "roots": chosen, "rego_version": manifest.get("rego_version", 1)}


def _files(base: Path) -> Iterator[Path]:
    """In the order of their paths; links to folders are not followed."""
    for folder, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name


def _is_policy(path: str) -> bool:
    """To leave out what looks like policies or data would publish others than are there."""
    name = path.rsplit("/", 1)[-1]
    if name.endswith(".rego") or name in ("data.json", "data.yaml"):
        return True
    if re.search(r"\.(?:json|ya?ml|wasm|pb|manifest|rego)$", name, re.IGNORECASE):
        raise ValueError(f"{path} is no file that OPA reads: *.rego, data.json and data.yaml, nothing else")
    return False


def _manifest(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    value = parse_strict(file.read_text("utf-8"))
    if not isinstance(value, dict):
        raise ValueError(".manifest is not a JSON object")
    return value
