#!/usr/bin/env bash
# A real Open Policy Agent decides by a bundle that Signet pushed, and flips after a rollback (docs/opa.md).
#
#   bash examples/opa/run.sh
#
# It needs opa on the PATH (or OPA=/path/to/opa) and curl. It starts a Signet of its own in a temporary directory, on free ports of this
# machine, and removes all of it in the end.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Which signet: that of this package, unless SIGNET says otherwise.
read -ra program <<<"${SIGNET:-node $here/../../dist/src/main.js}"
opa=${OPA:-$(command -v opa || true)}
[ -n "$opa" ] || { echo "opa is not on the PATH: install it (https://www.openpolicyagent.org), or set OPA" >&2; exit 1; }

work=$(mktemp -d)
running=()
cleanup() {
  [ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

say() { printf '\n# %s\n' "$*"; }
signet() {
  printf '$ signet %s\n' "$*"
  "${program[@]}" "$@"
}
free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

port=$(free_port)
opa_port=$(free_port)
export SIGNET_URL=http://127.0.0.1:$port SIGNET_TOKEN_FILE=$work/data/admin-token
"${program[@]}" serve --data data --port "$port" >signet.log 2>&1 &
running+=($!)
"${program[@]}" health --wait >/dev/null

say "Rego files become version 1 of dev."
signet publish --env dev "$here/policy" --opa-root shop --title "Prices are public"

say "OPA gets a token for dev, the key to verify with, and the scope to expect."
(umask 077; "${program[@]}" token create --runtime --env dev --name opa >opa-token)
"${program[@]}" keys --pem --purpose opa >opa.pem
project=$(SIGNET_TOKEN_FILE=opa-token "${program[@]}" --json whoami | sed -n 's/.*"project_id": *"\([^"]*\)".*/\1/p' | head -1)
cat >opa.yaml <<YAML
services:
  signet:
    url: $SIGNET_URL/v1/opa
    credentials: { bearer: { token_path: $work/opa-token } }
keys:
  signet:
    algorithm: ES256
    key: |
$(sed 's/^/      /' opa.pem)
bundles:
  policy:
    service: signet
    resource: bundle.tar.gz
    persist: true
    polling: { long_polling_timeout_seconds: 60 }
    signing: { keyid: signet, scope: "$project/dev" }
persistence_directory: $work/opa
status: { service: signet }
YAML
"$opa" run --server --addr "127.0.0.1:$opa_port" --config-file opa.yaml --disable-telemetry >opa.log 2>&1 &
running+=($!)

# What OPA decides about a visitor who reads the prices.
ask() {
  curl -s "http://127.0.0.1:$opa_port/v1/data/shop/authz/allow" -d '{"input": {"user": "eve", "method": "GET", "path": "/prices"}}' || true
}
# Waits until OPA decides so: at most 10 seconds.
expect() {
  for _ in $(seq 100); do
    case $(ask) in
      *"\"result\":$1"*)
        echo "OPA decides: allow is $1"
        return
        ;;
    esac
    sleep 0.1
  done
  echo "OPA does not decide $1 but $(ask)" >&2
  cat opa.log >&2
  exit 1
}
expect true

say "A stricter version: only admins read. OPA has it at once."
signet publish --env dev "$here/stricter" --opa-root shop --title "Only admins read"
expect false

say "That was a mistake: back to version 1, and OPA flips."
signet rollback --env dev
expect true

say "The fleet view knows what OPA applied."
sleep 1.5
signet runtimes --env dev
