# Clients and parsers that others wrote, by which the simulators of devices and our own parsers are judged.
# shellcheck shell=bash

REFEREES_VENV=$HOMESTASH_CACHE/referees
readonly REFEREES_LIST=$HOMESTASH_ROOT/script/lib/referees.txt

# referees_key: what the environment is made from
referees_key() { printf 'Python %s, compiled, with %s' "$PYTHON_SERIES" "$(sort "$REFEREES_LIST" | tr '\n' ' ')"; }

compile_referees() {
  local packages
  packages=$(venv_packages "$REFEREES_VENV") || return
  # Some files are templates in no valid Python: what cannot be compiled is not what is imported.
  "$REFEREES_VENV/bin/python" -m compileall -q -j 0 "$packages" || true
}

make_referees() {
  local key
  key=$(referees_key)
  stamped "$REFEREES_VENV" "$key" && return
  say "Referees ($(grep -c . "$REFEREES_LIST") clients and parsers for devices)"
  get_python || return
  # Added to what is there: another checkout with another list may be running its tests at this moment.
  if ! python_is_new_enough "$REFEREES_VENV/bin/python"; then
    step 'a Python environment' fresh_venv "$REFEREES_VENV" || return
  fi
  step 'what is on their list' "$UV" pip install --python "$REFEREES_VENV/bin/python" -r "$REFEREES_LIST" &&
    step 'compiling it, as each test starts Python anew' compile_referees &&
    stamp "$REFEREES_VENV" "$key"
}

# install_referees: afterwards $REFEREES_VENV/bin/python imports all that script/lib/referees.txt lists
install_referees() {
  stamped "$REFEREES_VENV" "$(referees_key)" && return
  with_lock referees make_referees
}
