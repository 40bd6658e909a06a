# The S3 servers of the tests and the S3 clients of the benchmarks, compiled from their public sources. What the machine
# has no compiler for is left out with status 77. Garage, MinIO and mc are under the AGPL: they are run as programs of
# their own, and nothing of them is linked or shipped.
# shellcheck shell=bash

# Another Go or Cargo than the one in PATH, or one that is not there: what is compiled with it can be left out.
GO=${HOMESTASH_GO:-go}
CARGO=${HOMESTASH_CARGO:-cargo}
VERSITYGW=$HOMESTASH_CACHE/bin/versitygw-$VERSITYGW_VERSION
RCLONE=$HOMESTASH_CACHE/bin/rclone-$RCLONE_VERSION
MINIO=$HOMESTASH_CACHE/bin/minio-$MINIO_VERSION
GARAGE=$HOMESTASH_CACHE/bin/garage-$GARAGE_VERSION
MC=$HOMESTASH_CACHE/bin/mc-$MC_VERSION

go_install() {
  local room=$1 package=$2
  # A folder of its own: the person's modules are none of our business, and what a build leaves behind is over a gigabyte.
  GOPATH=$room/path GOCACHE=$room/cache GOBIN=$room/bin GOFLAGS='-modcacherw -trimpath' CGO_ENABLED=0 \
    nice -n 10 "$GO" install -ldflags='-s -w' "$package"
}

cargo_install() {
  local room=$1 package=$2 home=${CARGO_HOME:-$HOME/.cargo} name
  mkdir -p "$room/cargo" || return
  # Only how crates are reached on this machine is taken over.
  for name in config.toml config; do
    [ ! -f "$home/$name" ] || cp "$home/$name" "$room/cargo/" || return
  done
  CARGO_HOME=$room/cargo CARGO_TARGET_DIR=$room/target CARGO_PROFILE_RELEASE_STRIP=true \
    nice -n 10 "$CARGO" install --locked --root "$room" "$package"
}

make_program() {
  local name=$1 target=$2 package=$3 compiler=$4 room status=0
  [ -x "$target" ] && return
  # Under the lock, so a folder that is there is what an interrupted run left.
  room=$HOMESTASH_CACHE/building-$name
  rm -rf "$room" && mkdir -p "$room" || return
  step "$name ${package##*@}, compiled with $compiler" "${compiler,}_install" "$room" "$package" || status=$?
  if [ "$status" = 0 ]; then
    mkdir -p "${target%/*}" && mv "$room/bin/$name" "$target" || status=$?
  fi
  rm -rf "$room"
  return "$status"
}

# install_program NAME TARGET PACKAGE Go|Cargo
install_program() {
  local name=$1 target=$2 compiler=$4 command=$GO
  [ -x "$target" ] && return
  [ "$compiler" = Go ] || command=$CARGO
  if ! command -v "$command" >/dev/null; then
    say "$name: left out, as there is no $compiler on this machine"
    return "$STATUS_SKIPPED"
  fi
  with_lock "$name" make_program "$@"
}

# install_versitygw: afterwards $VERSITYGW can be run, or status 77 without Go
install_versitygw() {
  install_program versitygw "$VERSITYGW" "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW_VERSION" Go
}

# install_rclone: afterwards $RCLONE can be run, or status 77 without Go
install_rclone() {
  install_program rclone "$RCLONE" "github.com/rclone/rclone@v$RCLONE_VERSION" Go
}

# install_minio: afterwards $MINIO can be run, or status 77 without Go
install_minio() {
  install_program minio "$MINIO" "github.com/minio/minio@v$MINIO_VERSION" Go
}

# install_garage: afterwards $GARAGE can be run, or status 77 without Cargo
install_garage() {
  install_program garage "$GARAGE" "garage@$GARAGE_VERSION" Cargo
}

# install_mc: afterwards $MC can be run, or status 77 without Go
install_mc() {
  install_program mc "$MC" "github.com/minio/mc@v$MC_VERSION" Go
}
