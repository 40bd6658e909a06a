# Two environments for the tests of the shim: the newest Home Assistant that the test helpers know, and the oldest we support.
# shellcheck shell=bash

SHIM_TEST_VENV=$HOMESTASH_CACHE/shim-test-$SHIM_TEST_VERSION
SHIM_FLOOR_VENV=$HOMESTASH_CACHE/shim-floor-$SHIM_FLOOR_VERSION
# The shim's own dependencies, and what its tests set up around it.
readonly SHIM_INTEGRATIONS='backup http websocket_api diagnostics repairs persistent_notification mqtt hassio'
# The first version with a ready-made package for Python 3.14.
readonly SHIM_OVERRIDES="$UNCONSTRAINED>=1.4.1"

# shim_key VERSION: what an environment is made from
shim_key() { printf 'pytest-homeassistant-custom-component %s with %s, overriding %s' "$1" "$SHIM_INTEGRATIONS" "$SHIM_OVERRIDES"; }

make_shim_venv() {
  local name=$1 venv=$2 version=$3 key helpers
  key=$(shim_key "$version")
  stamped "$venv" "$key" && [ -x "$venv/bin/pytest" ] && return
  helpers=pytest-homeassistant-custom-component==$version
  say "Tests of the integration ($name, helpers $version)"
  get_python || return
  step 'a Python environment' fresh_venv "$venv" || return
  printf '%s\n' "$SHIM_OVERRIDES" >"$venv/overrides.txt"
  step 'Home Assistant and its test helpers' \
    "$UV" pip install --python "$venv/bin/python" --override "$venv/overrides.txt" "$helpers" &&
    step 'what its integrations require' \
      install_integrations "$venv" "$SHIM_INTEGRATIONS" --override "$venv/overrides.txt" "$helpers" &&
    stamp "$venv" "$key"
}

install_shim_venv() {
  stamped "$2" "$(shim_key "$3")" && [ -x "$2/bin/pytest" ] && return
  with_lock "$1" make_shim_venv "$@"
}

# install_shim_test: afterwards $SHIM_TEST_VENV/bin/pytest runs tests on a current Home Assistant
install_shim_test() { install_shim_venv shim-test "$SHIM_TEST_VENV" "$SHIM_TEST_VERSION"; }

# install_shim_floor: afterwards $SHIM_FLOOR_VENV/bin/pytest runs tests on the oldest supported Home Assistant
install_shim_floor() { install_shim_venv shim-floor "$SHIM_FLOOR_VENV" "$SHIM_FLOOR_VERSION"; }
