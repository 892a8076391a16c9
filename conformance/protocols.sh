#!/usr/bin/env bash
# Holds Signet's listener to the Connect project's conformance suite and to h2spec. Both need Go, and are fetched by `go install`.
# Arguments go to connectconformance.
set -euo pipefail
cd "$(dirname "$0")/.."

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

failed=0
printf '\n== gRPC, gRPC-Web and Connect\n'
"$cache/$suite_version/connectconformance" --mode server --max-servers 2 -v \
  --conf conformance/config.yaml --known-failing @conformance/known-failing.txt "$@" \
  -- node dist/conformance/server.js "$cache/image.binpb" | node dist/conformance/suite-report.js || failed=1
printf '\n== HTTP/2\n'
node dist/conformance/h2spec.js "$cache/$h2spec_version/h2spec" || failed=1
exit "$failed"
