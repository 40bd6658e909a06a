#!/usr/bin/env bash
# Installs Homestash as a service of systemd, from the sources that this file lies in. May be run again at any time: what
# is there already stays, the data above all.
# usage: sudo deploy/systemd/install.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
require_machine

# A checkout is taken as it was committed; a folder without Git as it is.
name=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$CHECKOUT/package.json")
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
if [ -e "$CHECKOUT/.git" ]; then
  command -v git >/dev/null || fail "git is missing (Debian, Raspberry Pi OS: apt-get install git)"
  name=$name-$(in_repository rev-parse --short=10 HEAD)
  in_repository archive HEAD | tar -x -C "$source"
else
  tar -C "$CHECKOUT" --exclude=./node_modules --exclude=./dist -c . | tar -x -C "$source"
  name=$name-$(tar -C "$source" --sort=name --mtime=@0 --owner=0 --group=0 -c . | sha256sum | cut -c 1-10)
fi

if id -u homestash >/dev/null 2>&1; then
  say "· the user homestash is there already"
else
  say "· making the user homestash, who owns the data and may not log in"
  useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin homestash
fi

mkdir -p "$RELEASES"
build "$source" "$name"
if [ ! -e "$SETTINGS" ]; then
  install -d -m 0755 "$(dirname "$SETTINGS")"
  printf '# Settings of the service, one NAME=value a line; restart it afterwards.\n#HOMESTASH_LOG_LEVEL=info\n' >"$SETTINGS"
fi
say "· starting the service"
switch_to "$name"
systemctl enable --quiet homestash
start_well || fail "it does not become well: journalctl -u homestash tells why"
remove_old_releases

say "Homestash $name runs, and starts with this machine."
say "Its data: $DATA. Its page: http://$(uname -n):8098. Its log: journalctl -u homestash"
say "A code for Home Assistant: sudo homestash pair"
