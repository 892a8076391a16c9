#!/usr/bin/env bash
# Runs the Connect project's conformance suite against Signet's own listener. Needs Go; fetches the suite by `go install`.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=connectrpc.com/conformance
version=v1.0.7
command -v go >/dev/null || { echo "conformance needs Go (https://go.dev)" >&2; exit 1; }

cache="$PWD/node_modules/.cache/conformance"
mkdir -p "$cache"
# The version is in the path, so that another one is another program.
export GOBIN="$cache/$version"
[ -x "$GOBIN/connectconformance" ] || go install "$suite/cmd/connectconformance@$version"
module=$(go mod download -json "$suite@$version" | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).Dir')
npx --no-install buf build "$module/proto" -o "$cache/image.binpb"

failed=0
for protocol in CONNECT GRPC GRPC_WEB; do
  printf '\n== %s\n' "$protocol"
  "$GOBIN/connectconformance" --mode server --max-servers 2 \
    --conf conformance/config.yaml --known-failing @conformance/known-failing.txt \
    --run "**/Protocol:PROTOCOL_$protocol/**" "$@" \
    -- node dist/conformance/server.js "$cache/image.binpb" || failed=1
done
exit "$failed"
