# Home Assistant itself, as the end-to-end tests and the demo run it; mypy and ruff live in the same environment,
# since the shim's types are Home Assistant's types.
# shellcheck shell=bash

HOME_ASSISTANT_VENV=$HOMESTASH_CACHE/home-assistant-$HOME_ASSISTANT_VERSION
HASS=$HOME_ASSISTANT_VENV/bin/hass
# What a start without default_config loads, and what our tests use on top.
readonly HOME_ASSISTANT_INTEGRATIONS='@default mqtt hassio zeroconf homeassistant persistent_notification isal diagnostics repairs'
readonly HOME_ASSISTANT_KEY="homeassistant $HOME_ASSISTANT_VERSION mypy $MYPY_VERSION ruff $RUFF_VERSION with $HOME_ASSISTANT_INTEGRATIONS"

# The one constraint that stands in the way: Home Assistant 2026.3 pins a version without a ready-made package for its own
# Python, so it would need a compiler. Later ones pin the same package in their dependencies anyway.
readonly UNCONSTRAINED=lru-dict

# install_integrations VENV INTEGRATIONS [PACKAGE...]: with the constraints of the Home Assistant that is in it,
# for many versions are pinned nowhere else
install_integrations() {
  local venv=$1 integrations=$2 packages
  shift 2
  packages=$(venv_packages "$venv") || return
  # shellcheck disable=SC2086
  "$venv/bin/python" "$HOMESTASH_ROOT/script/lib/integration_requirements.py" "$packages/homeassistant" $integrations \
    >"$venv/integration-requirements.txt" || return
  grep -v "^$UNCONSTRAINED=" "$packages/homeassistant/package_constraints.txt" >"$venv/constraints.txt" || return
  "$UV" pip install --python "$venv/bin/python" -c "$venv/constraints.txt" \
    -r "$venv/integration-requirements.txt" "$@"
}

compile_home_assistant() {
  local packages
  packages=$(venv_packages "$HOME_ASSISTANT_VENV") || return
  # Some files are templates in no valid Python: what cannot be compiled is not what Home Assistant imports.
  "$HOME_ASSISTANT_VENV/bin/python" -m compileall -q -j 0 "$packages/homeassistant" || true
}

make_home_assistant() {
  stamped "$HOME_ASSISTANT_VENV" "$HOME_ASSISTANT_KEY" && [ -x "$HASS" ] && return
  local wanted=homeassistant==$HOME_ASSISTANT_VERSION
  say "Home Assistant $HOME_ASSISTANT_VERSION"
  get_python || return
  step 'a Python environment' fresh_venv "$HOME_ASSISTANT_VENV" &&
    # Without its dependencies first: the constraints for them are in the package.
    step "homeassistant $HOME_ASSISTANT_VERSION" \
      "$UV" pip install --python "$HOME_ASSISTANT_VENV/bin/python" --no-deps "$wanted" &&
    step 'its requirements, mypy and ruff (about 150 packages)' \
      install_integrations "$HOME_ASSISTANT_VENV" "$HOME_ASSISTANT_INTEGRATIONS" "$wanted" \
      "mypy==$MYPY_VERSION" "ruff==$RUFF_VERSION" &&
    step 'compiling it, so that its first start is as quick as the others' compile_home_assistant &&
    stamp "$HOME_ASSISTANT_VENV" "$HOME_ASSISTANT_KEY"
}

# install_home_assistant: sets nothing; afterwards $HASS and $HOME_ASSISTANT_VENV/bin/{python,mypy,ruff} can be run
install_home_assistant() {
  stamped "$HOME_ASSISTANT_VENV" "$HOME_ASSISTANT_KEY" && [ -x "$HASS" ] && return
  with_lock home-assistant make_home_assistant
}
