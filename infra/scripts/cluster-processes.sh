# Processes, ports and settings of cluster.sh, which reads this file. Not to be run by itself.
# shellcheck shell=sh
# A process is known by its number and the moment it began (/proc/N/stat, field 22), so that a number used again is not mistaken for it.

say() { echo "cluster: $*" >&2; }

die() { # code text
  code=$1
  shift
  say "$*"
  exit "$code"
}

need() { command -v "$1" >/dev/null || die 3 "$2 is not installed."; }

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# The value of a setting whose name is computed.
value() { eval "printf %s \"\${$1-}\""; }

# Sets a setting, unless cluster.env has it, and writes it there.
keep() { # name value
  grep -q "^$1=" "$settings" && return 0
  printf "%s='%s'\n" "$1" "$2" >>"$settings"
  eval "$1=\$2"
}

keep_port() { # name
  [ -n "$(value "$1")" ] || keep "$1" "$(free_port)"
}

# A port below the range that the system gives to outgoing connections, in no use, and not promised to another part of this cluster.
free_port() {
  while :; do
    candidate=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
    grep -qs ":$(printf %04X "$candidate") [0-9A-F]*:[0-9A-F]* " /proc/net/tcp /proc/net/tcp6 && continue
    grep -q "_PORT='$candidate'" "$settings" && continue
    echo "$candidate"
    return 0
  done
}

listening() { grep -qs ":$(printf %04X "$1") [0-9A-F]*:[0-9A-F]* 0A " /proc/net/tcp /proc/net/tcp6; }

ready() { curl -fs -o /dev/null --max-time 5 "$1/health/ready"; }

