#!/bin/sh
# Run once by the image, on an empty data folder: a database and its owner, which is no superuser.
set -eu
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --set=password="$(cat /run/secrets/postgres-password)" <<'SQL'
CREATE ROLE facesearch LOGIN PASSWORD :'password';
CREATE DATABASE facesearch OWNER facesearch ENCODING 'UTF8' TEMPLATE template0;
SQL
