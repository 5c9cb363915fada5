"""Settings, and the connection that is made of them: each wrong thing is one line, and no secret is shown.

The clients are Google's own, or the same ones wired to an emulator; nothing here talks to a network.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import environment_vars
from pydantic import SecretStr

from pyzn_pipeline.defs.resources import DaySource
from pyzn_pipeline.environment import SettingsError, libpq_url
from pyzn_pipeline.settings import Settings, load
from pyzn_pipeline.source.connection import Clients, connect
from pyzn_pipeline.source.errors import SourceError


def test_all_missing_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load(Settings)
    lines = str(error.value).splitlines()[:-1]
    assert [line.split(" is not set: ")[0] for line in lines] == ["PYZN_DATABASE_URL", "PYZN_BIGQUERY_PROJECT"]


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set but what must be."""
    monkeypatch.setenv("PYZN_DATABASE_URL", "postgresql://pyzn:secret@localhost/pyzn")
    monkeypatch.setenv("PYZN_BIGQUERY_PROJECT", "billed-project")


@pytest.mark.usefixtures("needed")
def test_defaults_are_pypis() -> None:
    settings = load(Settings)
    assert settings.bigquery_table == "bigquery-public-data.pypi.file_downloads"
    assert settings.bigquery_location == "US"
    assert settings.first_day == date(2016, 1, 22)
    assert settings.maximum_bytes_billed == 2**40
    assert "secret" not in repr(settings)


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PYZN_DATABASE_URL", "mysql://u:hunter2@h/d", r"PYZN_DATABASE_URL: expected postgresql://USER"),
        ("PYZN_DATABASE_URL", "hunter2", r"PYZN_DATABASE_URL: expected postgresql://USER"),
        ("PYZN_FIRST_DAY", "20160122", r"PYZN_FIRST_DAY='20160122': '20160122' is not a day: write it as 2026-07-14"),
        ("PYZN_REPAIR_FROM", "0", r"PYZN_REPAIR_FROM='0': '0' is not a day: write it as 2026-07-14"),
        ("PYZN_RETENTION_DAYS", "9999999", r"PYZN_RETENTION_DAYS='9999999': .*less than or equal to 100000"),
        ("PYZN_USD_PER_TIB", "inf", r"PYZN_USD_PER_TIB='inf': .*finite"),
        ("PYZN_MAXIMUM_BYTES_BILLED", str(2**63), r"PYZN_MAXIMUM_BYTES_BILLED='9\d+': .*less than"),
        ("PYZN_MAXIMUM_BYTES_BILLED", "0", r"PYZN_MAXIMUM_BYTES_BILLED='0': .*greater than 0"),
        ("PYZN_BIGQUERY_TABLE", "t; DROP TABLE x", r"PYZN_BIGQUERY_TABLE='t; DROP TABLE x': .*pattern"),
        ("PYZN_BIGQUERY_ENDPOINT", "localhost:1", r"PYZN_BIGQUERY_ENDPOINT='localhost:1': .*pattern"),
        ("PYZN_BIGQUERY_STORAGE_ENDPOINT", "localhost", r"PYZN_BIGQUERY_STORAGE_ENDPOINT='localhost': .*pattern"),
        ("PYZN_DAGSTER_PUBLIC_URL", "dagster.example", r"PYZN_DAGSTER_PUBLIC_URL='dagster.example': .*pattern"),
        ("PYZN_BIGQUERY_ENDPOINT", "http://localhost:1", r"PYZN_BIGQUERY_STORAGE_ENDPOINT go together"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_unless_it_is_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message) as error:
        load(Settings)
    assert "hunter2" not in str(error.value)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that GOOGLE_APPLICATION_CREDENTIALS names."""
    file = tmp_path / "key.json"
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(file))
    return file


def connected() -> Clients:
    return connect("billed-project", "US", None, None)


SERVICE_ACCOUNT = {"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:9/token"}
FEDERATED: dict[str, Any] = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/pool",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "http://127.0.0.1:9/token",
}
BROKEN_KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def test_without_an_endpoint_both_clients_are_googles(key: Path) -> None:
    made = rsa.generate_private_key(65537, 2048)  # nobody's, and known to no server
    private = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key.write_text(json.dumps(SERVICE_ACCOUNT | {"project_id": "own-project", "private_key": private}))
    clients = connected()
    assert clients.jobs.project == "billed-project"
    assert clients.jobs.location == "US"
    assert clients.jobs._connection.API_BASE_URL == "https://bigquery.googleapis.com"
    assert clients.jobs._credentials.service_account_email == "a@b"
    assert clients.storage.transport.host == "bigquerystorage.googleapis.com:443"
    clients.close()


def test_missing_credentials_are_one_line_with_the_way_out() -> None:
    with pytest.raises(SourceError, match=r"^Google credentials: no usable .*GOOGLE_APPLICATION_CREDENTIALS.*$"):
        connected()


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


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_credentials_name_their_file_and_show_nothing_of_it(key: Path, case: str) -> None:
    content = UNUSABLE[case]
    key.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(SourceError, match=rf"^Google credentials: no usable .*{key}.*gcloud auth .*$") as error:
        connected()
    assert "secret" not in str(error.value).replace("client_secret", "").replace("\\x00", "")


@pytest.mark.parametrize("kind", ["absent", "a folder", "a loop"])
def test_credentials_or_a_token_that_cannot_be_read_name_their_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: Path, kind: str
) -> None:
    file = tmp_path / "file"
    if kind == "a folder":
        file.mkdir()
    elif kind == "a loop":
        file.symlink_to(file)
    key.write_text(json.dumps(FEDERATED | {"credential_source": {"file": str(file)}}))
    with pytest.raises(SourceError, match=rf"^Google credentials: the Google credentials cannot be used.*{file}"):
        connected()
    monkeypatch.setenv(environment_vars.CREDENTIALS, str(file))
    with pytest.raises(SourceError, match=rf"^Google credentials: no usable .*{file}.*$"):
        connected()


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


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_url_of_sqlalchemy_is_one_of_libpq_without_its_driver(scheme: str) -> None:
    assert libpq_url(f"{scheme}://a:b@127.0.0.1/c") == "postgresql://a:b@127.0.0.1/c"
