#!/usr/bin/env bash
# Lays Debian's Cyrus IMAP server into target/cyrus for the tests: its package and Dovecot's exclude each other, so it is
# unpacked and not installed. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(cyrus-imapd cyrus-common libical3 libpcre3 libxapian30 libzephyr4 libclamav12 libmspack0)

[ -x target/cyrus/tree/usr/lib/cyrus/bin/master ] && exit 0
rm -rf target/cyrus
mkdir -p target/cyrus/packages
(
  cd target/cyrus/packages
  apt-get -o APT::Sandbox::User=root download -qq "${PACKAGES[@]}" || { [ "$(id -u)" -eq 0 ] && apt-get update -qq && apt-get -o APT::Sandbox::User=root download -qq "${PACKAGES[@]}"; }
)
for package in target/cyrus/packages/*.deb; do
  dpkg-deb --extract "$package" target/cyrus/tree
done
rm -r target/cyrus/packages
