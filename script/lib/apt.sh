# Programs that are packages of the system: a broker and its clients, an SSH server, rsync, a browser, Prometheus, age.
# shellcheck shell=bash

# Not in the PATH of those who are not root.
readonly SYSTEM_PATH=$PATH:/usr/sbin:/usr/local/sbin

have_mosquitto() { PATH=$SYSTEM_PATH command -v mosquitto >/dev/null && PATH=$SYSTEM_PATH command -v mosquitto_sub >/dev/null; }
have_openssh() { PATH=$SYSTEM_PATH command -v sshd >/dev/null && command -v ssh >/dev/null && command -v ssh-keygen >/dev/null; }
have_rsync() { command -v rsync >/dev/null; }
have_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
have_age() { command -v age >/dev/null; }
have_prometheus() { command -v prometheus >/dev/null && command -v promtool >/dev/null; }

apt_install() {
  # A machine that was never asked has no list of packages yet.
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
}

make_package() {
  local name=$1
  shift
  "have_$name" || step "$name (apt)" apt_install "$@"
}

# install_package NAME PACKAGE...: afterwards it can be run, or status 77
install_package() {
  local name=$1 reason='this machine has none'
  shift
  "have_$name" && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # dpkg takes one at a time, whatever is installed
    with_lock apt make_package "$name" "$@" && return
    reason='apt could not bring it'
  fi
  say "$name: left out, as $reason (Debian: apt-get install $*)"
  return "$STATUS_SKIPPED"
}

install_mosquitto() { install_package mosquitto mosquitto mosquitto-clients; }
install_openssh() { install_package openssh openssh-server openssh-client; }
install_rsync() { install_package rsync rsync; }
install_chromium() { install_package chromium chromium fonts-dejavu-core; }
install_age() { install_package age age; }
install_prometheus() { install_package prometheus prometheus; }
