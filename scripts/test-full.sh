#!/usr/bin/env bash
# Every test, the long ones included; the last line is the sum of all that ran.
set -uo pipefail
cd "$(dirname "$0")/.."
log=target/test-full.log
{
  FULL=1 KILLS=50 CUTS=1 POSTS=10000 STEPS=100000 "${CARGO:-cargo}" test --workspace --no-fail-fast -- --show-output
  tests=$?
  (cd web && FULL=1 npm run journeys)
  journeys=$?
  echo "cargo test ended with $tests, the journeys with $journeys"
} 2>&1 | tee "$log"
# Rust's own runner, our runners over lists, and Node's.
awk '
  /^test result:/ { passed += $4; failed += $6; next }
  /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; next }
  /^(#|ℹ) pass / { passed += $3; next }
  /^(#|ℹ) fail / { failed += $3; next }
  # A program that ended without its sum has failed too.
  /^cargo test ended with/ { broken = $5 + $NF }
  END { if (broken && !failed) failed = 1; printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }
' "$log"
