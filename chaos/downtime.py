"""Days that were missed while nothing ran: the sensor must find them in the ledger, and its runs must read them.

Sensor and jobs are those of the code location, on an instance in memory. Each evaluation is a tick of the daemon,
and each request is executed before the next tick.
"""

from datetime import UTC, date, datetime, timedelta

from dagster import DagsterInstance, Definitions, RunRequest, build_sensor_context
from pydantic import SecretStr

from chaos.exactness import NOTHING, defects
from chaos.figures import Check, Figure, Rig, count_figure
from chaos.parts import Database
from chaos.runs import Target, ingest
from chaos.source import Source
from pyzn_pipeline.days import days_of_tags
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.reading.defs import READ
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.wanted_days.defs import REPAIRS_AT_ONCE

LENGTHS = (1, 6, 30)  # days
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run(rig: Rig) -> list[Figure]:
    """Let nothing run for some days, then evaluate the sensor."""
    found: list[str] = []
    lengths = [length for length in LENGTHS if length <= rig.size]
    for length in lengths:
        with rig.parts.source() as source, rig.parts.database() as database:
            found += [f"{length} days down: {line}" for line in _repaired(rig, source, database, length)]
    done = f"{', '.join(str(length) for length in lengths)} days of downtime"
    return [count_figure("days missed", done, "not repaired, or in a storm", found)]


def _repaired(rig: Rig, source: Source, database: Database, length: int) -> list[str]:
    """The defects when the sensor requests nothing more."""
    today = datetime.now(UTC).date()
    *missed, last_before = [today - timedelta(days=2 + n) for n in range(length + 1)]
    yesterday = today - timedelta(days=1)  # asked for from calendar.MISSING_AT on
    for day in (yesterday, *missed, last_before):
        source.more(day, 500)
    target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
    # A person has read every other day meanwhile, so that what is missing makes many runs.
    found = ingest(target, last_before, *missed[1::2]).complaints()
    definitions = _code_location(source, database, last_before)
    asked: list[date] = []
    with DagsterInstance.ephemeral() as instance:
        while runs := [(days, request) for request in _tick(definitions, instance) if (days := _days(request))]:
            if len(runs) > REPAIRS_AT_ONCE:
                found.append(f"{len(runs)} runs asked for at once")
            for days, request in runs:
                if asked and days[-1] > min(asked):
                    found.append(f"not the newest first: {days[-1]} after {min(asked)}")
                asked += days
                _carry_out(request, definitions, instance)
            if len(asked) > 2 * length + 2:
                found.append(f"{len(asked)} readings for {length} days: {' '.join(map(str, asked))}")
                break
            rig.tick()
    if len(set(asked)) < len(asked):
        found.append(f"days asked for more than once: {' '.join(map(str, asked))}")
    must = {day: [source.content(day)] for day in (*missed, last_before)}
    return found + defects(database.api_url, must | {yesterday: [NOTHING, source.content(yesterday)]})


def _code_location(source: Source, database: Database, repair_from: date) -> Definitions:
    settings = Settings(
        database_url=SecretStr(database.owner_url),
        bigquery_project="pyzn-chaos",
        bigquery_endpoint=source.server.endpoint,
        bigquery_storage_endpoint=source.server.storage_endpoint,
        first_day=date(2026, 1, 1),
        repair_from=repair_from,
    )
    return build_defs(settings, store=Store(database_url=database.owner_url))


def _tick(definitions: Definitions, instance: DagsterInstance) -> list[RunRequest]:
    """The run requests of one evaluation of the sensor."""
    repository = definitions.get_repository_def()
    context = build_sensor_context(
        instance=instance, repository_def=repository, resources=dict(definitions.resources or {})
    )
    return list(repository.get_sensor_def("keep_days_true").evaluate_tick(context).run_requests or [])


def _days(request: RunRequest) -> list[date]:
    """The days that the run would read; none for a re-count."""
    tags = dict(request.tags) | ({"dagster/partition": request.partition_key} if request.partition_key else {})
    return days_of_tags(tags).days if request.job_name == READ.name else []


def _carry_out(request: RunRequest, definitions: Definitions, instance: DagsterInstance) -> None:
    definitions.resolve_job_def(str(request.job_name)).execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        run_config=QUIET,
        raise_on_error=False,
    )


CHECK = Check("downtime", "DOWNTIME", 6, 30, "days of the longest downtime, of 1, 6 and 30", run)
