"""The two BigQuery clients: Google's, or the same ones wired to a stand-in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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

SILENCE = 60.0  # seconds; BigQuery answers a request within about 10, if only to say that the job goes on


class _Impatient(HTTPAdapter):
    """Gives up a request when nothing comes for `silence` seconds; the library's own limit is none at all.

    The library repeats the request then, on a new connection.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        super().__init__()

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        return super().send(request, *arguments, **options | {"timeout": self._silence})


@dataclass(frozen=True)
class Clients:
    """The client that runs jobs, and the one that streams their results as Arrow."""

    jobs: bigquery.Client
    storage: BigQueryReadClient

    def close(self) -> None:
        """Close the connections of both."""
        self.jobs.close()
        self.storage.transport.close()


def _credentials() -> Credentials:
    """The environment's. Raises DefaultCredentialsError with the file's name, and with nothing that is in it."""
    file = os.environ.get(environment_vars.CREDENTIALS)  # Google's setting, which its library reads as well
    try:
        credentials: Credentials
        credentials, _ = google.auth.default(scopes=SCOPES)
    except (DefaultCredentialsError, MalformedError, UnicodeError, OSError) as error:
        if isinstance(error.__cause__, UnicodeError):  # whose text is the file's content
            raise DefaultCredentialsError(f"file {file} is not text in UTF-8") from None
        raise DefaultCredentialsError(f"{f'file {file}: ' if file else ''}{error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # what the library makes of other JSON
        raise DefaultCredentialsError(f"file {file} is no credentials of Google: {error}") from error
    if isinstance(credentials, identity_pool.Credentials) and (token := credentials._credential_source_file):
        try:  # here, where the file can be named; the library reads it when it asks Google
            credentials.retrieve_subject_token(None)
        except (RefreshError, OSError, ValueError) as error:
            raise RefreshError(f"token file {token}, which {file} names: {error}") from error
    return credentials


@contextmanager
def clients_of(settings: Settings) -> Iterator[Clients]:
    """The clients that the settings describe, closed at the end. Raises SourceError as `connect` does."""
    clients = connect(
        settings.bigquery_project,
        settings.bigquery_location,
        settings.bigquery_endpoint,
        settings.bigquery_storage_endpoint,
    )
    try:
        yield clients
    finally:
        clients.close()


def connect(
    project: str, location: str, endpoint: str | None, storage_endpoint: str | None, silence: float = SILENCE
) -> Clients:
    """Clients for Google, with the credentials of the environment, unless both endpoints name a stand-in.

    The storage client is always made here: without one the library falls back to slow REST in
    silence, and the one it makes by itself dials Google even when the jobs client does not.
    A connection that is open and dead is given up after `silence` seconds, and what went over it is repeated.
    Raises SourceError when Google is meant and there are no usable credentials.
    """
    # A ping goes out when nothing has come for a while, and must be answered; a stream resumes where it broke.
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.keepalive_time_ms", int(silence * 1000)),
        ("grpc.keepalive_timeout_ms", int(silence * 1000)),
        ("grpc.http2.ping_timeout_ms", int(silence * 1000)),  # of pings that measure the bandwidth, which come first
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
        jobs._http.mount(scheme, _Impatient(silence))  # where the library's maintainers say to put an adapter
    return Clients(jobs, BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel)))
