#!/usr/bin/env bash
# Holds the Python SDK to all that it promises: ruff and mypy, the vectors of the trust format as processes, 1,000 cuts on each way,
# gunicorn, and its wheel, built twice and installed in an empty environment. Needs Python 3.10 or later with venv, and PyPI.
# PYTHON names another interpreter. Arguments go to test/vectors/run.ts.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sdk=$PWD/sdks/python

printf '\n== tools\n'
"${PYTHON:-python3}" -m venv "$scratch/tools"
export PYTHON="$scratch/tools/bin/python" PYTHONDONTWRITEBYTECODE=1
"$PYTHON" -m pip install --quiet --disable-pip-version-check cryptography gunicorn hatchling mypy pytest ruff
"$PYTHON" -m pip list --disable-pip-version-check --format=freeze | grep -E '^(cryptography|gunicorn|hatchling|mypy|pytest|ruff)='

printf '\n== ruff and mypy\n'
(cd "$sdk" && "$PYTHON" -m ruff check --no-cache . && "$PYTHON" -m ruff format --no-cache --check . && "$PYTHON" -m mypy --cache-dir "$scratch/mypy")

printf '\n== tests, with 1,000 cuts on each way\n'
(cd "$sdk" && SIGNET_CUTS=1000 "$PYTHON" -m pytest -p no:cacheprovider -s)

printf '\n== the wheel, twice the same, in an empty environment\n'
bash "$sdk/build.sh" "$scratch/first"
bash "$sdk/build.sh" "$scratch/second"
diff -r "$scratch/first" "$scratch/second"
"$PYTHON" -m venv "$scratch/empty"
"$scratch/empty/bin/python" -m pip install --quiet --disable-pip-version-check "$scratch"/first/*.whl
"$scratch/empty/bin/python" -m pip list --disable-pip-version-check --format=freeze

printf '\n== vectors, by the installed command\n'
npx --no-install tsx test/vectors/run.ts "$@" "$scratch/empty/bin/signet-runtime-conformance"
