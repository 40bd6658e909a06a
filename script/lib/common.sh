# Sourced by every script: where things are, how progress is told, and how two runs at once stay out of each other's way.
# shellcheck shell=bash

HOMESTASH_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HOMESTASH_CACHE=${HOMESTASH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/homestash}
mkdir -p "$HOMESTASH_CACHE/locks" "$HOMESTASH_CACHE/logs"
HOMESTASH_CACHE=$(cd "$HOMESTASH_CACHE" && pwd -P)
export HOMESTASH_ROOT HOMESTASH_CACHE

# npm brings Node 24 here; a machine's own Node may be older.
case ":$PATH:" in
  *":$HOMESTASH_ROOT/node_modules/.bin:"*) ;;
  *) export PATH="$HOMESTASH_ROOT/node_modules/.bin:$PATH" ;;
esac

# shellcheck source=versions.env
source "$HOMESTASH_ROOT/script/lib/versions.env"

# "Left out, and that may be fine": the status that test runners commonly use for it.
# shellcheck disable=SC2034
readonly STATUS_SKIPPED=77
# A quiet step longer than this looks as if it hung.
readonly HEARTBEAT_SECONDS=15
readonly LOG_TAIL_LINES=25

# say TEXT...: one line of progress
say() { printf '%s\n' "$*" >&2; }

# step TITLE COMMAND...: run it with its output in a log, tell the seconds it took; on failure show the end of the log.
step() {
  local title=$1 start=$SECONDS log heartbeat status=0
  shift
  log=$(mktemp "$HOMESTASH_CACHE/logs/step.XXXXXX")
  say "  $title …"
  # Descriptor 9 is the lock: whatever outlives an interrupted run must not hold it.
  ( trap 'exit 0' TERM
    while sleep "$HEARTBEAT_SECONDS" </dev/null >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
      say "  $title: $((SECONDS - start)) s so far …"
    done ) 9>&- &
  heartbeat=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  # TERM is delivered once its sleep ends, so it is not waited for.
  kill -KILL "$heartbeat" 2>/dev/null || true
  wait "$heartbeat" 2>/dev/null || true
  if [ "$status" = 0 ]; then
    say "  $title: $((SECONDS - start)) s"
    rm -f "$log"
  else
    say "  $title: FAILED after $((SECONDS - start)) s (status $status); the end of $log:"
    tail -n "$LOG_TAIL_LINES" "$log" | sed 's/^/    | /' >&2
  fi
  return "$status"
}

# with_lock NAME COMMAND...: one run at a time over all processes that share the cache
with_lock() {
  local name=$1
  shift
  (
    if ! flock -n 9; then
      say "  waiting for another run that is busy with $name …"
      flock 9
    fi
    "$@"
  ) 9>"$HOMESTASH_CACHE/locks/$name.lock"
}

# stamped FOLDER KEY: is the folder complete, and made from what KEY says?
stamped() { [ -f "$1/.homestash-stamp" ] && [ "$(<"$1/.homestash-stamp")" = "$2" ]; }

# stamp FOLDER KEY: written last, so that an interrupted installation is seen as none
stamp() { printf '%s\n' "$2" >"$1/.homestash-stamp"; }
