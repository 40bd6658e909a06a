# The S3 servers of the tests, compiled from their public sources. Without Go they are left out with status 77.
# shellcheck shell=bash

# Another Go than the one in PATH, or one that is not there: what is compiled with it can be left out.
GO=${HOMESTASH_GO:-go}
VERSITYGW=$HOMESTASH_CACHE/bin/versitygw-$VERSITYGW_VERSION
RCLONE=$HOMESTASH_CACHE/bin/rclone-$RCLONE_VERSION

go_install() {
  local room=$1 package=$2
  # A folder of its own: the person's modules are none of our business, and what a build leaves behind is over a gigabyte.
  GOPATH=$room/path GOCACHE=$room/cache GOBIN=$room/bin GOFLAGS='-modcacherw -trimpath' CGO_ENABLED=0 \
    nice -n 5 "$GO" install -ldflags='-s -w' "$package"
}

make_go_program() {
  local name=$1 target=$2 package=$3 room status=0
  [ -x "$target" ] && return
  # Under the lock, so a folder that is there is what an interrupted run left.
  room=$HOMESTASH_CACHE/building-$name
  rm -rf "$room" && mkdir -p "$room" || return
  step "$name ${package##*@v}, compiled with Go" go_install "$room" "$package" || status=$?
  if [ "$status" = 0 ]; then
    mkdir -p "${target%/*}" && mv "$room/bin/$name" "$target" || status=$?
  fi
  rm -rf "$room"
  return "$status"
}

install_go_program() {
  local name=$1 target=$2
  [ -x "$target" ] && return
  if ! command -v "$GO" >/dev/null; then
    say "$name: left out, as there is no Go on this machine"
    return "$STATUS_SKIPPED"
  fi
  with_lock "$name" make_go_program "$@"
}

# install_versitygw: afterwards $VERSITYGW can be run, or status 77 without Go
install_versitygw() {
  install_go_program versitygw "$VERSITYGW" "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW_VERSION"
}

# install_rclone: afterwards $RCLONE can be run, or status 77 without Go
install_rclone() {
  install_go_program rclone "$RCLONE" "github.com/rclone/rclone@v$RCLONE_VERSION"
}
