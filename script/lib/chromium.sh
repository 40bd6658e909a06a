# The browser in which the tests look at the page: a package of the system.
# shellcheck shell=bash

readonly CHROMIUM_PACKAGES='chromium fonts-dejavu-core'

have_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }

apt_chromium() {
  # A machine that was never asked has no list of packages yet.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $CHROMIUM_PACKAGES ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $CHROMIUM_PACKAGES; }
}

make_chromium() {
  have_chromium || step 'chromium (apt)' apt_chromium
}

# install_chromium: afterwards a browser can be run, or status 77
install_chromium() {
  have_chromium && return
  local reason='this machine has none'
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # dpkg takes one at a time, whatever is installed
    with_lock mosquitto make_chromium && return
    reason='apt could not bring it'
  fi
  say "chromium: left out, as $reason (Debian: apt-get install $CHROMIUM_PACKAGES)"
  return "$STATUS_SKIPPED"
}
