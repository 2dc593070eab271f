#!/usr/bin/env bash
# What hostile servers, senders and messages do, against the real code: the suites of the engine, and those with a browser.
# Ends with their sum.
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
for program in "engine --test hostile" "api --test frames"; do
  # shellcheck disable=SC2086
  $CARGO test --quiet --package $program 2>&1 | tee -a "$log" || status=1
done
awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; programs += 1 }
     END { if (programs != 2) failed += 1; printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$log" || status=1
exit $status
