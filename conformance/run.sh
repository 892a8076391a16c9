#!/usr/bin/env bash
# `run.sh NAME [argument ...]` runs the check conformance/NAME.sh; each says on its first lines what it holds to what, and what it needs.
# Without a name: the runtimes, then the protocols, which get the arguments.
set -euo pipefail
cd "$(dirname "$0")"

case "${1-}" in
  "" | -*)
    failed=0
    printf '\n== runtimes\n'
    bash runtime.sh || failed=1
    bash protocols.sh "$@" || failed=1
    exit "$failed"
    ;;
esac

name=$1
shift
names=
for file in *.sh; do
  known=${file%.sh}
  [ "$known" = run ] && continue
  [ "$known" != "$name" ] || exec bash "$file" "$@"
  names+=" $known"
done
echo "no check is called $name; there are:$names" >&2
exit 1
