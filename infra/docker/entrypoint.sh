#!/bin/sh
# Makes an environment variable of each file in the folders FACESEARCH_SECRETS (default /run/secrets/facesearch) whose name is one:
# the file Storage__ConnectionString becomes the variable Storage__ConnectionString. A variable that is set already wins.
set -eu
for file in "${FACESEARCH_SECRETS:-/run/secrets/facesearch}"/*; do
  name=${file##*/}
  case $name in [!A-Za-z_]* | *[!A-Za-z0-9_]*) continue ;; esac
  [ -f "$file" ] || continue
  eval "present=\${$name+yes}"
  [ -n "$present" ] || export "$name=$(cat "$file")"
done
exec "$@"
