"""The clients are Google's own, or the same ones wired to an emulator; nothing here talks to a network."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import environment_vars
from pydantic import SecretStr

from pyzn_pipeline.defs.resources import DaySource
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


SERVICE_ACCOUNT = {"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:9/token"}
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/pool",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "http://127.0.0.1:9/token",
}
BROKEN_KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
UNUSABLE: dict[str, object] = {
    "empty": b"",
    "binary": bytes(range(256)),
    "UTF-16": json.dumps(SERVICE_ACCOUNT | {"private_key": "secret"}).encode("utf-16"),
    "a list": [],
    "null": None,
    "another type": {"type": "nonsense"},
    "a type that is no text": {"type": ["service_account"]},
    "no key": SERVICE_ACCOUNT,
    "a key that is broken": SERVICE_ACCOUNT | {"private_key": BROKEN_KEY},
    "a key that is no text": SERVICE_ACCOUNT | {"private_key": []},
    "no refresh token": {"type": "authorized_user", "client_id": "a", "client_secret": "secret"},
    "a token source that is none": FEDERATED | {"credential_source": []},
    "impersonation of nobody": {"type": "impersonated_service_account"},
    "gdch": {"type": "gdch_service_account"},
}


@pytest.mark.parametrize("content", UNUSABLE)
def test_unusable_credentials_name_their_file_and_show_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    key = tmp_path / "key.json"
    what = UNUSABLE[content]
    key.write_bytes(what if isinstance(what, bytes) else json.dumps(what).encode())
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(key))
    with pytest.raises(SourceError, match=rf"^Google credentials: no usable .*{key}.*gcloud auth .*$") as error:
        connect("billed-project", "US", None, None)
    assert "secret" not in str(error.value).replace("client_secret", "").replace("\\x00", "")


@pytest.mark.parametrize("what", ["absent", "a folder", "a loop"])
def test_credentials_or_a_token_that_cannot_be_read_name_their_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "file"
    if what == "a folder":
        file.mkdir()
    elif what == "a loop":
        file.symlink_to(file)
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(file))
    with pytest.raises(SourceError, match=rf"^Google credentials: no usable .*{file}.*$"):
        connect("billed-project", "US", None, None)
    key = tmp_path / "key.json"
    key.write_text(json.dumps(FEDERATED | {"credential_source": {"file": str(file)}}))
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(key))
    with pytest.raises(SourceError, match=rf"^Google credentials: the Google credentials cannot be used.*{file}"):
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
    assert DaySource.of(settings).console("pyzn_1") == expected
