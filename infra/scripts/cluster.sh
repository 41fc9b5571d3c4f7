#!/bin/sh
# A FaceSearch cluster as plain processes on this machine, from Debian's packages and the built programs: a private PostgreSQL, a
# private RabbitMQ node, silos, gateways; all on free loopback ports, with everything in one folder.
#   cluster.sh start [--silos N] [--gateways M] [--azurite] [--training] [--prometheus] [--no-tls] [--folder FOLDER]
#   cluster.sh stop [--delete]         stops all; --delete removes the folder too
#   cluster.sh status                  exit code 0: all of it runs and is ready
#   cluster.sh kill NAME [SIGNAL]      KILL by default; NAME is a silo's number, or a name that status lists
#   cluster.sh logs [NAME]
# `start` is idempotent: it starts what is missing, such as what `kill` killed. What tests need (ports, addresses, keys) is in
# FOLDER/cluster.env. FOLDER: --folder, else FACESEARCH_CLUSTER, else ./facesearch-cluster.
# --azurite: an Azure storage account, played by Azurite (infra/scripts/install-azurite.sh), instead of PostgreSQL; for good in that folder.
# FACESEARCH_SILO_DLL, FACESEARCH_TRAINING_DLL: the programs, by default those built in Release beside this script. Other variables are
# handed on: Cluster__ProbeTimeout=00:00:01 cluster.sh start. Exit code 3: something is not installed.
set -eu
umask 077
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=infra/scripts/cluster-processes.sh disable=SC1091
. "$root/infra/scripts/cluster-processes.sh"

usage() { sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

silos=3 gateways=2 training=no prometheus=no tls=yes azurite=no delete=no name='' signal=KILL
folder=${FACESEARCH_CLUSTER:-facesearch-cluster}
[ $# -ge 1 ] || usage
command=$1
shift
while [ $# -gt 0 ]; do
  case $1 in
    --silos) silos=${2:?--silos N}; shift ;;
    --gateways) gateways=${2:?--gateways M}; shift ;;
    --folder) folder=${2:?--folder FOLDER}; shift ;;
    --training) training=yes ;;
    --prometheus) prometheus=yes ;;
    --azurite) azurite=yes ;;
    --no-tls) tls=no ;;
    --delete) delete=yes ;;
    -*) usage ;;
    *) if [ -z "$name" ]; then name=$1; else signal=$1; fi ;;
  esac
  shift
done
case $silos$gateways in *[!0-9]*) usage ;; esac
[ "$silos" -ge 1 ] || usage

silo_dll=${FACESEARCH_SILO_DLL:-$root/Silo/bin/Release/net10.0/FaceSearch.Silo.dll}
training_dll=${FACESEARCH_TRAINING_DLL:-$root/TrainingJob/bin/Release/net10.0/FaceSearch.TrainingJob.dll}

prepare() {
  need dotnet 'the .NET 10 runtime'
  need curl curl
  [ -f "$silo_dll" ] || die 3 "There is no $silo_dll: dotnet build -c Release Silo, or set FACESEARCH_SILO_DLL."
  mkdir -p "$folder/run" "$folder/logs" "$folder/secrets" "$folder/models"
  folder=$(cd "$folder" && pwd)
  chmod 711 "$folder"
  settings=$folder/cluster.env
  [ -f "$settings" ] || : >"$settings"
  exec 9>"$folder/lock"
  flock -w 300 9 || die 1 "Another start or stop is at work in $folder."
  # shellcheck disable=SC1090
  . "$settings"
  rm -f "$folder/run/begun"
  keep CLUSTER_FOLDER "$folder"
  keep FACESEARCH_KEY "$(secret)"
  if [ "$azurite" = yes ]; then keep CLUSTER_STORAGE Azure; else keep CLUSTER_STORAGE Postgres; fi
  if [ "$CLUSTER_STORAGE" = Azure ]; then
    need node Node.js
    [ -f "$(azurite_script)" ] || die 3 'Azurite is not installed: infra/scripts/install-azurite.sh'
  else
    [ "$azurite" = no ] || die 2 "The cluster in $folder has its data in PostgreSQL: choose another --folder."
    [ -n "$(postgres_binaries)" ] || die 3 'PostgreSQL is not installed: apt-get install postgresql.'
  fi
  [ -f "$folder/secrets/master.key" ] || head -c 32 /dev/urandom >"$folder/secrets/master.key"
  printf %s "$FACESEARCH_KEY" >"$folder/secrets/admin-key"
}

