#!/usr/bin/env bash
# `make test-kubernetes`: the demo in a new cluster of kind. Backfills 35 days while runs, code, daemon and Postgres are
# killed, cancels a backfill, rolls the API under requests, and verifies every day. Needs docker and kind; exits with 1 at
# the first thing that is not so. The images stay.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH # its kubectl
KUBECONFIG=$(mktemp)
export KUBECONFIG
cluster=pyzn-test
first=$(date --utc --date "35 days ago" +%F) last=$(date --utc --date yesterday +%F) # the emulator's sample
runs=app.kubernetes.io/component=run_worker

k() { kubectl --namespace pyzn "$@"; }
pyzn() { k exec --stdin deployment/pyzn -- "$@"; }
sql() { k exec statefulset/postgres -- psql --username postgres --no-align --tuples-only --command "$1" pyzn; }
log() { echo "$(date --utc +%T) $*"; }
until_true() { # SECONDS COMMAND…: until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || { log "not so in time: $*"; exit 1; }
        sleep 2
    done
}
a_run_runs() { [ -n "$(k get pods --selector $runs --field-selector status.phase=Running --output name)" ]; }
no_run_is_left() { [ -z "$(k get pods --selector $runs --field-selector status.phase=Running --output name)" ]; }
published() { [ "$(sql 'SELECT count(*) FROM pyzn.days')" -ge 35 ]; }
finish() {
    k get pods,jobs,events || true
    kind delete cluster --name $cluster
    rm "$KUBECONFIG"
}

log "images and cluster"
docker build --quiet --target k8s --tag pyzn-k8s:0.1.0 .
docker build --quiet --target demo --tag pyzn-demo:0.1.0 .
trap finish EXIT
kind create cluster --name $cluster --quiet
kind load docker-image --name $cluster pyzn-k8s:0.1.0 pyzn-demo:0.1.0
kubectl apply --kustomize deploy/kubernetes/demo
k wait --for condition=available --timeout 15m deployment --all
k wait --for condition=complete --timeout 5m job/migrate

log "networks"
reaches() { k exec "deployment/$1" -- python -c "import socket; socket.create_connection(('$2', $3), 5).close()" 2>/dev/null; }
reaches api postgres 5432
reaches code webserver 3000
for other in "webserver 3000" "code 4000" "bigquery 9050"; do
    # shellcheck disable=SC2086 # a name and a port
    if reaches api $other; then log "the API reaches $other" && exit 1; fi
done

log "backfill of $first to $last, and kills"
pyzn pyzn backfill "$first" "$last" &
until_true 600 a_run_runs
k delete pod --selector $runs --grace-period 0 --force
for part in code daemon postgres; do
    until_true 600 a_run_runs
    k delete pod --selector app.kubernetes.io/name=$part --grace-period 0 --force
    k wait --for condition=available --timeout 10m deployment --all
done
wait $! || log "the command reports the days that were tried again"
until_true 5400 published

log "a canceled backfill"
pyzn pyzn backfill "$first" "$last" &
until_true 600 a_run_runs
pyzn python - <<'PY'
from pyzn_pipeline.backfills.dagster_client import ask

url = "http://webserver:3000"
listed = "{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }"
(newest,) = ask(url, listed)["partitionBackfillsOrError"]["results"]
cancel = "mutation($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
assert ask(url, cancel, id=newest["id"])["cancelPartitionBackfill"]["__typename"] == "CancelBackfillSuccess"
PY
until_true 300 no_run_is_left
wait $! || log "the command reports the days that were canceled"
[ "$(sql "SELECT count(*) FROM pyzn.wanted_days WHERE state IN ('waiting', 'failed', 'given up')")" = 0 ]

log "the API is rolled under requests"
pyzn python - <<'PY' &
import time, urllib.request

end = time.monotonic() + 60
while time.monotonic() < end:
    urllib.request.urlopen("http://api:5200/health-check", timeout=10).close()
    time.sleep(0.1)
PY
k rollout restart deployment/api
k rollout status --timeout 5m deployment/api
wait $!

log "proof"
pyzn pyzn verify "$first" "$last"
pyzn pyzn check
log "all of it holds"
