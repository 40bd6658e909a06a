#!/usr/bin/env bash
# Brings the newest released version, or the one that is named, and goes back to the former one if it does not become well.
# usage: sudo deploy/systemd/update.sh [VERSION]      a tag, a branch or a commit of the repository
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
require_machine
before=$(running_release)
[ -n "$before" ] || fail "there is nothing to update yet: run install.sh first"

# The work tree is not touched: what is built comes out of the repository.
[ -e "$CHECKOUT/.git" ] || fail "$CHECKOUT is no clone of the repository, from which new versions come"
say "· asking for new versions"
in_repository fetch --quiet --tags --force origin || fail "the repository cannot be reached"
wanted=${1:-$(in_repository tag --list 'v*' --sort=-version:refname | grep -v -- - | head -n 1)}
[ -n "$wanted" ] || fail "no version has been released yet: name a branch or a commit"
commit=$(in_repository rev-parse --verify --quiet "$wanted^{commit}" ||
  in_repository rev-parse --verify --quiet "origin/$wanted^{commit}") || fail "there is no version $wanted"
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
in_repository archive "$commit" | tar -x -C "$source"
name=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$source/package.json")-${commit:0:10}
if [ "$name" = "$before" ]; then
  say "$name runs already."
  exit 0
fi

# While it is built, the former version goes on working.
build "$source" "$name"

# What a new version does to the database an old one may not understand. So it is laid aside, from a stopped program.
say "· from $before to $name"
systemctl stop homestash
rm -rf "${BEFORE:?}"
install -d -m 0700 "$BEFORE"
find "$DATA" -maxdepth 1 -name 'homestash.db*' -exec cp -p -t "$BEFORE" {} +
switch_to "$name"
if start_well; then
  remove_old_releases
  say "Homestash $name runs."
  exit 0
fi

say "· $name does not become well; going back to $before"
systemctl stop homestash || true
find "$DATA" -maxdepth 1 -name 'homestash.db*' -delete
find "$BEFORE" -maxdepth 1 -type f -exec cp -p -t "$DATA" {} +
switch_to "$before"
start_well || fail "$before does not become well either: journalctl -u homestash tells why"
rm -rf "${RELEASES:?}/$name"
fail "$name did not become well (journalctl -u homestash tells why); $before runs again, with its data"
