"""The checks of `pyzn check`: everything that a deployment needs.

Each check returns its finding in a few words, or raises a PyznError with the fault and the fix.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread

from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession
from pydantic import SecretStr
from sqlalchemy import Connection, text

from pyzn_pipeline.backfills.dagster_client import ask
from pyzn_pipeline.days import ranges
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.settings import DeploymentSettings
from pyzn_pipeline.source.connection import clients_of
from pyzn_pipeline.source.errors import CostLimitExceeded, source_errors
from pyzn_pipeline.source.queries import RETRY, usd
from pyzn_pipeline.sources import source_of
from pyzn_pipeline.store import schema
from pyzn_pipeline.store.database import engine, statement
from pyzn_pipeline.store.errors import StoreError, store_errors
from pyzn_pipeline.wanted_days import trouble

WITHIN = 10  # seconds; 15 including the command's start on a slow machine
SOON = RETRY.with_timeout(WITHIN / 3)  # retries, but stops early enough to report the error
OLDEST_POSTGRES = 15
LONGEST_WAIT = timedelta(hours=6)  # how long wanted days may wait while nothing is read: no run may take longer
CLOCK_SKEW = timedelta(seconds=10)
MIB, GIB = 2**20, 2**30  # bytes
LEAST_DISK = 2 * GIB
DAGSTER = """{
  version
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { ... on Workspace { locationEntries {
    name locationOrLoadError {
      __typename
      ... on PythonError { message }
      ... on RepositoryLocation { repositories {
        schedules { name state: scheduleState { ...Ticks } }
        sensors { name state: sensorState { ...Ticks } } } } } } } }
}
fragment Ticks on InstigationState { status ticks(limit: 1) { status error { message } } }"""


class CheckFailed(PyznError):
    """A deployment lacks something that it needs. The message names it, and the fix."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check. `ok` is None if it was not made, because a check that it needs failed."""

    name: str
    ok: bool | None
    found: str


Check = Callable[[DeploymentSettings], str]


def check_all(settings: DeploymentSettings) -> Iterator[Outcome]:
    """Make every check; one comes after those that it needs. Runs no query that costs anything.

    Takes at most WITHIN seconds: checks that hang are abandoned, and all that need no other start at the same time.
    """
    wrong: set[str] = set()
    deadline = time.monotonic() + WITHIN
    started = {name: _start(check, settings) for name, needs, check in CHECKS if needs is None}
    for name, needs, check in CHECKS:
        if needs in wrong:
            outcome = Outcome(name, None, f"not checked: fix `{needs}` first")
        else:
            pending = started.get(name) or _start(check, settings)
            try:
                outcome = Outcome(name, True, pending.result(max(deadline - time.monotonic(), 0)))
            except PyznError as error:
                outcome = Outcome(name, False, str(error))
            except TimeoutError:
                no_answer = f"no answer within {WITHIN} s: check the route, DNS, firewall and proxy to it"
                outcome = Outcome(name, False, no_answer)
        if not outcome.ok:
            wrong.add(name)
        yield outcome


def _start(check: Check, settings: DeploymentSettings) -> Future[str]:
    """Start a check in its own thread. The caller need not wait until it ends."""
    pending: Future[str] = Future()

    def make() -> None:
        try:
            pending.set_result(check(settings))
        except BaseException as error:  # noqa: BLE001 - raised again by Future.result()
            pending.set_exception(error)

    Thread(target=make, daemon=True).start()
    return pending


@contextmanager
def _connection(name: str, url: SecretStr, pooled: bool = False) -> Iterator[Connection]:
    """Return a connection to `url`, from the setting `name`. Raises StoreError and UnusableDatabaseError."""
    with store_errors(name), engine(url, pooled=pooled).connect() as connection:
        yield connection


def _database(settings: DeploymentSettings) -> str:
    try:
        with _connection("PYZN_DATABASE_URL", settings.database_url) as connection:
            version, database = connection.execute(
                text("SELECT current_setting('server_version'), current_database()")
            ).one()
    except StoreError as error:
        raise CheckFailed(f"{error}: check its host, user, password and database, and that the server runs") from error
    if int(version.split(".")[0]) < OLDEST_POSTGRES:
        raise CheckFailed(f"PostgreSQL {version} is too old: {OLDEST_POSTGRES} is the oldest supported version")
    return f"PostgreSQL {version}, database {database}"


