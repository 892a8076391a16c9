#!/usr/bin/env bash
# Holds the OpenAPI document to the clients that others generate from it. Arguments: parts of the names of clients.
set -euo pipefail
cd "$(dirname "$0")/.."

exec node dist/conformance/clients/main.js "$@"
