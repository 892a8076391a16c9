"""Writes the Go module of sdks/go as GOPROXY serves it (https://go.dev/ref/mod#goproxy-protocol): list, info, mod and zip.

    python3 go_module.py VERSION DIRECTORY        # GOPROXY=file://DIRECTORY

The same files give the same bytes. Tests are left out: they read the vectors of the checkout.
"""

import json
import sys
import zipfile
from pathlib import Path

MODULE = "signet.dev/signet"
# The earliest that a zip file can say, and what `info` says too: a release has no time of its own.
MODIFIED = (1980, 1, 1, 0, 0, 0)


def is_shipped(path: Path) -> bool:
    return path.suffix in {".go", ".mod", ".sum", ".md"} and not path.name.endswith("_test.go") or path.name == "LICENSE"


def main() -> None:
    version, directory = f"v{sys.argv[1]}", Path(sys.argv[2], MODULE, "@v")
    root = Path(__file__).resolve().parents[2]
    source = root / "sdks/go"
    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file() and is_shipped(path)}
    files.setdefault("LICENSE", root / "LICENSE")
    directory.mkdir(parents=True)
    (directory / "list").write_text(f"{version}\n")
    (directory / f"{version}.info").write_text(json.dumps({"Version": version, "Time": "1980-01-01T00:00:00Z"}))
    (directory / f"{version}.mod").write_bytes((source / "go.mod").read_bytes())
    with zipfile.ZipFile(directory / f"{version}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{MODULE}@{version}/{name}", MODIFIED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name].read_bytes())


main()
