#!/usr/bin/env bash
# What is released of the Go module: tidy, formatted, vetted, without dependencies; its zip has what it should and nothing else, and a
# program in an empty directory builds with what is in it. Needs Go and no network.
set -euo pipefail
cd "$(dirname "$0")"

PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "check.sh needs Go 1.21 or later: https://go.dev/dl" >&2; exit 1; }
export GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp go.mod "$scratch/go.mod.before"
go mod tidy
diff "$scratch/go.mod.before" go.mod || { echo "go.mod was not tidy" >&2; exit 1; }
[ ! -e go.sum ] || { echo "the module has dependencies" >&2; exit 1; }
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }
go vet ./...

# As the proxy makes it of the tag sdks/go/vX.Y.Z: the files of this directory that Git has.
allowed='^(go\.mod|LICENSE|README\.md|check\.sh|[a-z_0-9]+\.go|(internal|cmd|examples)/[a-z0-9/-]+/[a-z_0-9]+\.go)$'
git ls-files . >"$scratch/files"
if grep -Ev "$allowed" "$scratch/files"; then
  echo "these files do not belong into the module" >&2
  exit 1
fi
for file in go.mod LICENSE README.md runtime.go client.go cmd/signet-runtime-conformance/main.go; do
  grep -qxF "$file" "$scratch/files" || { echo "the module lacks $file" >&2; exit 1; }
done
mkdir "$scratch/module" "$scratch/program"
xargs -I{} cp --parents {} "$scratch/module" <"$scratch/files"
(cd "$scratch/module" && GOFLAGS=-mod=readonly go build ./...)

cd "$scratch/program"
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"

	"signet.dev/signet"
)

func main() {
	_, err := signet.Open(context.Background(), signet.Config{})
	var wrong *signet.ConfigError
	fmt.Println(errors.As(err, &wrong))
}
GO
cat >go.mod <<GO
module example.com/program

go 1.21

require signet.dev/signet v0.0.0

replace signet.dev/signet => $scratch/module
GO
[ "$(go run .)" = true ] || { echo "a program cannot use the module" >&2; exit 1; }
wc -l <"$scratch/files" | xargs echo "files in the module:"
