#!/bin/bash
# Runs a program of PostgreSQL on PYZN_DATABASE_URL: postgres.sh pg_dump --format custom
# The password goes into its environment, because every user of the machine can read a program's arguments.
set -eu
url=$PYZN_DATABASE_URL
if [[ $url =~ ^([a-z0-9+]+://[^:/@?]*):([^@/?]*)@(.*)$ ]]; then
    url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
    password=${BASH_REMATCH[2]//\\/\\\\}
    PGPASSWORD=$(printf %b "${password//%/\\x}") # the URL has %40 for @
    export PGPASSWORD
elif [[ $url =~ [?\&]password= ]]; then
    echo "PYZN_DATABASE_URL: write the password as postgresql://USER:PASSWORD@HOST/DATABASE, not as ?password=" >&2
    exit 2
fi
exec "$@" --dbname "$url"
