"""The two BigQuery clients, connected to Google or to an emulator."""

import os
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

import google.auth
import grpc
from google.auth import environment_vars, identity_pool
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, MalformedError, RefreshError
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.errors import source_errors

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")

EMULATED = " of the emulator"
"""The end of a source's name whose days are none of PyPI's; a mirror of such days has it too."""

SILENCE = 60.0  # seconds; BigQuery answers within about 10, even if only to say that the job is still running


class _TimeoutAdapter(HTTPAdapter):
    """Ends a request when nothing arrives for `silence` seconds; the library itself sets no limit.

    The library then repeats the request on a new connection.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        super().__init__()

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        return super().send(request, *arguments, **options | {"timeout": self._silence})


@dataclass(frozen=True)
class Clients:
    """The client that runs jobs, and the client that streams their results as Arrow."""

    jobs: bigquery.Client
    storage: BigQueryReadClient
    emulator: str | None = None  # its endpoint; None: Google's

    def of(self, table: str) -> str:
        """Return the name of `table` as the source of a day."""
        return table if self.emulator is None else f"{table}{EMULATED}"

    def close(self) -> None:
        """Close the connections of both clients."""
        self.jobs.close()
        self.storage.transport.close()


def _credentials() -> Credentials:
    """Google's default credentials. Raises DefaultCredentialsError with the file's name, never with its content."""
    file = os.environ.get(environment_vars.CREDENTIALS)  # Google's setting; its library reads it too
    try:
        credentials: Credentials
        credentials, _ = google.auth.default(scopes=SCOPES)
    except (DefaultCredentialsError, MalformedError, UnicodeError, OSError) as error:
        if isinstance(error.__cause__, UnicodeError):  # its text is the file's content
            raise DefaultCredentialsError(f"file {file} is not text in UTF-8") from None
        raise DefaultCredentialsError(f"{f'file {file}: ' if file else ''}{error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # raised by the library for other JSON
        raise DefaultCredentialsError(f"file {file} is no credentials of Google: {error}") from error
    if isinstance(credentials, identity_pool.Credentials) and (token := credentials._credential_source_file):
        try:  # read it now, while the file can be named; the library reads it later, when it asks Google
            credentials.retrieve_subject_token(None)
        except (RefreshError, OSError, ValueError) as error:
            raise RefreshError(f"token file {token}, which {file} names: {error}") from error
    return credentials


def clients_of(settings: Settings) -> AbstractContextManager[Clients]:
    """The clients for these settings; they are closed at the end of the block. Raises SourceError as `connect` does."""
    return closing(
        connect(
            settings.bigquery_project,
            settings.bigquery_location,
            settings.bigquery_endpoint,
            settings.bigquery_storage_endpoint,
        )
    )


def connect(
    project: str, location: str, endpoint: str | None, storage_endpoint: str | None, silence: float = SILENCE
) -> Clients:
    """Clients of the emulator if both endpoints are given, otherwise of Google with the environment's credentials.

    The storage client is always created here. Without one, the library silently falls back to slow REST, or creates
    one that connects to Google even if the jobs client does not.
    A dead connection is closed after `silence` seconds, and its requests are repeated on a new one.
    Raises SourceError if the clients are Google's and there are no usable credentials.
    """
    # After a silence gRPC sends a ping; without an answer it reconnects, and a stream resumes where it broke.
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.keepalive_time_ms", int(silence * 1000)),
        ("grpc.keepalive_timeout_ms", int(silence * 1000)),
        ("grpc.http2.ping_timeout_ms", int(silence * 1000)),  # for the pings that measure bandwidth, sent before those
    ]
    if endpoint is not None and storage_endpoint is not None:
        jobs = bigquery.Client(
            project=project,
            location=location,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": endpoint},
        )
        channel = grpc.insecure_channel(storage_endpoint, options=options)
    else:
        with source_errors("Google credentials"):
            credentials = _credentials()
            jobs = bigquery.Client(project=project, location=location, credentials=credentials)
            channel = BigQueryReadGrpcTransport.create_channel(credentials=credentials, options=options)
    for scheme in ("http://", "https://"):
        jobs._http.mount(scheme, _TimeoutAdapter(silence))  # the library's maintainers recommend this place
    return Clients(jobs, BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel)), endpoint)
