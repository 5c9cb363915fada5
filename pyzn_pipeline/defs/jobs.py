"""The jobs: a day read at the source, and a re-count of the days that are due."""

from dagster import AssetSelection, define_asset_job

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.defs.source import RECOUNT_CHECK

READ = define_asset_job(
    "daily_downloads",
    selection=AssetSelection.assets(*(breakdown.view for breakdown in BREAKDOWNS)),
    description="Reads one UTC day at the source and publishes every breakdown of it.",
)
RECOUNT = define_asset_job(
    "recount",
    selection=AssetSelection.checks(RECOUNT_CHECK),
    description="Asks the source for its count of the published days that are due, and keeps it in the ledger.",
)
