#!/bin/sh
# Runs once, when PostgreSQL makes its cluster: a role of its own for Temporal.
set -eu
password=$(cat /run/secrets/temporal_db_password)
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v password="$password" <<'SQL'
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'password';
REVOKE CONNECT ON DATABASE touchline FROM PUBLIC;
SQL
