#!/usr/bin/env bash
# Binary, manual, completions, settings and unit as a tarball for machines without a package; with its checksum and what
# it was built of (CycloneDX). After `make release`, which it is called by.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
version=$("target/$profile/waxseal" --version | cut -d' ' -f2)
name=waxseal-$version-$(uname -m)-linux
to=target/package
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

rm -rf "${to:?}/$name" "$to"/waxseal-*.tar.gz "$to"/waxseal-*.cdx.json
mkdir -p "$to/$name"
cp "target/$profile/waxseal" "$to/$name/"
strip "$to/$name/waxseal"
cp -r "$to/man" "$to/completions" docs LICENSE CHANGELOG.md README.md "$to/$name/"
cp packaging/waxseal.toml packaging/waxseal.service packaging/low-port.conf packaging/waxseal.sysusers \
  packaging/waxseal.tmpfile "$to/$name/"

SOURCE_DATE_EPOCH=$epoch cargo cyclonedx --quiet --format json --manifest-path crates/waxseal/Cargo.toml \
  --override-filename waxseal.cdx
mv crates/waxseal/waxseal.cdx.json "$to/$name.cdx.json"
# It writes one for each crate of the workspace; the binary's holds them all.
find crates -maxdepth 2 -name 'waxseal.cdx.json' -delete

tar --create --gzip --file "$to/$name.tar.gz" --directory "$to" --sort=name --owner=0 --group=0 --mtime="@$epoch" "$name"
cd "$to" && sha256sum "$name.tar.gz" "$name.cdx.json" | tee SHA256SUMS
