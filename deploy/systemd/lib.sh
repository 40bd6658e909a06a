# Sourced by install.sh and update.sh: where things are, and the steps that both take.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is named here is used there

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly CHECKOUT
# Each version lies in a folder of its own, and `current` leads to the one that runs.
readonly PROGRAM=/opt/homestash
readonly RELEASES=$PROGRAM/releases
readonly CURRENT=$PROGRAM/current
# The database from before the last update, for the way back.
readonly BEFORE=$PROGRAM/before-update
readonly DATA=/var/lib/homestash
readonly SETTINGS=/etc/homestash/environment
readonly UNIT=/etc/systemd/system/homestash.service
readonly COMMAND=/usr/local/bin/homestash
# The service is well when it says so this often in a row, once a pause; it gets so many chances.
readonly WELL_IN_A_ROW=3 PAUSE_SECONDS=2 CHANCES=45
# The one that runs, the one before it, and no more: each takes 150 MB.
readonly KEPT_RELEASES=2

# in_repository ARGUMENTS...: Git, as who owns the checkout: root would leave files there that its owner cannot change
in_repository() {
  local owner home
  owner=$(stat -c %U "$CHECKOUT")
  home=$(getent passwd "$owner" | cut -d: -f6)
  runuser -u "$owner" -- env HOME="$home" git -C "$CHECKOUT" "$@"
}

say() { printf '%s\n' "$*"; }
fail() { printf 'homestash: %s\n' "$*" >&2; exit 1; }

require_machine() {
  [ "$(id -u)" = 0 ] || fail "this changes the system: run it with sudo"
  [ -d /run/systemd/system ] || fail "systemd does not run here"
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) fail "there is no Node 24 for $(uname -m): a 64-bit system is needed" ;;
  esac
  [ "$(getconf LONG_BIT)" = 64 ] || fail "this system is a 32-bit one on a 64-bit machine: a 64-bit system is needed"
  local program
  for program in npm systemd-notify; do
    command -v "$program" >/dev/null || fail "$program is missing (Debian, Raspberry Pi OS: apt-get install npm)"
  done
}

# compile FOLDER: npm brings Node 24, whatever it runs on itself. Debian's npm 9 leaves its link in .bin out, so the
# program is started by a link of our own.
compile() {
  cd "$1" || return
  npm ci --no-audit --no-fund --loglevel=error &&
    ln -s "node_modules/node-linux-$(case $(uname -m) in aarch64) echo arm64 ;; *) echo x64 ;; esac)/bin/node" node &&
    PATH=$1/node_modules/.bin:$(dirname "$(realpath node)"):$PATH npm run --silent build &&
    npm prune --omit=dev --no-audit --no-fund --loglevel=error &&
    ./node script/lib/prune-modules.ts node_modules &&
    find dist -name '*.map' -delete
}

# build SOURCE NAME: makes a release from the sources in a folder; one that is there already stays
build() {
  local source=$1 name=$2 room=$RELEASES/.$2
  if [ -d "$RELEASES/$name" ]; then
    say "· $name is built already"
    return
  fi
  say "· building $name: packages, compiler, program (a few minutes on a small machine)"
  rm -rf "$room"
  mkdir -p "$room"
  cp -R "$source/." "$room/"
  if ! (compile "$room") >"$RELEASES/build.log" 2>&1; then
    tail -n 20 "$RELEASES/build.log" >&2
    rm -rf "$room"
    fail "$name could not be built; nothing was changed. The whole story: $RELEASES/build.log"
  fi
  find "$room" -mindepth 1 -maxdepth 1 ! -name dist ! -name node_modules ! -name node ! -name translations ! -name package.json \
    ! -name LICENSE ! -name deploy -exec rm -rf {} +
  chown -R root:root "$room"
  chmod -R u=rwX,go=rX "$room"
  mv -T "$room" "$RELEASES/$name"
}

# switch_to NAME: the service starts this release from now on
switch_to() {
  ln -sfn "$RELEASES/$1" "$CURRENT.new"
  mv -T "$CURRENT.new" "$CURRENT"
  install -m 0644 "$CURRENT/deploy/systemd/homestash.service" "$UNIT"
  install -m 0755 "$CURRENT/deploy/systemd/homestash" "$COMMAND"
  systemctl daemon-reload
}

# The name of the release that `current` leads to; nothing before the first installation
running_release() { [ ! -L "$CURRENT" ] || basename "$(readlink "$CURRENT")"; }

# start_well: starts the service, and tells whether it came up and stayed
start_well() {
  local chance row=0
  systemctl restart homestash || return 1
  for ((chance = 0; chance < CHANCES; chance++)); do
    if systemctl is-active --quiet homestash && "$COMMAND" health 2>/dev/null; then
      row=$((row + 1))
      [ "$row" -lt "$WELL_IN_A_ROW" ] || return 0
    else
      row=0
    fi
    sleep "$PAUSE_SECONDS"
  done
  return 1
}

# remove_old_releases: all but the newest ones; the one that runs always stays
remove_old_releases() {
  local running name count=0
  running=$(running_release)
  while IFS= read -r name; do
    count=$((count + 1))
    if [ "$count" -gt "$KEPT_RELEASES" ] && [ "$name" != "$running" ]; then rm -rf "${RELEASES:?}/$name"; fi
  done < <(find "$RELEASES" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %f\n' | sort -rn | cut -d' ' -f2-)
}