certificates() { # name
  [ "$tls" = yes ] || return 0
  [ -f "$folder/secrets/tls/$1.pem" ] || sh "$root/infra/scripts/make-cluster-certificates.sh" "$folder/secrets/tls" "$1" >/dev/null
}

start_storage() {
  if [ "$CLUSTER_STORAGE" = Azure ]; then start_azurite; else start_postgres; fi
}

storage_ready() {
  if [ "$CLUSTER_STORAGE" = Azure ]; then
    wait_for azurite listening "$AZURITE_BLOB_PORT"
    wait_for azurite listening "$AZURITE_TABLE_PORT"
  else
    apply_schema
  fi
}

start_azurite() {
  keep_port AZURITE_BLOB_PORT
  keep_port AZURITE_QUEUE_PORT
  keep_port AZURITE_TABLE_PORT
  keep AZURITE_KEY "$(secret | base64 | tr -d '\n')"
  account="AccountName=facesearch;AccountKey=$AZURITE_KEY;BlobEndpoint=http://127.0.0.1:$AZURITE_BLOB_PORT/facesearch;TableEndpoint=http://127.0.0.1:$AZURITE_TABLE_PORT/facesearch"
  keep Storage__ConnectionString "DefaultEndpointsProtocol=http;$account;"
  alive azurite && return 0
  (
    export AZURITE_ACCOUNTS="facesearch:$AZURITE_KEY"
    launch azurite node "$(azurite_script)" --silent --location "$folder/azurite" --blobHost 127.0.0.1 --blobPort "$AZURITE_BLOB_PORT" --queueHost 127.0.0.1 \
      --queuePort "$AZURITE_QUEUE_PORT" --tableHost 127.0.0.1 --tablePort "$AZURITE_TABLE_PORT" --skipApiVersionCheck --disableTelemetry
  )
}

start_postgres() {
  keep_port POSTGRES_PORT
  keep POSTGRES_PASSWORD "$(secret)"
  keep Storage__ConnectionString "Host=127.0.0.1;Port=$POSTGRES_PORT;Username=facesearch;Password=$POSTGRES_PASSWORD;Database=facesearch;Timeout=15"
  alive postgres && return 0
  binaries=$(postgres_binaries)
  data=$folder/postgres
  if [ ! -f "$data/facesearch-initialised" ]; then
    rm -rf "$data"
    mkdir -p "$data"
    printf %s "$POSTGRES_PASSWORD" >"$data.password"
    own_postgres "$data" "$data.password"
    as_postgres "$binaries/initdb" -D "$data" -U facesearch -A scram-sha-256 --pwfile "$data.password" -E UTF8 --no-locale --data-checksums >>"$folder/logs/postgres.log" 2>&1 9>&- ||
      { tail -n 20 "$folder/logs/postgres.log" >&2; die 1 'initdb failed.'; }
    rm -f "$data.password"
    : >"$data/facesearch-initialised"
  fi
  launch_postgres postgres "$binaries/postgres" -D "$data" -p "$POSTGRES_PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c shared_buffers=64MB
}

apply_schema() {
  wait_for postgres "$(postgres_binaries)/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT"
  PGPASSWORD=$POSTGRES_PASSWORD "$(postgres_binaries)/psql" -h 127.0.0.1 -p "$POSTGRES_PORT" -U facesearch -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'facesearch'" 9>&- | grep -q 1 ||
    PGPASSWORD=$POSTGRES_PASSWORD "$(postgres_binaries)/createdb" -h 127.0.0.1 -p "$POSTGRES_PORT" -U facesearch facesearch 9>&-
  Storage__ConnectionString=$Storage__ConnectionString dotnet "$silo_dll" database apply >>"$folder/logs/schema.log" 2>&1 9>&- ||
    { tail -n 20 "$folder/logs/schema.log" >&2; die 1 'The schema could not be applied.'; }
}