def _owner(settings: DeploymentSettings) -> str:
    with _connection("PYZN_DATABASE_URL", settings.database_url) as connection:
        found = connection.execute(statement("owner_rights", __file__)).one_or_none()
    if found is None:
        return "there is no schema pyzn yet"
    role, owner, of_another, quoted = found
    if role != owner:
        raise CheckFailed(f"role {role} does not own the schema pyzn, {owner} does: use that one in PYZN_DATABASE_URL")
    if of_another is not None:
        raise CheckFailed(f"pyzn.{of_another} is not {role}'s: ALTER TABLE pyzn.{of_another} OWNER TO {quoted}")
    return f"role {role} owns the schema"


def _schema(settings: DeploymentSettings) -> str:
    with store_errors("schema pyzn"):
        schema.ensure_current(engine(settings.database_url))
    return f"at revision {schema.newest()}"


def _reader(settings: DeploymentSettings) -> str:
    if settings.api_database_url is None:
        raise CheckFailed("PYZN_API_DATABASE_URL is not set: without it `pyzn migrate` creates no role for the API")
    try:
        with _connection("PYZN_API_DATABASE_URL", settings.api_database_url, pooled=True) as connection:
            rights = connection.execute(statement("reader_rights", __file__)).one()
    except StoreError as error:
        raise CheckFailed(f"{error}: run `pyzn migrate`, which creates the role with that password") from error
    if rights.writable:
        raise CheckFailed(
            f"role {rights.role} can change {', '.join(rights.writable[:3])}: give the API a separate role in "
            "PYZN_API_DATABASE_URL, and run `pyzn migrate`"
        )
    if not rights.enters or rights.unreadable:
        what = ", ".join(rights.unreadable[:3]) if rights.enters else "the schema pyzn"
        raise CheckFailed(f"role {rights.role} cannot read {what}: run `pyzn migrate`, which grants that")
    if not rights.reads_only:
        raise CheckFailed(f"role {rights.role} is not read-only by default: run `pyzn migrate`, which sets that")
    return f"role {rights.role} can only read"


def _clock(settings: DeploymentSettings) -> str:
    with _connection("PYZN_DATABASE_URL", settings.database_url) as connection:
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    ours = datetime.now(UTC)
    if (skew := abs(theirs - ours)) > CLOCK_SKEW:
        apart = f"{skew.total_seconds():,.0f} s"
        raise CheckFailed(f"the database's clock and this machine's are {apart} apart: let NTP set both")
    return f"{ours:%Y-%m-%d %H:%M:%S} UTC, the database's agrees"


def _disk(settings: DeploymentSettings) -> str:
    query = text("SELECT pg_database_size(current_database()), (SELECT count(*) FROM pyzn.days)")
    with _connection("PYZN_DATABASE_URL", settings.database_url) as connection:
        size, days = connection.execute(query).one()
    # SQL cannot show the free space of the server's own disk, if that is another machine.
    free, month = shutil.disk_usage(settings.dagster_home).free, size // days * 30 if days else 0
    growth = f"the database has {size / MIB:,.0f} MiB, grows by {month / MIB:,.0f} MiB a month"
    if free < max(LEAST_DISK, month):
        raise CheckFailed(f"{growth}; this machine's disk has {free / MIB:,.0f} MiB left: make room")
    return f"{growth}; this machine's disk has {free / GIB:,.0f} GiB left"


def _source(settings: DeploymentSettings) -> str:
    """Read the index of a mirror; or run a query without a table, which is free, and open a stream of its result."""
    if settings.mirror_url is not None:
        mirror = Mirror(settings.mirror_url)
        days = mirror.index().days
        if not days:
            raise CheckFailed(f"{mirror.name} has no day: name the folder of `pyzn export`")
        return f"{mirror.name} has {len(days):,} days, {days[0].day} to {days[-1].day}"
    with clients_of(settings) as clients, source_errors("BigQuery"):
        job = clients.jobs.query("SELECT 1 AS one", retry=SOON, job_retry=None)
        job.result(retry=SOON)
        session = ReadSession(table=job.destination.to_bqstorage(), data_format=DataFormat.ARROW)
        clients.storage.create_read_session(parent=f"projects/{settings.bigquery_project}", read_session=session)
    where = settings.bigquery_endpoint or "Google"
    return f"project {settings.bigquery_project} at {where} runs queries and streams results"


