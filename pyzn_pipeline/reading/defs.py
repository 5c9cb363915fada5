"""A day in Dagster: the asset that is read, the views of it, the job and the schedule that read it.

Only the table of days is an asset that runs make. The views of it are external assets, and a run that publishes a day
reports a materialization of each: so a day that fails is red in one place, and its views are as green as they were.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    Config,
    DailyPartitionsDefinition,
    DefaultScheduleStatus,
    Failure,
    MetadataValue,
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
from pyzn_pipeline.breakdowns import BREAKDOWNS, FILES, KNOWN, Breakdown
from pyzn_pipeline.days import days_of_tags, ranges
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY, ensure_partitions
from pyzn_pipeline.defs.presentation import (
    CODE_VERSION,
    DATA_VERSION,
    SCHEMA,
    Metadata,
    asset_spec,
    code_version,
    columns,
    picture,
    table,
)
from pyzn_pipeline.defs.resources import DaySource, Store
from pyzn_pipeline.defs.runs import asker_of
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.instance.run_coordinator import READING_ASSET, READING_JOB
from pyzn_pipeline.reading.audits import HARD_AUDITS, Audit, AuditFailed, Finding
from pyzn_pipeline.reading.day import DayReading, ingest_day
from pyzn_pipeline.reading.soft_audits import soft_audits
from pyzn_pipeline.recounts.defs import observe
from pyzn_pipeline.recounts.recounts import PublishedDay, recount
from pyzn_pipeline.source.queries import usd
from pyzn_pipeline.source.scan import contents_of, scan_query
from pyzn_pipeline.wanted_days import wanted

READ = define_asset_job(
    READING_JOB,
    selection=AssetSelection.assets(READING_ASSET),
    description="Reads one UTC day at the source and publishes every breakdown of it.",
)


READING_VERSION = code_version(scan_query("file_downloads", FILES.condition, KNOWN))


class ReadingOptions(Config):
    """Options of a run that reads days."""

    accept_worse: bool = Field(
        default=False,
        description="Publish the new reading even if it is worse than the published day: it has fewer downloads, "
        "or fails an audit that the published day passes.",
    )


def days_asset(
    partitions: DailyPartitionsDefinition, first_day: date, table: str | None, breakdowns: tuple[Breakdown, ...]
) -> AssetsDefinition:
    """Return the table of days, and the op that reads each day once. `table`: BigQuery's, if it is read."""
    contents = contents_of(FILES.condition, breakdowns)
    audits = (*HARD_AUDITS, *soft_audits(breakdowns))

    @multi_asset(
        name=READING_ASSET.to_python_identifier(),
        specs=[
            asset_spec(
                READING_ASSET,
                deps=["file_downloads"],
                skippable=True,  # the op logs each day's materialization itself
                partitions_def=partitions,
                code_version=READING_VERSION,
                kinds={"postgres", "arrow"},
                description=(
                    "The published days, a row for each project's day: its counts, and a document for each breakdown, "
                    "which the views `downloads_by_…` make rows of. A day is replaced whole, in one transaction, and "
                    "only by a reading that passes every hard audit. Each day's status is in `pyzn.days`.\n\nThe job "
                    "`price_backfill` shows the cost of a backfill."
                ),
                metadata={
                    "dagster/table_name": "pyzn.project_days",
                    SCHEMA: columns(
                        day="date",
                        project="text",
                        **dict.fromkeys(contents.count_columns, "bigint"),
                        **{column: "json" for breakdown in breakdowns for column in breakdown.columns},
                    ),
                    **(
                        {"query": MetadataValue.md(f"```sql\n{scan_query(table, FILES.condition, breakdowns)}\n```")}
                        if table
                        else {}
                    ),
                },
            )
        ],
        check_specs=[
            AssetCheckSpec(
                audit.name, asset=READING_ASSET, description=audit.description, blocking=audit in HARD_AUDITS
            )
            for audit in audits
        ],
        backfill_policy=BACKFILL_POLICY,
        pool="bigquery",
    )
    def project_days(
        context: AssetExecutionContext, config: ReadingOptions, source: DaySource, store: Store
    ) -> Iterator[AssetCheckResult]:
        findings: list[Finding] = []
        settled: list[PublishedDay] = []
        failures: dict[str, str] = {}
        run_id = context.run.run_id
        ensure_partitions(context)
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
                        reading = ingest_day(day, opened, engine, run_id, config.accept_worse)
                except PyznError as error:
                    findings += error.findings if isinstance(error, AuditFailed) else []
                    failures[str(day)] = str(error)
                    message = "\n".join([str(error), *getattr(error, "__notes__", [])])
                    context.log.error(message)  # noqa: TRY400 - an expected error: the traceback adds nothing
                    continue
                except Exception as error:
                    failures[str(day)] = f"day {day}: unexpected {type(error).__name__}: {error}"
                    context.log.exception(f"day {day}")
                    continue
                findings += reading.findings
                published = reading.publication
                if published.status == "provisional" and calendar.settled(day, datetime.now(UTC)):
                    settled.append(PublishedDay(day, published.revision, reading.tally.of_day["downloads"]))
                # Logged after each day, not at the end: if the run dies, Dagster knows the days that it published.
                made = {READING_ASSET: day_metadata(reading, source)} | {
                    AssetKey(breakdown.view): view_metadata(reading, breakdown)
                    for breakdown in reading.scan.contents.breakdowns
                    if breakdown.name in {chosen.name for chosen in breakdowns}  # a day can hold others as well
                }
                tags = {DATA_VERSION: f"{day} revision {published.revision}", CODE_VERSION: READING_VERSION}
                for asset, metadata in made.items():
                    context.log_event(AssetMaterialization(asset, partition=str(day), metadata=metadata, tags=tags))
            if settled:
                _confirm(context, settled, engine, source)
        yield from _check_results(audits, findings)
        if failures:
            raise Failure(
                description="\n".join(failures.values()),
                metadata={"failed days": MetadataValue.json(failures)},
                allow_retries=False,
            )

    return project_days


