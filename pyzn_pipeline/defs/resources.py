"""Dagster's resources: the source and the store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from dagster import ConfigurableResource
from dagster_gcp import BigQueryResource
from google.cloud import bigquery
from pydantic import Field, SecretStr
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import known
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.settings import ReadFilenames, Settings
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients, connect
from pyzn_pipeline.store.database import LIFETIME, engine


class BigQuerySource(BigQueryResource):
    """dagster-gcp's BigQuery resource, which can also connect to an emulator; with the table and a day's cost limit."""

    endpoint: str | None = Field(default=None, description="http://HOST:PORT of an emulator; unset means Google")
    storage_endpoint: str | None = Field(default=None, description="HOST:PORT of the emulator's Storage Read service")
    table: str = Field(description="PROJECT.DATASET.TABLE in the shape of file_downloads")
    maximum_bytes_billed: int = Field(description="bytes one day's scan may bill")
    read_filenames: ReadFilenames = Field(description="whether file names are read: auto, always or never")
    breakdowns: list[str] = Field(description="the breakdowns that are read")
    usd_per_tib: float = Field(description="US dollars per TiB billed")

    @classmethod
    def from_settings(cls, settings: Settings) -> "BigQuerySource":
        """Return the resource with these settings."""
        return cls(
            project=settings.bigquery_project,
            location=settings.bigquery_location,
            endpoint=settings.bigquery_endpoint,
            storage_endpoint=settings.bigquery_storage_endpoint,
            table=settings.bigquery_table,
            maximum_bytes_billed=settings.maximum_bytes_billed,
            read_filenames=settings.read_filenames,
            breakdowns=list(settings.breakdowns),
            usd_per_tib=settings.usd_per_tib,
        )

    def console(self, job_id: str | None) -> str | None:
        """The URL of a job in Google's console, which shows its cost and error; None for an emulator's job."""
        if self.endpoint is not None:
            return None
        return (
            f"https://console.cloud.google.com/bigquery?project={self.project}"
            f"&j=bq:{self.location}:{job_id}&page=queryresults"
        )

    def clients(self) -> AbstractContextManager[Clients]:
        """Both clients; they are closed at the end of the block. Raises SourceError without usable credentials."""
        return closing(connect(self.project or "", self.location or "", self.endpoint, self.storage_endpoint))

    @contextmanager
    def opened(self) -> Iterator[BigQuery]:
        """As a source of days; its connections are closed at the end."""
        with self.clients() as clients:
            yield BigQuery(clients, self.table, self.maximum_bytes_billed, self.read_filenames, known(self.breakdowns))

    @contextmanager
    def get_client(self) -> Iterator[bigquery.Client]:
        """Only the jobs client, as in dagster-gcp's resource."""
        with self.clients() as clients:
            yield clients.jobs


class MirrorSource(ConfigurableResource[Any]):
    """A mirror in place of BigQuery."""

    url: str = Field(description="where another PyZn has exported its days")
    usd_per_tib: float = Field(default=0.0, description="a mirror bills nothing")

    def console(self, job_id: str | None) -> None:
        """A mirrored day has no job."""

    @contextmanager
    def opened(self) -> Iterator[Mirror]:
        """As a source of days."""
        yield Mirror(self.url)


AnySource = BigQuerySource | MirrorSource


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
