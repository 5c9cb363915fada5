"""Settings: every missing or wrong one is named, all at once, and no secret's value is shown."""

from datetime import date

import pytest

from pyzn_pipeline.settings import Settings, SettingsError, load


def test_all_missing_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load(Settings)
    lines = str(error.value).splitlines()[:-1]
    assert [line.split(" is not set: ")[0] for line in lines] == ["PYZN_DATABASE_URL", "PYZN_BIGQUERY_PROJECT"]


def test_defaults_are_pypis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYZN_DATABASE_URL", "postgresql://pyzn:secret@localhost/pyzn")
    monkeypatch.setenv("PYZN_BIGQUERY_PROJECT", "billed-project")
    settings = load(Settings)
    assert settings.bigquery_table == "bigquery-public-data.pypi.file_downloads"
    assert settings.bigquery_location == "US"
    assert settings.first_day == date(2016, 1, 22)
    assert settings.maximum_bytes_billed == 2**40
    assert "secret" not in repr(settings)


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
    monkeypatch.setenv("PYZN_DATABASE_URL", "postgresql://pyzn:secret@localhost/pyzn")
    monkeypatch.setenv("PYZN_BIGQUERY_PROJECT", "billed-project")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message) as error:
        load(Settings)
    assert "hunter2" not in str(error.value)
