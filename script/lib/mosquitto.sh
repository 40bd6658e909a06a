# The MQTT broker of the tests, and the clients that look over its shoulder: packages of the system.
# shellcheck shell=bash

readonly MOSQUITTO_PACKAGES='mosquitto mosquitto-clients'

have_mosquitto() {
  # Not in the PATH of those who are not root.
  local path=$PATH:/usr/sbin:/usr/local/sbin
  PATH=$path command -v mosquitto >/dev/null && PATH=$path command -v mosquitto_sub >/dev/null
}

apt_mosquitto() {
  # A machine that was never asked has no list of packages yet.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $MOSQUITTO_PACKAGES ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $MOSQUITTO_PACKAGES; }
}

make_mosquitto() {
  have_mosquitto || step 'mosquitto (apt)' apt_mosquitto
}

# install_mosquitto: afterwards mosquitto, mosquitto_pub and mosquitto_sub can be run, or status 77
install_mosquitto() {
  have_mosquitto && return
  local reason='this machine has none'
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    with_lock mosquitto make_mosquitto && return
    reason='apt could not bring it'
  fi
  say "mosquitto: left out, as $reason (Debian: apt-get install $MOSQUITTO_PACKAGES)"
  return "$STATUS_SKIPPED"
}
