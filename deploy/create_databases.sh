#!/bin/sh
# Once, when the Postgres volume is new: the schema's owner, who makes the API's role, and the two databases.
set -eu
psql --set=ON_ERROR_STOP=1 --username postgres --set=password="$PYZN_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE pyzn LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE pyzn OWNER pyzn;
CREATE DATABASE dagster OWNER pyzn;
SQL
