# Node 24 and the packages of package-lock.json, both through npm.
# shellcheck shell=bash

node_is_current() {
  # npm writes this file last: an interrupted installation has none.
  local done=$HOMESTASH_ROOT/node_modules/.package-lock.json
  [ -f "$done" ] && [ ! "$HOMESTASH_ROOT/package-lock.json" -nt "$done" ]
}

npm_ci() { cd "$HOMESTASH_ROOT" && npm ci --no-audit --no-fund; }

make_node() {
  node_is_current || step 'Node and its packages (npm ci)' npm_ci
}

# install_node: afterwards node_modules/.bin, which stands first in PATH, has Node 24
install_node() {
  node_is_current && return
  if ! command -v npm >/dev/null; then
    say 'npm is needed to set up everything else (Debian: apt-get install npm)'
    return 1
  fi
  with_lock node make_node
}
