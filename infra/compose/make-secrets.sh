#!/bin/sh
# Makes what compose.yaml needs and nobody may know: random passwords, keys and certificates in ./secrets, and .env. What is there stays.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
# The containers' users read these files, whatever their ids; the folder lets nobody else of this machine in.
chmod 700 secrets

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "secrets/$1" ] || cat >"secrets/$1"; }

[ -f .env ] || cp .env.example .env
for name in admin-key postgres-superuser postgres-password rabbitmq-password grafana-password; do
  random | keep "$name"
done
[ -s secrets/master.key ] || head -c 32 /dev/urandom >secrets/master.key
printf 'Host=postgres;Database=facesearch;Username=facesearch;Password=%s' "$(cat secrets/postgres-password)" | keep storage
printf 'default_user = facesearch\ndefault_pass = %s\n' "$(cat secrets/rabbitmq-password)" | keep rabbitmq-user.conf

[ -s secrets/azurite-accounts ] || printf 'facesearch:%s' "$(head -c 64 /dev/urandom | base64 | tr -d '\n')" >secrets/azurite-accounts
account=$(cat secrets/azurite-accounts)
printf 'DefaultEndpointsProtocol=http;AccountName=facesearch;AccountKey=%s;BlobEndpoint=http://azurite:10000/facesearch;TableEndpoint=http://azurite:10002/facesearch;' "${account#*:}" | keep storage-azure

for name in silo-1 silo-2 silo-3 gateway-1 gateway-2 training; do
  [ -s "secrets/tls/$name.pem" ] || sh ../scripts/make-cluster-certificates.sh secrets/tls "$name" >/dev/null
done
chmod 755 secrets/tls
find secrets -type f -exec chmod 444 {} +
chmod 400 secrets/tls/authority.key
echo 'The secrets are in ./secrets. Keep secrets/tls/authority.key elsewhere, and a copy of secrets/master.key: without it retained images are lost.'
