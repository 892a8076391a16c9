#!/usr/bin/env bash
# Holds runtimes of the packed SDK to the vectors of the trust format. The SDK is installed as a program installs it: packed, in a
# directory of its own. Arguments go to test/vectors/run.ts.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
node dist/packaging/sdk/build.js "$scratch/sdk"
npm pack "$scratch/sdk" --ignore-scripts --silent --pack-destination "$scratch" >/dev/null
npm install --prefix "$scratch/program" --offline --no-audit --no-fund --silent "$scratch"/signet-sdk-*.tgz
npx --no-install tsx test/vectors/run.ts "$@" "$scratch/program/node_modules/.bin/signet-runtime-conformance"
