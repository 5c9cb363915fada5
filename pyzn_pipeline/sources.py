"""The source that the settings name: BigQuery, or a mirror."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyzn_pipeline.breakdowns import known
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import clients_of
from pyzn_pipeline.source.protocol import Source


@contextmanager
def source_of(settings: Settings) -> Iterator[Source]:
    """The source for these settings; its connections are closed at the end. Raises SourceError."""
    if settings.mirror_url is not None:
        yield Mirror(settings.mirror_url)
        return
    with clients_of(settings) as clients:
        yield BigQuery(
            clients,
            settings.bigquery_table,
            settings.maximum_bytes_billed,
            settings.read_filenames,
            known(settings.breakdowns),
        )
