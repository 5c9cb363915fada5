"""A day in Dagster: the assets of its breakdowns, all from one scan; the job and the schedule that read it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    Config,
    DailyPartitionsDefinition,
    DefaultScheduleStatus,
    Failure,
    MetadataValue,
    ResourceParam,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    define_asset_job,
    multi_asset,
    schedule,
)
from pydantic import Field
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.breakdowns import BREAKDOWNS, FILES, Breakdown
from pyzn_pipeline.days import days_of_tags, ranges
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY
from pyzn_pipeline.defs.presentation import (
    CODE_VERSION,
    DATA_VERSION,
    GROUP,
    OWNERS,
    SCHEMA,
    Metadata,
    code_version,
    columns,
    picture,
    table,
)
from pyzn_pipeline.defs.resources import AnySource, Store
from pyzn_pipeline.defs.runs import asker_of
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.instance.run_coordinator import READING_JOB
from pyzn_pipeline.reading.audits import HARD_AUDITS, Audit, AuditFailed, Finding
from pyzn_pipeline.reading.day import Ingested, ingest_day
from pyzn_pipeline.reading.soft_audits import SOFT_AUDITS
from pyzn_pipeline.recounts.defs import observe
from pyzn_pipeline.recounts.recounts import Published, recount
from pyzn_pipeline.source.scan import scan_query, usd
from pyzn_pipeline.wanted_days import wanted

READ = define_asset_job(
    READING_JOB,
    selection=AssetSelection.assets(*(breakdown.view for breakdown in BREAKDOWNS)),
    description="Reads one UTC day at the source and publishes every breakdown of it.",
)


READING_VERSION = code_version(scan_query("file_downloads", FILES.condition))


class Reading(Config):
    """How a run reads its days."""

    accept_worse: bool = Field(
        default=False,
        description="Publish the new reading even if it is worse than the published day: it has fewer downloads, "
        "or fails an audit that the published day passes.",
    )


def breakdown_assets(
    partitions: DailyPartitionsDefinition, first_day: date, table: str | None, api_url: str
) -> AssetsDefinition:
    """One op that reads each day once and publishes all its breakdowns together. `table`: BigQuery's, if it is read."""

    @multi_asset(
        name="scan_of_a_day",
        specs=[_spec(breakdown, partitions, table, api_url) for breakdown in BREAKDOWNS],
        check_specs=[
            AssetCheckSpec(
                audit.name, asset=breakdown.view, description=audit.description, blocking=audit in HARD_AUDITS
            )
            for breakdown, audit in _shown()
        ],
        backfill_policy=BACKFILL_POLICY,
        pool="bigquery",
    )
    def scan_of_a_day(
        context: AssetExecutionContext, config: Reading, source: ResourceParam[AnySource], store: Store
    ) -> Iterator[AssetCheckResult]:
        findings: list[Finding] = []
        settled: list[Published] = []
        failures: dict[str, str] = {}
        run_id = context.run.run_id
        with store.engine() as engine:
            asked = days_of_tags(context.run.tags, first_day)
            if asked.set_aside:
                failures["set aside"] = asked.set_aside
            if asked.days:
                wanted.begin_run(engine, asked.days, run_id, asker_of(context.run))
            for day in asked.days:
                # A failed day does not stop the other days of the range; the run fails at its end with every reason.
                try:
                    with wanted.attempt(engine, day, run_id), source.opened() as opened:
                        ingested = ingest_day(day, opened, engine, run_id, config.accept_worse)
                except PyznError as error:
                    findings += error.findings if isinstance(error, AuditFailed) else []
                    failures[str(day)] = str(error)
                    said = "\n".join([str(error), *getattr(error, "__notes__", [])])
                    context.log.error(said)  # noqa: TRY400 - an expected error: the traceback adds nothing
                    continue
                except Exception as error:
                    failures[str(day)] = f"day {day}: unexpected {type(error).__name__}: {error}"
                    context.log.exception(f"day {day}")
                    continue
                findings += ingested.findings
                published = ingested.publication
                if published.status == "provisional" and calendar.settled(day, datetime.now(UTC)):
                    settled.append(Published(day, published.revision, ingested.tally.of_day["downloads"]))
                # Logged after each day, not at the end: if the run dies, Dagster knows the days that it published.
                for breakdown in ingested.scan.contents.breakdowns:
                    context.log_event(
                        AssetMaterialization(
                            asset_key=breakdown.view,
                            partition=str(day),
                            metadata=day_metadata(ingested, breakdown, source),
                            tags={
                                DATA_VERSION: f"{day} revision {ingested.publication.revision}",
                                CODE_VERSION: READING_VERSION,
                            },
                        )
                    )
            if settled:
                _confirm(context, settled, engine, source)
        yield from _check_results(findings)
        if failures:
            raise Failure(
                description="\n".join(failures.values()),
                metadata={"failed days": MetadataValue.json(failures)},
                allow_retries=False,
            )

    return scan_of_a_day