def _confirm(context: AssetExecutionContext, days: list[PublishedDay], engine: Engine, source: DaySource) -> None:
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


def view_assets(
    partitions: DailyPartitionsDefinition, api_url: str, breakdowns: tuple[Breakdown, ...]
) -> list[AssetSpec]:
    """Return the views of the days by breakdown. Postgres makes them; runs report their figures of each day."""
    return [
        asset_spec(
            breakdown.view,
            deps=[READING_ASSET],
            partitions_def=partitions,
            code_version=READING_VERSION,
            kinds={"postgres", "view"},
            description=(
                f"{breakdown.description}\n\nA **view** of `{READING_ASSET.to_user_string()}`, read it as "
                f"`pyzn.{breakdown.view}` with SQL; an unknown key is `(unknown)`."
            ),
            metadata={
                "dagster/table_name": f"pyzn.{breakdown.view}",
                SCHEMA: columns(
                    day="date",
                    project="text",
                    **{key.name: "text" for key in breakdown.keys},
                    downloads="bigint",
                    **{subset.column: "bigint" for subset in breakdown.subsets},
                ),
                **({"now": picture(api_url, f"by={breakdown.name}")} if breakdown in BREAKDOWNS[1:] else {}),
            },
        )
        for breakdown in breakdowns
    ]


def _check_results(audits: Sequence[Audit], findings: list[Finding]) -> Iterator[AssetCheckResult]:
    """Return one result for each check over all days of the run.

    A check of no day has nothing to fail; without a result, Dagster would show it as failed if its run is.
    """
    for audit in audits:
        own = [finding for finding in findings if finding.audit == audit.name]
        yield AssetCheckResult(
            check_name=audit.name,
            asset_key=READING_ASSET,
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


def view_metadata(reading: DayReading, breakdown: Breakdown) -> Metadata:
    """The metadata of a view's day: its rows, counts and projects."""
    packed = reading.tally.packed[breakdown.name]
    return {
        "dagster/row_count": MetadataValue.int(packed.keys),
        **{count.label: MetadataValue.int(packed.sums[count.column]) for count in breakdown.counts},
        "projects": MetadataValue.int(packed.projects),
    }


def day_metadata(reading: DayReading, source: DaySource) -> Metadata:
    """The metadata of a day: counts, cost, seconds by stage, its most downloaded projects."""
    tally, scan, publication = reading.tally, reading.scan, reading.publication
    console = source.console(scan.job_id)
    return {
        "dagster/row_count": MetadataValue.int(tally.projects),
        **{count.label: MetadataValue.int(tally.of_projects[count.column]) for count in scan.contents.counts},
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
        **{f"seconds to {stage}": MetadataValue.float(spent) for stage, spent in reading.seconds.items()},
        "top projects": table(tally.top),
    }


def findings_metadata(findings: Sequence[Finding]) -> Metadata:
    """The metadata of one check over the days of a run: how many passed, and each day that did not."""
    failed = [finding for finding in findings if not finding.passed]
    shown = [(str(finding.day), finding.message) for finding in failed or findings[:1]]
    return {
        "days checked": MetadataValue.int(len({finding.day for finding in findings})),
        "days failed": MetadataValue.int(len({finding.day for finding in failed})),
        "findings": table(pd.DataFrame(shown, columns=["day", "finding"])),
    }
