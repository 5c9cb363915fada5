"""The clients are Google's own, or the same ones wired to a stand-in; nothing here talks to a network."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import environment_vars
from pydantic import SecretStr

from pyzn_pipeline.defs.resources import BigQuerySource
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.connection import connect
from pyzn_pipeline.source.errors import SourceError


def test_without_an_endpoint_both_clients_are_googles(monkeypatch: pytest.MonkeyPatch, service_account: Path) -> None:
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(service_account))
    clients = connect("billed-project", "US", None, None)
    assert clients.jobs.project == "billed-project"
    assert clients.jobs.location == "US"
    assert clients.jobs._connection.API_BASE_URL == "https://bigquery.googleapis.com"
    assert clients.jobs._credentials.service_account_email == "reader@billed-project.iam.gserviceaccount.com"
    assert clients.storage.transport.host == "bigquerystorage.googleapis.com:443"
    clients.close()


def test_missing_credentials_are_one_line_with_the_way_out() -> None:
    with pytest.raises(SourceError, match=r"^Google credentials: no usable .*GOOGLE_APPLICATION_CREDENTIALS.*$"):
        connect("billed-project", "US", None, None)


@pytest.mark.parametrize("content", [None, "not json", json.dumps({"type": "nonsense"}), "a folder"])
def test_unusable_credentials_name_their_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    key = tmp_path / "key.json"
    if content == "a folder":
        key.mkdir()
    elif content is not None:
        key.write_text(content)
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(key))
    with pytest.raises(SourceError, match=rf"^Google credentials: no usable .*{key}.*$"):
        connect("billed-project", "US", None, None)


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    """A well-formed key file of nobody's: the key is made here and known to no server."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "service-account.json"
    file.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "billed-project",
                "private_key_id": "1",
                "private_key": key.decode(),
                "client_email": "reader@billed-project.iam.gserviceaccount.com",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )
    )
    return file


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, "https://console.cloud.google.com/bigquery?project=billed-project&j=bq:US:pyzn_1&page=queryresults"),
        ("http://127.0.0.1:9", None),
    ],
)
def test_a_job_is_linked_to_the_console_that_has_it(endpoint: str | None, expected: str | None) -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://pyzn@127.0.0.1/pyzn"),
        bigquery_project="billed-project",
        bigquery_endpoint=endpoint,
        bigquery_storage_endpoint=endpoint and "127.0.0.1:9",
    )
    assert BigQuerySource.from_settings(settings).console("pyzn_1") == expected
