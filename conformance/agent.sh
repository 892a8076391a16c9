#!/usr/bin/env bash
# Holds `signet agent` to the vectors of the trust format (test/vectors): each update is one start of the agent from its directory, against
# a server that lies. Needs nothing but Node. Arguments go to test/vectors/run.ts: --only TEXT, --jobs N.
set -euo pipefail
cd "$(dirname "$0")/.."

exec npx --no-install tsx test/vectors/run.ts "$@" node dist/conformance/agent-client.js
