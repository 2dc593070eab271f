#!/usr/bin/env bash
# What a package holds beside the binary, made from it: man pages, completions, changelogs.
#   scripts/package-files.sh target/release/waxseal
set -euo pipefail

binary=$1
to=target/package
rm -rf "$to/man" "$to/completions"
"$binary" manual --to "$to"
gzip --best --no-name --stdout CHANGELOG.md >"$to/changelog.gz"

version=$("$binary" --version | cut -d' ' -f2)
date=$(date --utc --rfc-email --date="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}")
cat >"$to/changelog.debian" <<END
waxseal ($version-1) unstable; urgency=medium

  * What changed is in /usr/share/doc/waxseal/changelog.gz.

 -- Waxseal maintainers <waxseal@localhost>  $date
END