start_rabbitmq() {
  script=$(rabbitmq_script)
  [ -n "$script" ] || { say 'RabbitMQ is not installed (apt-get install rabbitmq-server): messages stay in memory.'; return 0; }
  keep_port RABBITMQ_PORT
  keep_port RABBITMQ_MAPPER_PORT
  keep_port RABBITMQ_DISTRIBUTION_PORT
  keep RABBITMQ_USER facesearch
  keep RABBITMQ_PASSWORD "$(secret)"
  mkdir -p "$folder/rabbitmq/home"
  printf 'listeners.tcp.1 = 127.0.0.1:%s\ndefault_user = %s\ndefault_pass = %s\n' "$RABBITMQ_PORT" "$RABBITMQ_USER" "$RABBITMQ_PASSWORD" >"$folder/rabbitmq/rabbitmq.conf"
  echo '[].' >"$folder/rabbitmq/plugins"
  printf %s "$RABBITMQ_PASSWORD" >"$folder/secrets/rabbitmq-password"
  alive rabbitmq-mapper || launch rabbitmq-mapper epmd -port "$RABBITMQ_MAPPER_PORT" -address 127.0.0.1
  alive rabbitmq && return 0
  (
    export HOME="$folder/rabbitmq/home" ERL_EPMD_PORT="$RABBITMQ_MAPPER_PORT"
    export RABBITMQ_NODENAME="facesearch$RABBITMQ_PORT@localhost" RABBITMQ_DIST_PORT="$RABBITMQ_DISTRIBUTION_PORT"
    export RABBITMQ_SERVER_START_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
    export RABBITMQ_MNESIA_BASE="$folder/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$folder/logs" RABBITMQ_PID_FILE="$folder/rabbitmq/pid"
    export RABBITMQ_CONFIG_FILE="$folder/rabbitmq/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/rabbitmq/plugins"
    launch rabbitmq sh "$script"
  )
}

# What silos and gateways have in common; in a subshell, so that no command line shows a secret.
server_settings() { # name http-port
  export ASPNETCORE_URLS="http://127.0.0.1:$2" Silo__DataFolder="$folder/data/$1" FACESEARCH_MODELS="${FACESEARCH_MODELS:-$folder/models}"
  export Silo__RetentionKeyFile="$folder/secrets/master.key" FACESEARCH_ADMIN_KEY="$FACESEARCH_KEY"
  export Storage__Provider="$CLUSTER_STORAGE" Storage__ConnectionString Cluster__Provider="$CLUSTER_STORAGE"
  if [ -n "${RABBITMQ_PORT:-}" ]; then
    export Messaging__Transport=RabbitMq Messaging__Host=127.0.0.1 Messaging__Port="$RABBITMQ_PORT"
    export Messaging__Username="$RABBITMQ_USER" Messaging__PasswordFile="$folder/secrets/rabbitmq-password"
  fi
  if [ "$tls" = yes ]; then
    export Cluster__Tls__Certificate="$folder/secrets/tls/$1.pem" Cluster__Tls__Key="$folder/secrets/tls/$1.key" Cluster__Tls__Authority="$folder/secrets/tls/authority.pem"
  fi
  mkdir -p "$folder/data/$1"
}

start_silo() { # number
  keep_port "SILO_$1_HTTP_PORT"
  keep_port "SILO_$1_SILO_PORT"
  keep_port "SILO_$1_CLIENT_PORT"
  keep "SILO_$1_URL" "http://127.0.0.1:$(value "SILO_$1_HTTP_PORT")"
  alive "silo-$1" && return 0
  certificates "silo-$1"
  (
    server_settings "silo-$1" "$(value "SILO_$1_HTTP_PORT")"
    # shellcheck disable=SC2030,SC2031
    export Silo__Role=Silo Cluster__AdvertisedAddress=127.0.0.1
    Cluster__SiloPort=$(value "SILO_$1_SILO_PORT") Cluster__GatewayPort=$(value "SILO_$1_CLIENT_PORT")
    export Cluster__SiloPort Cluster__GatewayPort
    launch "silo-$1" dotnet "$silo_dll"
  )
}

