#!/usr/bin/env bash
# Builds the wheel and the sdist into a directory: `build.sh [OUT]`, default dist. Needs hatchling (Debian: python3-hatchling; or
# `pip install hatchling`) and no network. Two builds are the same bytes. PYTHON names another interpreter.
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "$0")/dist}")
cd "$(dirname "$0")"

python=${PYTHON:-}
if [ -z "$python" ]; then
  for python in python3 /usr/bin/python3 ""; do
    [ -z "$python" ] || ! "$python" -c "import hatchling" 2>/dev/null || break
  done
  [ -n "$python" ] || { echo "the Python SDK is built by hatchling: apt-get install python3-hatchling, or pip install hatchling" >&2; exit 1; }
fi
# Times in archives: hatchling's own constant, whatever the environment says.
unset SOURCE_DATE_EPOCH
"$python" -m hatchling build --directory "$out"
