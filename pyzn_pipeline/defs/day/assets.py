"""The assets of a day: its breakdowns, all from one scan."""

from collections.abc import Iterator
from datetime import date

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    Config,
    DailyPartitionsDefinition,
    Failure,
    MetadataValue,
    ResourceParam,
    multi_asset,
)
from pydantic import Field

from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.days import days_of_tags
from pyzn_pipeline.defs.day.requests import asker_of
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY
from pyzn_pipeline.defs.presentation import DATA_VERSION, GROUP, OWNERS, day_metadata, findings_metadata, picture
from pyzn_pipeline.defs.resources import AnySource, Store
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.reading.audits import HARD_AUDITS, Audit, AuditFailed, Finding
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.reading.soft_audits import SOFT_AUDITS
from pyzn_pipeline.source.scan import scan_query
from pyzn_pipeline.store import wanted


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
                # Logged after each day, not at the end: if the run dies, Dagster knows the days that it published.
                for breakdown in ingested.scan.breakdowns:
                    context.log_event(
                        AssetMaterialization(
                            asset_key=breakdown.view,
                            partition=str(day),
                            metadata=day_metadata(ingested, breakdown, source),
                            tags={DATA_VERSION: f"{day} revision {ingested.publication.revision}"},
                        )
                    )
        yield from _check_results(findings)
        if failures:
            raise Failure(
                description="\n".join(failures.values()),
                metadata={"failed days": MetadataValue.json(failures)},
                allow_retries=False,
            )

    return scan_of_a_day


def _spec(breakdown: Breakdown, partitions: DailyPartitionsDefinition, table: str | None, api_url: str) -> AssetSpec:
    return AssetSpec(
        breakdown.view,
        deps=["file_downloads"],
        skippable=True,  # the op logs each day's materialization itself
        partitions_def=partitions,
        group_name=GROUP,
        kinds={"postgres", "arrow"},
        owners=OWNERS,
        description=(
            f"{breakdown.description}\n\nRead it as `pyzn.{breakdown.view}` with SQL; an unknown {breakdown.name} is "
            f"`(unknown)`. A day is replaced whole, in one transaction, and only by a reading that passes every hard "
            f"audit. Each day's status is in `pyzn.days`.\n\nThe job `price_backfill` shows the cost of a backfill."
        ),
        metadata={
            "dagster/table_name": f"pyzn.{breakdown.view}",
            "packed table": "pyzn.project_days",
            **({"now": picture(api_url, f"by={breakdown.name}")} if breakdown.common else {}),
            **({"query": MetadataValue.md(f"```sql\n{scan_query(table)}\n```")} if table else {}),
        },
    )


def _shown() -> list[tuple[Breakdown, Audit]]:
    """Every check with the breakdown whose asset shows it."""
    return [(breakdown, audit) for breakdown in BREAKDOWNS for audit in HARD_AUDITS + SOFT_AUDITS[breakdown]]


def _check_results(findings: list[Finding]) -> Iterator[AssetCheckResult]:
    """One result for each check over all days of the run. A check that was made for no day has no result."""
    for breakdown, audit in _shown():
        own = [f for f in findings if f.breakdown == breakdown.name and f.audit == audit.name]
        if own:
            yield AssetCheckResult(
                check_name=audit.name,
                asset_key=breakdown.view,
                passed=all(finding.passed for finding in own),
                severity=AssetCheckSeverity.ERROR if audit in HARD_AUDITS else AssetCheckSeverity.WARN,
                metadata=findings_metadata(own),
            )
