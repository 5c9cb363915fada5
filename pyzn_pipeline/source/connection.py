"""The two BigQuery clients: Google's, or the same ones wired to a stand-in."""

from dataclasses import dataclass

import google.auth
import grpc
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from pyzn_pipeline.source.errors import source_errors

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")


@dataclass(frozen=True)
class Clients:
    """The client that runs jobs, and the one that streams their results as Arrow."""

    jobs: bigquery.Client
    storage: BigQueryReadClient

    def close(self) -> None:
        """Close the connections of both."""
        self.jobs.close()
        self.storage.transport.close()


def connect(project: str, location: str, endpoint: str | None, storage_endpoint: str | None) -> Clients:
    """Clients for Google, with the credentials of the environment, unless both endpoints name a stand-in.

    The storage client is always made here: without one the library falls back to slow REST in
    silence, and the one it makes by itself dials Google even when the jobs client does not.
    Raises SourceError when Google is meant and there are no usable credentials.
    """
    if endpoint is not None and storage_endpoint is not None:
        return Clients(
            bigquery.Client(
                project=project,
                location=location,
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": endpoint},
            ),
            BigQueryReadClient(
                transport=BigQueryReadGrpcTransport(
                    channel=grpc.insecure_channel(storage_endpoint, options=[("grpc.max_receive_message_length", -1)])
                )
            ),
        )
    with source_errors("Google credentials"):
        try:
            credentials, _ = google.auth.default(scopes=SCOPES)
        except OSError as error:  # a key file that is there and cannot be read
            raise DefaultCredentialsError(str(error)) from error
        return Clients(
            bigquery.Client(project=project, location=location, credentials=credentials),
            BigQueryReadClient(credentials=credentials),
        )
