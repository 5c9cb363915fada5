"""Sensors evaluated, most often `keep_days_true`, and the runs that they ask for, carried out."""

from datetime import date

from dagster import (
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_sensor_context,
)
from dagster._core.definitions.sensor_definition import SensorExecutionData
from sqlalchemy import Engine

from pyzn_pipeline.days import days_of_tags


def evaluated(
    defs: Definitions, instance: DagsterInstance, sensor: str = "keep_days_true", cursor: str | None = None
) -> SensorExecutionData:
    """One tick of a sensor."""
    repository = defs.get_repository_def()
    context = build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=dict(defs.resources or {})
    )
    return repository.get_sensor_def(sensor).evaluate_tick(context)


def asked(defs: Definitions, instance: DagsterInstance) -> list[RunRequest]:
    """What the sensor asks for now."""
    return list(evaluated(defs, instance).run_requests or [])


def carried_out(
    defs: Definitions, instance: DagsterInstance, requests: list[RunRequest]
) -> list[ExecuteInProcessResult]:
    return [
        defs.resolve_job_def(request.job_name or "export").execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            tags=dict(request.tags) | ({"dagster/run_key": request.run_key} if request.run_key else {}),
            raise_on_error=False,
        )
        for request in requests
    ]


def days_asked(requests: list[RunRequest]) -> list[date]:
    """The days that runs are asked to read, run by run."""
    days: list[date] = []
    for request in requests:
        if request.job_name == "daily_downloads":
            tags = {"dagster/partition": request.partition_key, **request.tags}
            days += days_of_tags({k: str(v) for k, v in tags.items() if v}).days
    return days


def repaired(defs: Definitions, instance: DagsterInstance) -> list[date]:
    """Let the sensor have its way until it asks for nothing more; the days it read, in order."""
    read = []
    while requests := asked(defs, instance):
        carried_out(defs, instance, requests)
        read += days_asked(requests)
    return read


def a_month_passes(store: Engine) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE pyzn.wanted SET next_attempt_at = next_attempt_at - interval '1 month'")
