#!/bin/sh
# Publishes and promotes policies from CI with curl alone, and waits until the fleet has applied them. When it does not, the
# environment goes back to what was active before.
#
#   sh signet.sh check   policy.json dev       # what would be made; changes nothing
#   sh signet.sh publish policy.json dev
#   sh signet.sh promote dev                   # to the environment that dev promotes to
#
# Standard output is lines of name=value for later steps: version, sequence, environment. Everything else is on standard error.
#
# Needs SIGNET_URL and SIGNET_TOKEN, a ci token of the project. Optional:
#   SIGNET_REVISION         commit that the policy comes from (default: CI_COMMIT_SHA, GITHUB_SHA)
#   SIGNET_REPOSITORY       address of its repository
#   SIGNET_KEY              names this attempt: a request that is sent again under the same key changes nothing (default: the revision)
#   SIGNET_SOURCE_VERSION   promote this version of the source and no other
#   SIGNET_WAIT_SECONDS     how long the fleet may take (default: 300)
#   SIGNET_POLL_SECONDS     how often it is asked (default: 2)
#   SIGNET_MIN_LIVE         how many runtimes must be there (default: 0)
#
# Exit codes: 1 refused, or no answer · 2 wrong arguments · 3 the fleet did not apply it, and it was rolled back · 4 the same, and the
# rollback was refused · 5 something newer became active meanwhile; nothing was rolled back
set -eu

say() { echo "$*" >&2; }
fail() {
  code=$1
  shift
  say "signet: $*"
  exit "$code"
}

[ -n "${SIGNET_URL:-}" ] || fail 2 "SIGNET_URL is not set"
[ -n "${SIGNET_TOKEN:-}" ] || fail 2 "SIGNET_TOKEN is not set"
revision=${SIGNET_REVISION:-${CI_COMMIT_SHA:-${GITHUB_SHA:-}}}
key=${SIGNET_KEY:-$revision}
[ -n "$key" ] || fail 2 "set SIGNET_REVISION or SIGNET_KEY"

# They stand in JSON and in headers as they are.
plain() {
  case $2 in *[!A-Za-z0-9._/:@+-]*) fail 2 "$1 has a character that is none of A-Z a-z 0-9 . _ / : @ + -" ;; esac
}
number() {
  case $2 in "" | *[!0-9]*) fail 2 "$1 is not a number" ;; esac
}
plain SIGNET_REVISION "$revision"
plain SIGNET_REPOSITORY "${SIGNET_REPOSITORY:-}"
plain SIGNET_KEY "$key"
number SIGNET_WAIT_SECONDS "${SIGNET_WAIT_SECONDS:-300}"
number SIGNET_MIN_LIVE "${SIGNET_MIN_LIVE:-0}"

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# In a file, since arguments of a process can be seen by others.
printf 'X-API-Key: %s\n' "$SIGNET_TOKEN" >"$work/token"

# call METHOD PATH [curl option ...]: the answer goes to $work/answer. A request is sent again when the server is busy or away.
call() {
  method=$1 path=$2
  shift 2
  status=$(curl --silent --show-error --retry 5 --retry-connrefused --max-time 60 --request "$method" \
    --header "@$work/token" --output "$work/answer" --write-out '%{http_code}' "$@" "$SIGNET_URL$path") || return 1
  [ "$status" -lt 400 ] || {
    say "$method $path: HTTP $status: $(text message)"
    return 1
  }
}
# Fields of the answer. A name inside of a text has its quotes escaped, and is not found.
integer() { tr -d '\n' <"$work/answer" | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d : -f 2; }
text() { tr -d '\n' <"$work/answer" | grep -o "\"$1\":\"[^\"]*" | head -n 1 | cut -d '"' -f 4; }
is_true() { grep -q "\"$1\":true" "$work/answer"; }

project() {
  call GET /v1/whoami || fail 1 "the token was refused"
  base=/v1/orgs/$(text org_id)/projects/$(text project_id)
  [ "${base%/projects/}" = "$base" ] || fail 2 "the token is not one of a project: make one with signet token create --ci"
}

# The body of a publication, with the policy as it is in its file.
body() {
  printf '{"dry_run":%s,"published_by":"CI","source":{"repository":"%s","revision":"%s"},"policies":' \
    "$1" "${SIGNET_REPOSITORY:-}" "$revision" >"$work/body"
  cat "$2" >>"$work/body"
  printf '}' >>"$work/body"
}