def _confirm(context: AssetExecutionContext, days: list[Published], engine: Engine, source: AnySource) -> None:
    """Make final the days that have settled and whose count the source's metadata confirms, which bills 10 MiB for all.

    Other days wait for their recount, an hour later.
    """
    try:
        with source.opened() as opened:
            found, _ = recount(opened, engine, days, metadata_alone=True)
    except PyznError as error:
        context.log.warning(f"not confirmed yet: {error}")
    else:
        observe(context.op_execution_context, found)
        context.log.info(f"final, by the source's metadata: {ranges([day.day for day in found]) or 'none'}")


def _spec(breakdown: Breakdown, partitions: DailyPartitionsDefinition, table: str | None, api_url: str) -> AssetSpec:
    return AssetSpec(
        breakdown.view,
        deps=["file_downloads"],
        skippable=True,  # the op logs each day's materialization itself
        partitions_def=partitions,
        group_name=GROUP,
        code_version=READING_VERSION,
        kinds={"postgres", "arrow"},
        owners=OWNERS,
        description=(
            f"{breakdown.description}\n\nRead it as `pyzn.{breakdown.view}` with SQL; an unknown {breakdown.name} is "
            f"`(unknown)`. A day is replaced whole, in one transaction, and only by a reading that passes every hard "
            f"audit. Each day's status is in `pyzn.days`.\n\nThe job `price_backfill` shows the cost of a backfill."
        ),
        metadata={
            "dagster/table_name": f"pyzn.{breakdown.view}",
            SCHEMA: columns(
                day="date",
                project="text",
                **{breakdown.name: "text", "downloads": "bigint"},
                **{subset.column: "bigint" for subset in breakdown.subsets},
            ),
            "packed table": "pyzn.project_days",
            **({"now": picture(api_url, f"by={breakdown.name}")} if breakdown.common else {}),
            **({"query": MetadataValue.md(f"```sql\n{scan_query(table, FILES.condition)}\n```")} if table else {}),
        },
    )


def _shown() -> list[tuple[Breakdown, Audit]]:
    """Every check with the breakdown whose asset shows it."""
    return [(breakdown, audit) for breakdown in BREAKDOWNS for audit in HARD_AUDITS + SOFT_AUDITS[breakdown]]


def _check_results(findings: list[Finding]) -> Iterator[AssetCheckResult]:
    """Return one result for each check over all days of the run.

    A check of no day has nothing to fail; without a result, Dagster would show it as failed if its run is.
    """
    for breakdown, audit in _shown():
        own = [f for f in findings if f.breakdown == breakdown.name and f.audit == audit.name]
        yield AssetCheckResult(
            check_name=audit.name,
            asset_key=breakdown.view,
            passed=all(finding.passed for finding in own),
            severity=AssetCheckSeverity.ERROR if audit in HARD_AUDITS else AssetCheckSeverity.WARN,
            description=None if own else "No day of the run was read, so nothing was checked.",
            metadata=findings_metadata(own),
        )


def daily_schedule() -> ScheduleDefinition:
    """The schedule. It is RUNNING by default; Dagster's default is STOPPED."""

    @schedule(
        job=READ,
        cron_schedule=calendar.cron(calendar.READ_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Reads the day before, every day at {calendar.clock_time(calendar.READ_AT)}.",
    )
    def daily_downloads_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        day_before = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        return RunRequest(partition_key=day_before.isoformat())

    return daily_downloads_schedule


def day_metadata(ingested: Ingested, breakdown: Breakdown, source: AnySource) -> Metadata:
    """The metadata of one materialization: counts, cost, seconds by stage, the day's most downloaded projects."""
    tally, scan, publication = ingested.tally, ingested.scan, ingested.publication
    packed = tally.packed[breakdown.name]
    console = source.console(scan.job_id)
    return {
        "dagster/row_count": MetadataValue.int(packed.keys),
        **{count.label: MetadataValue.int(packed.sums[count.column]) for count in breakdown.counts},
        "projects": MetadataValue.int(packed.projects),
        "rows with replaced text": MetadataValue.int(tally.replaced_rows),
        "status": MetadataValue.text(publication.status),
        "revision": MetadataValue.int(publication.revision),
        "outcome": MetadataValue.text("published" if publication.changed else "re-read, unchanged"),
        "bytes processed": MetadataValue.int(scan.bytes_processed),
        "bytes billed": MetadataValue.int(scan.bytes_billed),
        "US dollars": MetadataValue.float(round(usd(scan.bytes_billed, source.usd_per_tib), 6)),
        "rows in project order": MetadataValue.bool(scan.in_order),
        "source": MetadataValue.text(scan.source),
        "BigQuery job": MetadataValue.url(console) if console else MetadataValue.text(scan.job_id or "none"),
        **{f"seconds to {stage}": MetadataValue.float(spent) for stage, spent in ingested.seconds.items()},
        "top projects": table(tally.top),
    }


def findings_metadata(findings: Sequence[Finding]) -> Metadata:
    """The metadata of one check over the days of a run: how many passed, and each day that did not."""
    failed = [finding for finding in findings if not finding.passed]
    return {
        "days checked": MetadataValue.int(len(findings)),
        "days failed": MetadataValue.int(len(failed)),
        "findings": table(
            pd.DataFrame([(str(f.day), f.message) for f in failed or findings[:1]], columns=["day", "finding"])
        ),
    }
