# uv and a CPython that is new enough for Home Assistant.
# shellcheck shell=bash

UV=$HOMESTASH_CACHE/uv-$UV_VERSION/bin/uv
# Beside the environments: files are then linked from the cache and not copied.
export UV_CACHE_DIR=$HOMESTASH_CACHE/uv-cache
export UV_PYTHON_INSTALL_DIR=$HOMESTASH_CACHE/pythons
PYTHON_FROM_MAVEN=$HOMESTASH_CACHE/python-$PYTHON_MAVEN_VERSION
# Set by find_python.
PYTHON=

python_is_new_enough() {
  "$1" -c "import ctypes, sqlite3, ssl, sys, venv
sys.exit(sys.version_info[:3] < tuple(map(int, '$PYTHON_MINIMUM'.split('.'))))" 2>/dev/null
}

install_uv() {
  [ -x "$UV" ] && return
  local room=$HOMESTASH_CACHE/building-uv
  rm -rf "$room"
  if ! step "uv $UV_VERSION" python3 -m pip install --disable-pip-version-check --target "$room" "uv==$UV_VERSION"; then
    rm -rf "$room"
    say "  Python 3 with pip is needed to set up Home Assistant (Debian: apt-get install python3-pip)"
    return 1
  fi
  rm -rf "${UV%/bin/uv}" && mv "$room" "${UV%/bin/uv}"
}

python_from_path() {
  local candidate
  while read -r candidate; do
    if python_is_new_enough "$candidate"; then
      PYTHON=$candidate
      return 0
    fi
  done < <(type -ap "python$PYTHON_SERIES" 2>/dev/null)
  return 1
}

python_from_uv() {
  local found
  found=$("$UV" python find --managed-python "$PYTHON_SERIES" 2>/dev/null) && python_is_new_enough "$found" || return 1
  PYTHON=$found
}

unpack_python_from_maven() {
  local platform source room=$HOMESTASH_CACHE/building-python
  case $(uname -m) in
    x86_64) platform=linux-x86_64 ;;
    aarch64) platform=linux-arm64 ;;
    *) echo "no such build for $(uname -m)"; return 1 ;;
  esac
  rm -rf "$room"
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    "-Dartifact=org.bytedeco:cpython:$PYTHON_MAVEN_VERSION:jar:$platform" "-DoutputDirectory=$room" &&
    python3 -m zipfile -e "$room/cpython-$PYTHON_MAVEN_VERSION-$platform.jar" "$room/unpacked" || return
  source=$room/unpacked/org/bytedeco/cpython/$platform
  # A zip archive opened this way forgets who may be executed.
  chmod -R +x "$source/bin" && rm -rf "$PYTHON_FROM_MAVEN" && mv "$source" "$PYTHON_FROM_MAVEN" && rm -rf "$room"
}

python_from_maven() {
  local python=$PYTHON_FROM_MAVEN/bin/python$PYTHON_SERIES
  if [ ! -x "$python" ]; then
    command -v mvn >/dev/null || return 1
    step "Python $PYTHON_MAVEN_VERSION from the Maven repository" unpack_python_from_maven || return
  fi
  python_is_new_enough "$python" && PYTHON=$python
}

# find_python: sets PYTHON. The machine's own first, then what an earlier run got, then what can be downloaded.
find_python() {
  install_uv || return
  python_from_path && return
  python_from_uv && return
  [ -x "$PYTHON_FROM_MAVEN/bin/python$PYTHON_SERIES" ] && python_from_maven && return
  # Not a failed step: some networks only reach package registries.
  say "  Python $PYTHON_SERIES: asking uv for it …"
  if "$UV" python install --no-bin -q "$PYTHON_SERIES" 2>/dev/null && python_from_uv; then
    say "  Python $PYTHON_SERIES: from uv"
    return
  fi
  python_from_maven && return
  say "  No Python $PYTHON_MINIMUM or newer could be had: install python$PYTHON_SERIES (with its venv module), and try again."
  return 1
}

# get_python: sets PYTHON; several environments may ask at once. The second search finds what the locked one brought.
get_python() { with_lock python find_python && find_python; }

# fresh_venv FOLDER: an empty environment, whatever was there before
fresh_venv() {
  rm -rf "$1"
  "$UV" venv -q --python "$PYTHON" "$1"
}

# venv_packages FOLDER: where its packages lie
venv_packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
