#!/usr/bin/env bash
# Two of three authors sign what runs, from the first root to a rollback (docs/trust.md, level 2).
#
#   npx signet serve                     # in another terminal
#   SIGNET_TOKEN_FILE=./data/admin-token bash examples/trust/two-authors.sh
#
# It takes an admin token (SIGNET_TOKEN or SIGNET_TOKEN_FILE), the server of SIGNET_URL, and a project that has no root yet
# (SIGNET_PROJECT). The keys are in a temporary directory, which is removed in the end: after it, nobody can change the root of the
# project any more. Take a project for it that is made for this.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
policies=$here/../policies
# Which signet: that of this package, unless SIGNET says otherwise.
read -ra program <<<"${SIGNET:-node $here/../../dist/src/main.js}"
if [ -n "${SIGNET_TOKEN_FILE:-}" ]; then
  SIGNET_TOKEN_FILE=$(realpath "$SIGNET_TOKEN_FILE")
  export SIGNET_TOKEN_FILE
fi
export SIGNET_TRUST_PASSPHRASE=${SIGNET_TRUST_PASSPHRASE:-an example and no secret}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n# %s\n' "$*"; }
signet() {
  printf '$ signet %s\n' "$*"
  "${program[@]}" "$@"
}
# A command that must be refused.
refused() {
  if signet "$@"; then
    echo "this should have been refused" >&2
    exit 1
  fi
}

say "Root 1 is published; root.key is taken away from here, and root.json goes to the runtimes."
signet trust init

say "Three authors make keys, each at a desk of their own, and hand in the public halves."
for author in alice bob carol; do
  signet trust new-key "$author.key"
  signet trust add-key "$author.pub" --role release --name "$author"
done

say "Root 2: two of them must sign what runs."
signet trust threshold release 2
signet trust sign --key root.key
signet trust publish --reason "two of three authors sign"

say "Nothing runs without them, not even with an admin token."
refused publish --env dev -f "$policies/guardrails.json"

say "Alice writes a release for all stages and signs it. She alone is not enough."
signet release create -f "$policies/guardrails.json" --environments dev staging prod --number 1
signet release sign release.json -f "$policies/guardrails.json" --key alice.key
refused publish --env dev -f "$policies/guardrails.json" --release release.json

say "Bob looks at the same document and signs too. One release takes it from dev to prod."
signet release sign release.json -f "$policies/guardrails.json" --key bob.key
signet release verify release.json
signet publish --env dev -f "$policies/guardrails.json" --release release.json
signet promote --env dev
signet promote --env staging

say "The next policy: Bob and Carol."
signet release create -f "$policies/guardrails-strict.yaml" --environments dev staging prod --number 2 --force
signet release sign release.json -f "$policies/guardrails-strict.yaml" --key bob.key
signet release sign release.json -f "$policies/guardrails-strict.yaml" --key carol.key
signet release upload release.json
signet publish --env prod -f "$policies/guardrails-strict.yaml"

say "rollback: server. The server may go back to what they released before, and forward again."
signet rollback --env prod --to 1
signet publish --env prod -f "$policies/guardrails-strict.yaml"

say "Root 3 says rollback: release. Only a new release goes back."
signet trust rule --rollback release
signet trust sign --key root.key
signet trust publish --reason "the server does not go back by itself"
refused rollback --env prod --to 1
signet release create -f "$policies/guardrails.json" --environments prod --number 3 --force
signet release sign release.json -f "$policies/guardrails.json" --key alice.key
signet release sign release.json -f "$policies/guardrails.json" --key carol.key
signet release upload release.json
signet rollback --env prod --to 1

say "What holds now:"
signet trust status
