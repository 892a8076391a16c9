#!/usr/bin/env bash
# Holds Signet to a real Open Policy Agent: its bundle, signature, long polls, status and decision logs. SIGNET_TEST_OPA is the opa to use;
# without it that of the PATH, or one that is fetched by `go install` (Go 1.24 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."

opa=${SIGNET_TEST_OPA:-$(command -v opa || true)}
if [ -z "$opa" ]; then
  command -v go >/dev/null || { echo "there is neither opa nor go: install one of them, or set SIGNET_TEST_OPA" >&2; exit 1; }
  bin=${TMPDIR:-/tmp}/signet-conformance-opa
  opa=$bin/opa
  [ -x "$opa" ] || GOBIN=$bin go install github.com/open-policy-agent/opa@v1.22.4
fi
exec npx --no-install tsx conformance/opa/main.ts "$opa" "$@"
