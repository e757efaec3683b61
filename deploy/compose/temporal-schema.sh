#!/bin/sh
# Makes or upgrades Temporal's two databases; safe to run again.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal_db_password)
export SQL_PASSWORD

tool() {
  database=$1
  shift
  temporal-sql-tool --plugin "$SQL_PLUGIN" --ep "$SQL_HOST" -p "$SQL_PORT" -u "$SQL_USER" \
    --db "$database" "$@"
}

schema=/etc/temporal/schema/postgresql/v12
for pair in temporal:temporal temporal_visibility:visibility; do
  tool "${pair%%:*}" create
  tool "${pair%%:*}" setup-schema -v 0.0
  tool "${pair%%:*}" update-schema -d "$schema/${pair##*:}/versioned"
done
