#!/usr/bin/env bash
# The package on a clean Debian: install, start, set up, restart, back up, remove, purge, restore. Takes root.
#   scripts/deb-test.sh target/package/waxseal_0.1.0-1_amd64.deb
#
# The root filesystem is made once, from where apt of this machine gets its packages, and kept in target/package. No
# systemd runs in it: the daemon is started as its unit says, in a network of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

deb=$(realpath "$1")
kept=$PWD/target/package/debian-root.tar
sources=(/etc/apt/sources.list.d/debian.sources)
[ -e "${sources[0]}" ] || sources=(/etc/apt/sources.list)

if [ "${2:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || { echo "deb-test takes root"; exit 2; }
  command -v lintian mmdebstrap >/dev/null || scripts/install-packages.sh lintian mmdebstrap
  lintian --allow-root --fail-on error,warning "$deb"
  [ -e "$kept" ] || mmdebstrap --quiet --variant=minbase --include=systemd,ca-certificates,debconf \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$kept" "${sources[@]}"
  exec unshare --mount --net --pid --fork --kill-child "$0" "$deb" inside
fi

root=$(mktemp --directory /tmp/waxseal-root.XXXXXX)
began=$(date +%s%N)
trap 'umount --quiet "$root/proc"; rm -rf --one-file-system "$root"' EXIT

step() { # says how long the one before took
  echo "$((($(date +%s%N) - began) / 1000000)) ms"
  began=$(date +%s%N)
  printf '%s: ' "$1"
}
fail() { echo "FAILED: $*"; exit 1; }
environment=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive)
inside() { chroot "$root" "${environment[@]}" "$@"; }
expect() { # expect TEXT command...: the command says TEXT, whatever its outcome
  local text=$1 said
  shift
  said=$(inside "$@" 2>&1) || true
  grep --quiet --fixed-strings -- "$text" <<<"$said" || fail "$* does not say \"$text\", but: $said"
}
start() { # as the unit says, by its user
  local command
  command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/waxseal.service")
  # Each of these becomes the next one, so that the signal meets the daemon.
  # shellcheck disable=SC2086
  chroot "$root" "${environment[@]}" setpriv --reuid waxseal --regid waxseal --init-groups --no-new-privs $command \
    >"$root/tmp/out" 2>"$root/tmp/log" &
  daemon=$!
  curl --silent --fail --retry 40 --retry-delay 1 --retry-all-errors --max-time 60 http://127.0.0.1:8080/readyz \
    || fail "it is not ready: $(cat "$root/tmp/out" "$root/tmp/log")"
}
stop() { kill -TERM "$daemon"; wait "$daemon" || fail "it ended with $?"; }
only_its_own() {
  local foreign
  foreign=$(inside find /var/lib/waxseal ! -user waxseal)
  [ -z "$foreign" ] || fail "of another user: $foreign"
}

printf 'unpack: '
ip link set lo up
tar --extract --file "$kept" --directory "$root"
mount -t proc proc "$root/proc"
cp "$deb" "$root/waxseal.deb"

step install
inside dpkg --install /waxseal.deb >"$root/tmp/dpkg" 2>&1 || fail "$(cat "$root/tmp/dpkg")"
grep --quiet 'waxseal setup-link' "$root/tmp/dpkg" || fail "it does not say how to go on: $(cat "$root/tmp/dpkg")"
[ "$(inside stat --format='%U:%G %a' /var/lib/waxseal)" = "waxseal:waxseal 700" ] || fail "the data folder"
[ "$(inside stat --format='%U:%G %a' /etc/waxseal/waxseal.toml)" = "root:waxseal 640" ] || fail "the settings"
[ -L "$root/etc/systemd/system/multi-user.target.wants/waxseal.service" ] || fail "it does not start with the machine"
analyze() { inside systemd-analyze security --offline=yes --threshold=15 waxseal.service 2>&1 | tail -1; }
analyze >"$root/tmp/exposure" || fail "$(cat "$root/tmp/exposure")"
grep --only-matching 'exposure.*' "$root/tmp/exposure"
mkdir -p "$root/etc/systemd/system/waxseal.service.d"
cp "$root/usr/share/doc/waxseal/examples/low-port.conf" "$root/etc/systemd/system/waxseal.service.d/" 2>/dev/null \
  || cp packaging/low-port.conf "$root/etc/systemd/system/waxseal.service.d/"
analyze >"$root/tmp/exposure" || fail "with a low port: $(cat "$root/tmp/exposure")"
rm -r "$root/etc/systemd/system/waxseal.service.d"
expect "there is no Waxseal in /var/lib/waxseal" waxseal doctor
expect "waxseal init" waxseal doctor
for page in waxseal waxseal-serve waxseal-keys-rotate; do
  [ -e "$root/usr/share/man/man1/$page.1.gz" ] || [ -e "$root/etc/dpkg/dpkg.cfg.d/excludes" ] || fail "no manual of $page"
done

step "start and set up"
start
expect "goes on as waxseal" waxseal setup-link
expect "http://localhost:8080/setup#" waxseal setup-link
curl --silent --fail --output /dev/null http://127.0.0.1:8080/setup || fail "the page"
inside waxseal admin create --login alice --super --password-stdin <<<"correct horse battery" >/dev/null 2>&1
expect "there is an administrator" waxseal doctor
only_its_own

step restart
stop
start
expect "there is an administrator already" waxseal setup-link

step "back up"
inside install --directory --owner waxseal --mode 700 /var/backups/waxseal
backup=$(inside waxseal backup --to /var/backups/waxseal 2>/dev/null | tail -1)
cp --preserve=all "$root/var/lib/waxseal/waxseal.key" "$root/tmp/key"
only_its_own

step "upgrade and remove"
inside dpkg --install /waxseal.deb >/dev/null 2>&1
expect "there is an administrator" waxseal doctor
stop
inside dpkg --remove waxseal >/dev/null 2>&1
[ ! -e "$root/usr/bin/waxseal" ] || fail "the binary is left"
[ -e "$root/var/lib/waxseal/store/waxseal.db" ] || fail "removing took the data"
[ -e "$root/etc/waxseal/waxseal.toml" ] || fail "removing took the settings"

step "purge, keeping the data"
expect "/var/lib/waxseal is kept" dpkg --purge waxseal
[ -e "$root/var/lib/waxseal/store/waxseal.db" ] || fail "the data went without a yes"
[ ! -e "$root/etc/waxseal" ] || fail "the settings are left"

step "purge with the data"
inside dpkg --install /waxseal.deb >/dev/null 2>&1
inside debconf-set-selections <<<"waxseal waxseal/purge-data boolean true"
inside dpkg --purge waxseal >/dev/null 2>&1
[ ! -e "$root/var/lib/waxseal" ] || fail "the data is left after a yes"
left=$(inside find /etc /usr /var/lib -xdev -name '*waxseal*')
[ -z "$left" ] || fail "left: $left"

step restore
inside dpkg --install /waxseal.deb >/dev/null 2>&1
cp --preserve=all "$root/tmp/key" "$root/var/lib/waxseal/waxseal.key"
restored=$(inside waxseal restore --from /var/backups/waxseal 2>/dev/null | tail -1)
[ "$restored" = "$backup" ] || fail "restored $restored for $backup"
only_its_own
start
stop
step ok
echo "$backup"
