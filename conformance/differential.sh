#!/usr/bin/env bash
# Gives the same mutated bytes to the SDKs in TypeScript, Python and Go: code, state and sequence must be the same. Needs Go 1.21 or later,
# and Python 3.10 or later with cryptography (PYTHON names another one than python3). Arguments: --cases N, --seed N (both are shown for
# what differs), --stop-after N.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "conformance needs Go 1.21 or later: https://go.dev/dl" >&2; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd sdks/go && go build -o "$scratch/client" ./cmd/signet-runtime-conformance)
npx --no-install tsx conformance/differential/main.ts "$@" "$scratch/client" "${PYTHON:-python3}"
