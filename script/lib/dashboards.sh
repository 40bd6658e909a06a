# Programs of a home that keep configurations of their own, as the tests of devices run them: Node-RED, OctoPrint,
# ESPHome's Device Builder, and the dashboard that ESPHome had before.
# shellcheck shell=bash

NODE_RED=$HOMESTASH_CACHE/node-red-$NODE_RED_VERSION
readonly NODE_RED_KEY="node-red $NODE_RED_VERSION"
OCTOPRINT_VENV=$HOMESTASH_CACHE/octoprint-$OCTOPRINT_VERSION
readonly OCTOPRINT_KEY="octoprint $OCTOPRINT_VERSION"
ESPHOME_VENV=$HOMESTASH_CACHE/esphome-$ESPHOME_VERSION
readonly ESPHOME_KEY="esphome-device-builder $ESPHOME_DEVICE_BUILDER_VERSION esphome $ESPHOME_VERSION"
ESPHOME_LEGACY_VENV=$HOMESTASH_CACHE/esphome-$ESPHOME_LEGACY_VERSION
readonly ESPHOME_LEGACY_KEY="esphome $ESPHOME_LEGACY_VERSION"

npm_install_node_red() {
  rm -rf "$NODE_RED" && mkdir -p "$NODE_RED" && cd "$NODE_RED" &&
    npm install --prefix "$NODE_RED" --omit=optional --no-audit --no-fund "node-red@$NODE_RED_VERSION"
}

make_node_red() {
  stamped "$NODE_RED" "$NODE_RED_KEY" && return
  step "Node-RED $NODE_RED_VERSION" npm_install_node_red && stamp "$NODE_RED" "$NODE_RED_KEY"
}

# install_node_red: afterwards $NODE_RED/node_modules/node-red/red.js can be run by our Node, or status 77
install_node_red() {
  stamped "$NODE_RED" "$NODE_RED_KEY" && return
  if ! command -v npm >/dev/null; then
    say 'node-red: left out, as there is no npm'
    return "$STATUS_SKIPPED"
  fi
  with_lock node-red make_node_red
}

make_packages_venv() {
  local venv=$1 key=$2
  shift 2
  stamped "$venv" "$key" && return
  get_python || return
  step "a Python environment for $key" fresh_venv "$venv" &&
    step "$key" "$UV" pip install --python "$venv/bin/python" "$@" &&
    stamp "$venv" "$key"
}

# install_packages_venv NAME VENV KEY PACKAGE...: an environment with these, or status 77 where there is no pip
install_packages_venv() {
  local name=$1 venv=$2 key=$3
  shift
  stamped "$venv" "$key" && return
  if [ ! -x "$UV" ] && ! python3 -m pip --version >/dev/null 2>&1; then
    say "$name: left out, as there is no pip (Debian: apt-get install python3-pip)"
    return "$STATUS_SKIPPED"
  fi
  with_lock "$name" make_packages_venv "$@"
}

# install_octoprint: afterwards $OCTOPRINT_VENV/bin/octoprint can be run
install_octoprint() {
  install_packages_venv octoprint "$OCTOPRINT_VENV" "$OCTOPRINT_KEY" "octoprint==$OCTOPRINT_VERSION"
}

# install_esphome: afterwards $ESPHOME_VENV/bin/esphome-device-builder and $ESPHOME_LEGACY_VENV/bin/esphome can be run
install_esphome() {
  install_packages_venv esphome "$ESPHOME_VENV" "$ESPHOME_KEY" \
    "esphome-device-builder==$ESPHOME_DEVICE_BUILDER_VERSION" "esphome==$ESPHOME_VERSION" || return
  install_packages_venv esphome-legacy "$ESPHOME_LEGACY_VENV" "$ESPHOME_LEGACY_KEY" "esphome==$ESPHOME_LEGACY_VERSION"
}

ZIGBEE2MQTT=$HOMESTASH_CACHE/zigbee2mqtt-$ZIGBEE2MQTT_VERSION
readonly ZIGBEE2MQTT_KEY="zigbee2mqtt $ZIGBEE2MQTT_VERSION"

# Without the serial port, which it loads only for a real radio, and so without a compiler.
npm_install_zigbee2mqtt() {
  rm -rf "$ZIGBEE2MQTT" && mkdir -p "$ZIGBEE2MQTT" && cd "$ZIGBEE2MQTT" &&
    npm install --prefix "$ZIGBEE2MQTT" --ignore-scripts --omit=optional --no-audit --no-fund \
      "zigbee2mqtt@$ZIGBEE2MQTT_VERSION"
}

make_zigbee2mqtt() {
  stamped "$ZIGBEE2MQTT" "$ZIGBEE2MQTT_KEY" && return
  step "Zigbee2MQTT $ZIGBEE2MQTT_VERSION" npm_install_zigbee2mqtt && stamp "$ZIGBEE2MQTT" "$ZIGBEE2MQTT_KEY"
}

# install_zigbee2mqtt: afterwards $ZIGBEE2MQTT/node_modules/zigbee2mqtt/index.js can be run by our Node, or status 77
install_zigbee2mqtt() {
  stamped "$ZIGBEE2MQTT" "$ZIGBEE2MQTT_KEY" && return
  if ! command -v npm >/dev/null; then
    say 'zigbee2mqtt: left out, as there is no npm'
    return "$STATUS_SKIPPED"
  fi
  with_lock zigbee2mqtt make_zigbee2mqtt
}