postgres_binaries() {
  for candidate in /usr/lib/postgresql/*/bin; do [ ! -x "$candidate/initdb" ] || newest=$candidate; done
  echo "${newest:-}"
}

azurite_script() { echo "${FACESEARCH_AZURITE:-$HOME/.cache/facesearch/azurite}/node_modules/azurite/dist/src/azurite.js"; }

rabbitmq_script() {
  for candidate in /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server; do [ ! -f "$candidate" ] || { echo "$candidate"; return 0; }; done
}

# PostgreSQL refuses to run as root: it runs as the user that Debian's package made.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid postgres --regid postgres --init-groups "$@"); else "$@"; fi
}

own_postgres() {
  [ "$(id -u)" = 0 ] || return 0
  chown postgres "$@"
  as_postgres test -r "$1" || die 1 "The user postgres cannot reach $1: choose a --folder whose parents everybody may pass (chmod o+x)."
}

# Starts a command in a session of its own, with its output in logs/NAME.log and its number in run/NAME.pid.
launch() { # name command...
  launched=$1
  shift
  rm -f "$folder/run/$launched.pid"
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid sh -c 'echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d" " -f20)" >"$0.new" && mv "$0.new" "$0.pid" && exec "$@"' \
    "$folder/run/$launched" "$@" </dev/null >>"$folder/logs/$launched.log" 2>&1 9>&- &
  tries=0
  until [ -s "$folder/run/$launched.pid" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || die 1 "$launched could not be started."
    sleep 0.05
  done
  echo "$launched" >>"$folder/run/begun"
}

launch_postgres() {
  launched=$1
  shift
  if [ "$(id -u)" = 0 ]; then launch "$launched" setpriv --reuid postgres --regid postgres --init-groups "$@"; else launch "$launched" "$@"; fi
}

# Whether the process runs; sets pid.
alive() { # name
  pid='' born=''
  [ -s "$folder/run/$1.pid" ] && read -r pid born <"$folder/run/$1.pid" || return 1
  # shellcheck disable=SC2046 # the fields are words
  set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
  [ $# -ge 20 ] && [ "$1" != Z ] && [ "$1" != X ] && [ "${20}" = "$born" ]
}

# Waits until a command succeeds; gives up when the process ends or after FACESEARCH_START_LIMIT seconds (300).
wait_for() { # name command...
  awaited=$1
  shift
  until_time=$(($(date +%s) + ${FACESEARCH_START_LIMIT:-300}))
  until "$@" 9>&-; do
    if ! alive "$awaited"; then
      tail -n 20 "$folder/logs/$awaited.log" >&2
      die 1 "$awaited ended."
    fi
    if [ "$(date +%s)" -ge "$until_time" ]; then
      tail -n 20 "$folder/logs/$awaited.log" >&2
      die 1 "$awaited is not ready in time."
    fi
    sleep 0.2
  done
}

# All that was ever started here, the newest kind first: workers, gateways, silos, then what they use.
names() {
  for kind in training prometheus gateway- silo- rabbitmq rabbitmq-mapper azurite postgres; do
    for file in "$folder/run/$kind".pid "$folder/run/$kind"[0-9]*.pid; do
      [ ! -f "$file" ] || basename "$file" .pid
    done
  done
}

full_name() { case $1 in '' | *[!0-9]*) echo "$1" ;; *) echo "silo-$1" ;; esac; }

# A session's group gets the signal: RabbitMQ is a script and a node.
send() { kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null || :; }

gone() { ! alive "$1"; }

await_end() { # name seconds
  end_time=$(($(date +%s) + $2))
  until gone "$1"; do
    [ "$(date +%s)" -lt "$end_time" ] || return 1
    sleep 0.1
  done
}

stop_one() { # name
  if alive "$1"; then
    case $1 in postgres) send INT "$pid" ;; *) send TERM "$pid" ;; esac
    send CONT "$pid"
    await_end "$1" 45 || { say "$1 did not end in 45 s and is killed"; alive "$1" && send KILL "$pid"; await_end "$1" 10 || die 1 "$1 does not end."; }
  fi
  rm -f "$folder/run/$1.pid"
}

stop_all() {
  for one in $(names); do stop_one "$one"; done
  rm -f "$folder/run/begun"
}

# After a start that failed: ends what it began, and nothing else.
undo() {
  failed=$?
  trap - EXIT
  [ ! -f "$folder/run/begun" ] || for one in $(names); do ! grep -qx "$one" "$folder/run/begun" || stop_one "$one"; done
  rm -f "$folder/run/begun"
  exit "$failed"
}

open_folder() {
  [ -f "$folder/cluster.env" ] || die 1 "There is no cluster in $folder."
  folder=$(cd "$folder" && pwd)
  settings=$folder/cluster.env
  # shellcheck disable=SC1090
  . "$settings"
}

lock() {
  exec 9>"$folder/lock"
  flock -w 300 9 || die 1 "Another start or stop is at work in $folder."
}

kill_one() { # name signal
  killed=$(full_name "$1")
  alive "$killed" || die 1 "'$1' does not run here; these do: $(names | tr '\n' ' ')"
  send "$2" "$pid"
  [ "$2" != KILL ] || await_end "$killed" 10 || die 1 "$killed does not end."
}

address() { # name
  case $1 in
    silo-*) value "SILO_${1#silo-}_URL" ;;
    gateway-*) value "GATEWAY_${1#gateway-}_URL" ;;
    azurite) echo "http://127.0.0.1:$AZURITE_BLOB_PORT" ;;
    postgres) echo "127.0.0.1:$POSTGRES_PORT" ;;
    rabbitmq) echo "127.0.0.1:$RABBITMQ_PORT" ;;
    prometheus) echo "http://127.0.0.1:$PROMETHEUS_PORT" ;;
  esac
}

status() {
  all=0
  [ -n "$(names)" ] || all=1
  for one in $(names); do
    where=$(address "$one")
    if ! alive "$one"; then
      state=dead all=1
    else
      state=running
      case $one in silo-* | gateway-*) if ready "$where"; then state=ready; else state='not ready' all=1; fi ;; esac
    fi
    printf '%-16s %-10s %-8s %s\n' "$one" "$state" "$pid" "$where"
  done
  return "$all"
}
