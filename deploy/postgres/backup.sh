#!/bin/sh
# Dumps the database pyzn into the current folder when the newest dump is PYZN_BACKUP_HOURS old, and keeps the newest
# PYZN_BACKUPS_KEPT. With `check`: fails if the newest dump is too old.
set -eu

newer_than() { # hours
    find . -maxdepth 1 -name 'pyzn-*.dump' -mmin "-$(($1 * 60))" | grep --quiet .
}

if [ "${1-}" = check ]; then
    newer_than $((PYZN_BACKUP_HOURS + 2)) # how long a dump may take
    exit
fi
while :; do
    if ! newer_than "$PYZN_BACKUP_HOURS"; then
        dump="pyzn-$(date -u +%Y-%m-%dT%H-%M-%SZ).dump"
        bash /deploy/postgres.sh pg_dump --format custom --file unfinished
        mv unfinished "$dump"
        ls -r pyzn-*.dump | tail -n +$((PYZN_BACKUPS_KEPT + 1)) | xargs --no-run-if-empty rm --
        echo "$dump: $(stat --format %s "$dump") bytes"
    fi
    sleep 60
done