def _cost(settings: DeploymentSettings) -> str:
    if settings.mirror_url is not None:
        return "a mirror bills nothing"
    day = datetime.now(UTC).date() - timedelta(days=1)
    with source_of(settings) as source:
        billed, recount = source.price(day, day).billed, source.price_of_count([day])
        added = source.price_of_breakdowns(day)
    scan = f"a scan of {day} bills {billed / GIB:,.1f} GiB, {usd(billed, settings.usd_per_tib):,.2f} US dollars"
    if billed > settings.maximum_bytes_billed:
        limit = settings.maximum_bytes_billed
        raise CostLimitExceeded(f"{scan}: more than PYZN_MAXIMUM_BYTES_BILLED={limit}; raise it")
    least, count = (usd(each, settings.usd_per_tib) for each in (recount.least, recount.count))
    if recount.no_metadata is None:
        how = f"a recount {least:,.4f}, or {count:,.2f} by COUNT(*) if the metadata differs from the ledger"
    else:
        how = f"a recount {count:,.2f}, by COUNT(*), because of {recount.no_metadata}"
    breakdowns = [
        f"{name} {more / GIB:,.1f}{' (chosen)' * (name in settings.breakdowns)}" for name, more in added.items()
    ]
    return f"{settings.bigquery_table}: {scan}; {how}; PYZN_BREAKDOWNS can add, in GiB, {', '.join(breakdowns)}"


def _dagster(settings: DeploymentSettings) -> str:
    found = ask(settings.dagster_url, DAGSTER)
    locations = found["workspaceOrError"]["locationEntries"]
    for location in locations:
        loaded = location["locationOrLoadError"] or {"message": "it is still loading"}
        if "repositories" not in loaded:
            why = loaded["message"].strip().splitlines()[0]
            raise CheckFailed(
                f"code location {location['name']} is not loaded ({why}): is the code server running? "
                f"{settings.dagster_url}/locations"
            )
    daemons = found["instance"]["daemonHealth"]["allDaemonStatuses"]
    if ill := [daemon["daemonType"].lower() for daemon in daemons if daemon["required"] and not daemon["healthy"]]:
        raise CheckFailed(
            f"daemons without a heartbeat: {', '.join(ill)}: start dagster-daemon, or look at "
            f"{settings.dagster_url}/deployment/daemons"
        )
    repositories = [r for location in locations for r in location["locationOrLoadError"]["repositories"]]
    ticking = {each["name"]: each["state"] for r in repositories for each in r["schedules"] + r["sensors"]}
    if off := [name for name, state in ticking.items() if state["status"] != "RUNNING"]:
        raise CheckFailed(f"turned off: {', '.join(off)}: turn on at {settings.dagster_url}/automation")
    for name, state in ticking.items():
        if state["ticks"] and state["ticks"][0]["status"] == "FAILURE":
            error = state["ticks"][0]["error"] or {"message": "Dagster names no reason"}
            why = error["message"].strip().splitlines()[0]
            raise CheckFailed(f"{name} failed when it was last evaluated ({why}): {settings.dagster_url}/automation")
    return f"Dagster {found['version']}: code location, daemons, {len(ticking)} schedules and sensors"


def _days(settings: DeploymentSettings) -> str:
    owner = engine(settings.database_url)
    tried, waiting = trouble.days_tried(owner), trouble.waiting(owner)
    given_up, failed = ([day for day in tried if day.failed and day.given_up == how] for how in (True, False))
    wrong = [": ".join(trouble.outcome(days)) for days in (given_up, failed) if days]
    if waiting.idle_since and datetime.now(UTC) - waiting.idle_since > LONGEST_WAIT:
        wrong.append(
            f"{len(waiting.days)} days wait, and nothing was read since {trouble.utc(waiting.idle_since)}: "
            f"{ranges(waiting.days)}: is the sensor keep_days_true on? {settings.dagster_url}/automation"
        )
    wrong += [
        f"{backfill.failure}; {len(backfill.days)} of its days are still wanted and are read automatically: "
        f"{ranges(backfill.days)}; see {settings.dagster_url}/runs/b/{backfill.id.removeprefix('backfill ')}"
        for backfill in trouble.failed_backfills(owner)[:1]
    ]
    wrong += [
        f"{request} names days that cannot be read, and are set aside ({reason}): ask for other days"
        for request, reason in trouble.set_aside(owner).items()
    ]
    if wrong:
        raise CheckFailed("; ".join(wrong))
    if not waiting.days:
        return "no day waits"
    return f"{len(waiting.days)} days wait or are being read: {ranges(waiting.days)}"


CHECKS: list[tuple[str, str | None, Check]] = [
    ("database", None, _database),
    ("owner", "database", _owner),
    ("schema", "owner", _schema),
    ("API's role", "schema", _reader),
    ("clock", "database", _clock),
    ("disk", "schema", _disk),
    ("days", "schema", _days),
    ("source", None, _source),
    ("cost", "source", _cost),
    ("Dagster", None, _dagster),
]
