"""The metadata of a day in the UI. Do not rename numbers: the UI plots each name over all partitions."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from pyzn_pipeline.breakdowns import Breakdown
from pyzn_pipeline.defs.resources import AnySource
from pyzn_pipeline.reading.audits import Finding
from pyzn_pipeline.reading.day import Ingested
from pyzn_pipeline.source.scan import usd

GROUP = "pypi_downloads"
OWNERS = ["team:data-engineering"]
DATA_VERSION = "dagster/data_version"

Metadata = dict[str, MetadataValue[Any]]


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


def picture(api_url: str, parameters: str) -> MetadataValue[Any]:
    """A chart of all of PyPI, as the API draws it now. In a description the UI would cut it."""
    return MetadataValue.md(f"![no answer from {api_url}, see PYZN_API_URL]({api_url}/chart/__all__.svg?{parameters})")


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


def table(frame: pd.DataFrame) -> MetadataValue[Any]:
    """A small data frame as a table in the UI."""
    kinds = {"i": "int", "f": "float"}
    return MetadataValue.table(
        records=[TableRecord(record) for record in frame.to_dict("records")],  # type: ignore[arg-type]  # str keys
        schema=TableSchema(
            [TableColumn(str(name), kinds.get(kind.kind, "string")) for name, kind in frame.dtypes.items()]
        ),
    )
