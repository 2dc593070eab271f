#!/usr/bin/env bash
# Installs the Debian packages that the demo and the tests run as private servers, and those named. Does nothing when
# all are there. Asks first; YES=1 or CI=true answers yes.
set -euo pipefail

PACKAGES=(dovecot-imapd dovecot-lmtpd dovecot-submissiond exim4-daemon-light postgresql chromium curl "$@")

missing=()
for package in "${PACKAGES[@]}"; do
  if [ "$package" = exim4-daemon-light ] && [ -x /usr/sbin/exim4 ]; then continue; fi
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "These Debian packages are missing: ${missing[*]}"
if [ "${YES:-}" != 1 ] && [ "${CI:-}" != true ]; then
  read -r -p "Install them with apt? [y/N] " answer || answer=n
  case "$answer" in y | Y | yes) ;; *) echo "Nothing was installed."; exit 1 ;; esac
fi

# The packages' own services stay off: the tests start private ones (policy-rc.d, Debian Policy 9.3.3.1).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod 755 "$policy"
  trap '"${sudo[@]}" rm -f "$policy"' EXIT
fi
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
