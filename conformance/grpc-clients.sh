#!/usr/bin/env bash
# Generates clients from the proto files with the commands of docs/clients.md, compiles them, and runs its programs against a server.
# Needs python3 with venv, Go, protoc, a JDK and Maven; a language whose tools are missing is not checked. Arguments: python, go, java, c#.
set -euo pipefail
cd "$(dirname "$0")/.."

exec npx --no-install tsx test/docs/grpc-clients.ts "$@"