rollout() { call GET "$base/envs/$1/rollout?sequence=$2&limit=5"; }

# settle ENVIRONMENT SEQUENCE: until every live runtime has applied it. When one rejects it, or the time is up: back.
settle() {
  environment=$1 sequence=$2
  deadline=$(($(date +%s) + ${SIGNET_WAIT_SECONDS:-300}))
  while :; do
    if rollout "$environment" "$sequence"; then
      live=$(integer live) applied=$(integer applied) rejected=$(integer rejected)
      ! is_true superseded || fail 5 "sequence $sequence of $environment was superseded by $(integer active_sequence)"
      if is_true complete && [ "$live" -ge "${SIGNET_MIN_LIVE:-0}" ]; then
        say "$environment: all $live runtimes applied sequence $sequence"
        return
      fi
      [ "$rejected" -eq 0 ] || { problem="$rejected of $live runtimes rejected it: $(text reason)" && break; }
      problem="$applied of $live runtimes applied it within ${SIGNET_WAIT_SECONDS:-300} seconds"
      [ "$live" -ge "${SIGNET_MIN_LIVE:-0}" ] || problem="$problem; SIGNET_MIN_LIVE is $SIGNET_MIN_LIVE"
    else
      problem="the server did not answer"
    fi
    [ "$(date +%s)" -lt "$deadline" ] || break
    sleep "${SIGNET_POLL_SECONDS:-2}"
  done
  say "$environment: $problem"
  [ -z "$skipped" ] || fail 4 "it was active before: nothing to roll back"
  # Refused when something else has become active since.
  call POST "$base/envs/$environment/rollback" --header "If-Match: \"$sequence\"" --header "Idempotency-Key: rollback-$environment-$sequence-$key" \
    --header 'Content-Type: application/json' --data "{\"reason\":\"rolled back by CI: the fleet did not apply sequence $sequence\"}" ||
    fail 4 "$environment was not rolled back"
  fail 3 "$environment was rolled back to version $(integer version), sequence $(integer sequence)"
}

# The answer is a bundle, which is active now.
result() {
  version=$(integer version) sequence=$(integer sequence) skipped=
  ! is_true skipped || skipped=" was active already"
  say "$1: version $version, sequence $sequence$skipped"
  echo "environment=$1"
  echo "version=$version"
  echo "sequence=$sequence"
}

case "${1-} $#" in
  "check 3" | "publish 3")
    [ -r "$2" ] || fail 2 "cannot read $2"
    project
    if [ "$1" = check ]; then
      body true "$2"
      call POST "$base/envs/$3/bundles/publish" --header 'Content-Type: application/json' --data-binary "@$work/body" ||
        fail 1 "$2 cannot be published to $3"
      say "$2 would be version $(integer version) of $3: $(integer changes_total) changes"
      exit 0
    fi
    body false "$2"
    call POST "$base/envs/$3/bundles/publish" --header 'Content-Type: application/json' --header "Idempotency-Key: publish-$3-$key" \
      --header 'If-Unchanged: skip' --data-binary "@$work/body" || fail 1 "$2 was not published to $3"
    result "$3"
    settle "$3" "$sequence"
    ;;
  "promote 2")
    project
    call GET "$base/environments/$2" || fail 1 "the token sees no environment $2"
    target=$(text promotes_to)
    [ -n "$target" ] || fail 2 "$2 promotes to no other environment"
    pinned=
    [ -z "${SIGNET_SOURCE_VERSION:-}" ] || {
      number SIGNET_SOURCE_VERSION "$SIGNET_SOURCE_VERSION"
      pinned=",\"source_version\":$SIGNET_SOURCE_VERSION"
    }
    call POST "$base/envs/$2/promote" --header 'Content-Type: application/json' --header "Idempotency-Key: promote-$2-$key" \
      --header 'If-Unchanged: skip' --data "{\"promoted_by\":\"CI\",\"reason\":\"$revision\"$pinned}" || fail 1 "$2 was not promoted to $target"
    result "$target"
    settle "$target" "$sequence"
    ;;
  *) fail 2 "usage: signet.sh check FILE ENVIRONMENT | publish FILE ENVIRONMENT | promote ENVIRONMENT" ;;
esac
