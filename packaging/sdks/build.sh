#!/usr/bin/env bash
# Makes what is released of sdks/: a wheel and a source distribution for pip, and a Go module as GOPROXY serves it, with their checksums.
# `npm run pack:sdks` writes them to dist/sdks; with a directory: there instead. Needs python3 with hatchling (Debian: python3-hatchling).
set -euo pipefail
cd "$(dirname "$0")/../.."

directory=$(realpath -m "${1:-dist/sdks}")
version=$(node -p 'require("./package.json").version')

# Debian's python3 has Debian's modules; another one on the path may not.
for python in python3 /usr/bin/python3 none; do
  "$python" -c 'import hatchling' 2>/dev/null && break
done
[ "$python" != none ] || { echo "packing the Python SDK needs hatchling: apt-get install python3-hatchling" >&2; exit 1; }
named=$(sed -n 's/^version = "\(.*\)"$/\1/p' sdks/python/pyproject.toml)
[ "$named" = "$version" ] || { echo "sdks/python/pyproject.toml says version $named, package.json $version: make them the same" >&2; exit 1; }

rm -rf "$directory"
mkdir -p "$directory"
(cd sdks/python && SOURCE_DATE_EPOCH=315532800 "$python" -m hatchling build -d "$directory" >/dev/null)
"$python" packaging/sdks/go_module.py "$version" "$directory/goproxy"
(cd "$directory" && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >"$directory.sums" && mv "$directory.sums" SHA256SUMS)
