"""A BigQuery emulator for development and tests, on DuckDB.

The unmodified `google-cloud-bigquery` and `google-cloud-bigquery-storage` clients work with it: REST v2 for
jobs, tables and results, gRPC for the Storage Read API. It supports what PyZn's pipeline needs of BigQuery and
refuses the rest in BigQuery's own error format. It has no authentication: keep it on loopback.

    >>> from pyzn_local.bigquery import Server
    >>> with Server(data_dir) as server:
    ...     server.endpoint, server.storage_endpoint
    ('http://127.0.0.1:40123', '127.0.0.1:40124')
"""

from pyzn_local.bigquery.server import Server

__all__ = ["Server"]
