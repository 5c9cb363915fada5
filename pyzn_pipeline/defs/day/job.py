"""The job that reads days."""

from dagster import AssetSelection, define_asset_job

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.instance.run_coordinator import READING_JOB

READ = define_asset_job(
    READING_JOB,
    selection=AssetSelection.assets(*(breakdown.view for breakdown in BREAKDOWNS)),
    description="Reads one UTC day at the source and publishes every breakdown of it.",
)
