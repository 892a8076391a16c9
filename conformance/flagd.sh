#!/usr/bin/env bash
# Holds Signet to flagd: a flag follows promotions and rollbacks, also past a restart of the server, and stays when the token is revoked.
# Readers are its provider for Python, which syncs by itself (from PyPI: openfeature-provider-flagd), its own core (the syncs and the
# evaluator of the daemon, in the program of conformance/flagd/core; needs Go 1.24) and the daemon (its HTTP sync and its gRPC sync;
# FLAGD names a binary, else `go install` fetches one). What cannot be installed is said to be not checked. Argument: the part of a
# reader's name.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="$PWD/node_modules/.cache/conformance/flagd"
mkdir -p "$cache"
if [ -z "${FLAGD-}" ] && command -v go >/dev/null; then
  [ -x "$cache/flagd" ] || GOBIN="$cache" go install github.com/open-feature/flagd/flagd@latest || true
  [ ! -x "$cache/flagd" ] || FLAGD="$cache/flagd"
fi
core="$cache/core"
rm -f "$core"
command -v go >/dev/null && go -C conformance/flagd/core build -o "$core" . || core=
python="$cache/venv/bin/python"
if [ ! -x "$cache/venv/ready" ] && command -v python3 >/dev/null; then
  python3 -m venv "$cache/venv" && "$python" -m pip install --quiet openfeature-provider-flagd && ln -sf bin/python "$cache/venv/ready" || true
fi
[ -x "$cache/venv/ready" ] || python=
FLAGD="${FLAGD-}" FLAGD_CORE="$core" FLAGD_PYTHON="$python" exec node dist/conformance/flagd/main.js "$@"
