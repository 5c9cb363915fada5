"""The Dagster code location."""

from typing import Any

from dagster import Definitions, EnvVar, definitions, in_process_executor

from pyzn_pipeline.defs.assets import breakdown_assets, source_table
from pyzn_pipeline.defs.partitions import utc_days
from pyzn_pipeline.defs.resources import BigQuerySource, Store
from pyzn_pipeline.defs.schedules import daily_schedule
from pyzn_pipeline.settings import Settings, load


def build_defs(settings: Settings, **resources: Any) -> Definitions:
    """Everything Dagster knows of PyZn; `resources` by name replace the ones that the settings describe."""
    partitions = utc_days(settings.first_day)
    return Definitions(
        assets=[
            source_table(settings.bigquery_table, stand_in=settings.bigquery_endpoint is not None),
            breakdown_assets(partitions, settings.bigquery_table),
        ],
        schedules=[daily_schedule()],
        executor=in_process_executor,  # a run is one step: a process of its own for it would only cost its start
        resources={
            "source": BigQuerySource.from_settings(settings),
            "store": Store(database_url=EnvVar("PYZN_DATABASE_URL")),  # by name, so that the UI never shows it
            **resources,
        },
    )


@definitions
def defs() -> Definitions:
    """The code location's entry: reads the environment when Dagster loads it, not at import."""
    return build_defs(load(Settings))
