#!/usr/bin/env bash
# Holds the Go SDK (sdks/go) to everything that npm test has no time for: the race detector, a thousand cuts, fuzzing, staticcheck, the
# oldest Go of its go.mod, the vectors, benchmarks. Needs Go 1.21 or later, a C compiler for the race detector, and the Go module proxy.
# Arguments go to test/vectors/run.ts.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "conformance needs Go 1.21 or later: https://go.dev/dl" >&2; exit 1; }
staticcheck=honnef.co/go/tools
staticcheck_version=v0.8.2
root=$PWD
cache="$root/node_modules/.cache/conformance"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
try() {
  printf '\n== %s\n' "$1"
  shift
  (cd sdks/go && "$@") || failed=1
}

try "what is released" ./check.sh
try "tests with the race detector, against a server, with a thousand cuts" \
  env SIGNET_TEST_SERVER="node $root/dist/src/main.js" go test -race -timeout 15m ./...
try "a thousand cuts" go test -run 'TestCuts|TestGoroutines' -v -timeout 10m .
(cd sdks/go && go build -o "$scratch/client" ./cmd/signet-runtime-conformance)
try "vectors" env -C "$root" npx --no-install tsx test/vectors/run.ts "$@" "$scratch/client"
for target in strictjson.FuzzParse sse.FuzzReader trust.FuzzEnvelope trust.FuzzAttestation trust.FuzzPayloads; do
  try "fuzzing ${target#*.}" go test -run NONE -fuzz "${target#*.}\$" -fuzztime 20s "./internal/${target%.*}"
done
oldest=go$(sed -n 's/^go //p' sdks/go/go.mod)
try "$oldest" env GOTOOLCHAIN="$oldest.13" go test -short -timeout 10m ./...
[ -x "$cache/$staticcheck_version/staticcheck" ] ||
  GOBIN="$cache/$staticcheck_version" go install "$staticcheck/cmd/staticcheck@$staticcheck_version"
try staticcheck "$cache/$staticcheck_version/staticcheck" ./...
try benchmarks go test -run NONE -bench . -benchtime 1s .
exit "$failed"
