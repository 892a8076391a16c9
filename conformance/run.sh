#!/usr/bin/env bash
# Holds runtimes of the packed SDK to the vectors of the trust format, and Signet's listener to the Connect project's conformance suite
# and to h2spec. Those two need Go, and are fetched by `go install`. `run.sh runtime` does the first alone.
# `run.sh clients` does something else: it holds the OpenAPI document to the clients that others generate from it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1-}" = clients ]; then
  shift
  exec node dist/conformance/clients/main.js "$@"
fi

# Installed as a program installs it: packed, in a directory of its own.
runtime() {
  local scratch
  scratch=$(mktemp -d)
  trap "rm -rf '$scratch'" RETURN
  node dist/packaging/sdk/build.js "$scratch/sdk" || return
  npm pack "$scratch/sdk" --ignore-scripts --silent --pack-destination "$scratch" >/dev/null || return
  npm install --prefix "$scratch/program" --offline --no-audit --no-fund --silent "$scratch"/signet-sdk-*.tgz || return
  npx --no-install tsx test/vectors/run.ts "$@" "$scratch/program/node_modules/.bin/signet-runtime-conformance"
}

failed=0
if [ "${1-}" = runtime ]; then
  shift
  runtime "$@"
  exit
fi
printf '\n== runtimes\n'
runtime || failed=1

suite=connectrpc.com/conformance
suite_version=v1.0.7
h2spec=github.com/summerwind/h2spec
# The newest that the module proxy has.
h2spec_version=v2.2.1+incompatible
command -v go >/dev/null || { echo "conformance needs Go (https://go.dev)" >&2; exit 1; }

cache="$PWD/node_modules/.cache/conformance"
# The version is in the path, so that another one is another program.
fetch() {
  [ -x "$cache/$2/${1##*/}" ] || GOBIN="$cache/$2" go install "$1@$2"
}
fetch "$suite/cmd/connectconformance" "$suite_version"
fetch "$h2spec/cmd/h2spec" "$h2spec_version"
module=$(go mod download -json "$suite@$suite_version" | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).Dir')
npx --no-install buf build "$module/proto" -o "$cache/image.binpb"

printf '\n== gRPC, gRPC-Web and Connect\n'
"$cache/$suite_version/connectconformance" --mode server --max-servers 2 -v \
  --conf conformance/config.yaml --known-failing @conformance/known-failing.txt "$@" \
  -- node dist/conformance/server.js "$cache/image.binpb" | node dist/conformance/suite-report.js || failed=1
printf '\n== HTTP/2\n'
node dist/conformance/h2spec.js "$cache/$h2spec_version/h2spec" || failed=1
exit "$failed"
