"""Dagster's resources: the source and the store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dagster import ConfigurableResource
from dagster_gcp import BigQueryResource
from google.cloud import bigquery
from pydantic import Field, SecretStr
from sqlalchemy import Engine

from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.connection import clients_of
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.sources import source_of
from pyzn_pipeline.store.database import LIFETIME, engine

SHOWN = {
    "mirror_url", "bigquery_project", "bigquery_location", "bigquery_table", "bigquery_endpoint",
    "bigquery_storage_endpoint", "maximum_bytes_billed", "read_filenames", "breakdowns", "usd_per_tib",
}  # fmt: skip


class DaySource(BigQueryResource):
    """The source of days: dagster-gcp's BigQuery resource, which can also be an emulator, or a mirror in its place."""

    settings: dict[str, Any] = Field(description="the settings of the source; none is a secret, for the UI shows them")

    @classmethod
    def of(cls, settings: Settings) -> "DaySource":
        """Return the resource with these settings."""
        shown = settings.model_dump(mode="json", include=SHOWN, exclude_none=True)
        return cls(project=settings.bigquery_project, location=settings.bigquery_location, settings=shown)

    @property
    def usd_per_tib(self) -> float:
        """US dollars per TiB billed."""
        return float(self.settings["usd_per_tib"])

    def console(self, job_id: str | None) -> str | None:
        """The URL of a job in Google's console, which shows its cost and error; None for a mirror or an emulator."""
        if job_id is None or "bigquery_endpoint" in self.settings:
            return None
        return (
            f"https://console.cloud.google.com/bigquery?project={self.project}"
            f"&j=bq:{self.location}:{job_id}&page=queryresults"
        )

    def opened(self) -> AbstractContextManager[Source]:
        """Return the source of days, with connections that the block closes. Raises SourceError without credentials."""
        return source_of(Settings.model_construct(**self.settings))

    @contextmanager
    def get_client(self) -> Iterator[bigquery.Client]:
        """Return the jobs client alone, as in dagster-gcp's resource."""
        with clients_of(Settings.model_construct(**self.settings)) as clients:
            yield clients.jobs


class Store(ConfigurableResource[Any]):
    """Postgres, connected as the owner of the schema `pyzn`."""

    database_url: str = Field(description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE")

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Return an engine; its connections end with the block, or when one is older than a day's reading may take."""
        owner = engine(SecretStr(self.database_url), LIFETIME)
        try:
            yield owner
        finally:
            owner.dispose()