start_gateway() { # number
  keep_port "GATEWAY_$1_HTTP_PORT"
  keep "GATEWAY_$1_URL" "http://127.0.0.1:$(value "GATEWAY_$1_HTTP_PORT")"
  alive "gateway-$1" && return 0
  certificates "gateway-$1"
  (
    server_settings "gateway-$1" "$(value "GATEWAY_$1_HTTP_PORT")"
    # shellcheck disable=SC2030,SC2031
    export Silo__Role=Gateway
    launch "gateway-$1" dotnet "$silo_dll"
  )
}

start_training() {
  [ -f "$training_dll" ] || die 3 "There is no $training_dll: dotnet build -c Release TrainingJob, or set FACESEARCH_TRAINING_DLL."
  alive training && return 0
  certificates training
  set -- work --server "$FACESEARCH_SERVER" --runs "$folder/training/runs" --models "$folder/training/models" --name cluster
  i=1
  while [ "$i" -le "$silos" ]; do set -- "$@" --silo "127.0.0.1:$(value "SILO_${i}_CLIENT_PORT")"; i=$((i + 1)); done
  [ "$tls" = no ] || set -- "$@" --certificate "$folder/secrets/tls/training.pem" --certificate-key "$folder/secrets/tls/training.key" --authority "$folder/secrets/tls/authority.pem"
  ( export FACESEARCH_KEY; launch training dotnet "$training_dll" "$@" )
}

start_prometheus() {
  command -v prometheus >/dev/null || { say 'Prometheus is not installed (apt-get install prometheus): left out.'; return 0; }
  keep_port PROMETHEUS_PORT
  alive prometheus && return 0
  mkdir -p "$folder/prometheus"
  {
    printf 'global: { scrape_interval: 5s }\nscrape_configs:\n  - job_name: facesearch\n    authorization: { credentials_file: "%s" }\n    static_configs:\n' "$folder/secrets/admin-key"
    sed -n "s/^\(SILO\|GATEWAY\)_\([0-9]*\)_HTTP_PORT='\(.*\)'/      - { targets: [\"127.0.0.1:\3\"], labels: { role: \"\1\", number: \"\2\" } }/p" "$settings"
  } >"$folder/prometheus/prometheus.yml"
  launch prometheus prometheus --config.file="$folder/prometheus/prometheus.yml" --storage.tsdb.path="$folder/prometheus/data" --web.listen-address="127.0.0.1:$PROMETHEUS_PORT"
}

each() { # how-many function
  n=1
  while [ "$n" -le "$1" ]; do "$2" "$n"; n=$((n + 1)); done
}

silo_ready() { wait_for "silo-$1" ready "$(value "SILO_$1_URL")"; }
gateway_ready() { wait_for "gateway-$1" ready "$(value "GATEWAY_$1_URL")"; }

start() {
  prepare
  [ "$tls" = no ] || command -v openssl >/dev/null || { say 'openssl is not installed: the Orleans ports are not encrypted.'; tls=no; }
  trap undo EXIT
  trap 'exit 130' INT TERM
  start_storage
  start_rabbitmq
  storage_ready
  [ -z "${RABBITMQ_PORT:-}" ] || wait_for rabbitmq listening "$RABBITMQ_PORT"
  each "$silos" start_silo
  each "$silos" silo_ready
  each "$gateways" start_gateway
  each "$gateways" gateway_ready
  keep FACESEARCH_SERVER "${GATEWAY_1_URL:-$SILO_1_URL}"
  [ "$training" = no ] || start_training
  [ "$prometheus" = no ] || start_prometheus
  trap - EXIT
  say "$FACESEARCH_SERVER is ready; the key is FACESEARCH_KEY in $settings"
}

case $command in
  start) start ;;
  stop) open_folder; lock; stop_all; [ "$delete" = no ] || rm -rf "$folder" ;;
  status) open_folder; status ;;
  kill) open_folder; kill_one "$name" "$signal" ;;
  logs) open_folder; if [ -n "$name" ]; then cat "$folder/logs/$(full_name "$name").log"; else tail -n 20 "$folder"/logs/*.log; fi ;;
  *) usage ;;
esac
