"""Rules that need no server: names, versions, windows, settings, tags of wheels."""

import re
from dataclasses import astuple
from datetime import date
from urllib.parse import unquote

import pytest
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pyzn_api.__main__ import main
from pyzn_api.errors import UnknownProjectError
from pyzn_api.names import known_form
from pyzn_api.settings import SettingsError, load
from pyzn_api.versions import in_order
from pyzn_api.wheels import tags_of
from pyzn_api.windows import last_days, last_months, since_month_of_90_days_ago
from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_pipeline.keys import OTHER
from pyzn_pipeline.names import normalise
from tests.wheels import WHEELS


@pytest.mark.parametrize(
    ("name", "normalised"),
    [("Flask", "flask"), ("zope.interface", "zope-interface"), ("a_-.b", "a-b"), ("A", "a"), ("0x", "0x")],
)
def test_a_name_has_one_normal_form(name: str, normalised: str) -> None:
    assert known_form(name) == normalised
    assert normalise(normalised) == normalised


@pytest.mark.parametrize("name", ["", "-", ".a", "a b", "\u017f", "a\n", "a" * 256])
def test_what_no_project_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(UnknownProjectError):
        known_form(name)


def test_versions_are_ordered_by_pep_440_and_the_rest_by_nature() -> None:
    ordered = [
        "(unknown)",
        "build2",
        "build10",
        "1.0.dev1",
        "1.0rc1",
        "1.0",
        "1.0.0",
        "1.0.post1",
        "1.9",
        "1.10",
        "1!0.1",
    ]
    assert in_order(reversed(ordered)) == ordered


def test_windows_are_those_of_the_contract() -> None:
    today = date(2026, 7, 20)
    assert last_days(today, 30) == (date(2026, 6, 20), date(2026, 7, 19))
    assert since_month_of_90_days_ago(today) == (date(2026, 4, 1), date(2026, 7, 19))
    assert since_month_of_90_days_ago(date(2026, 3, 31)).start == date(2025, 12, 1)
    assert last_months(today, 4).start == date(2026, 3, 20)
    assert last_months(today, 12).start == date(2025, 7, 20)
    assert last_months(date(2026, 6, 30), 4).start == date(2026, 2, 28)
    assert last_months(date(2028, 2, 29), 12).start == date(2027, 2, 28)
    assert last_months(date(2026, 4, 1), 4).start == date(2025, 12, 1)


def test_without_its_database_url_it_ends_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYZN_API_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit, match=r"^PYZN_API_DATABASE_URL is not set \(the read-only role"):
        main()


def test_every_wrong_setting_is_named_at_once_and_no_secret_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYZN_API_DATABASE_URL", "mysql://user:hunter2@host/database")
    monkeypatch.setenv("PYZN_API_PORT", "70000")
    with pytest.raises(SettingsError) as error:
        load()
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "PYZN_API_DATABASE_URL" in lines[0]
    assert "postgresql://USER" in lines[0]
    assert "PYZN_API_PORT='70000'" in lines[1]
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["postgresql://[", "postgresql://host/pyzn", "postgresql://pyzn@host", "host=a dbname=b"]
)
def test_what_is_no_url_of_postgres_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PYZN_API_DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"^PYZN_API_DATABASE_URL: expected postgresql://USER"):
        load()


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("CORS_ORIGINS", "https://a.example, https://b.example/", "'https://b.example/' can match no origin"),
        ("CORS_ORIGINS", "https://*.example", "'https://*.example' can match no origin"),
        ("TRUSTED_PROXIES", "10.0.0.1, nginx", "'nginx' can match no proxy"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "'10.0.0.0/33' can match no proxy"),
        ("TRUSTED_PROXIES", " , ", "nothing is between its commas"),
        ("KEYS", "first, s\u00e9cond", "a key has a space or a letter that no header carries"),
    ],
)
def test_a_setting_that_can_never_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv("PYZN_API_DATABASE_URL", "postgresql://reader:secret@db/pyzn")
    monkeypatch.setenv(f"PYZN_API_{variable}", value)
    with pytest.raises(SettingsError, match=f"^PYZN_API_{variable}.*{re.escape(named)}: expected"):
        load()


def test_settings_have_the_defaults_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYZN_API_DATABASE_URL", "postgresql+psycopg://reader:secret@db/pyzn")
    monkeypatch.setenv("PYZN_API_CORS_ORIGINS", "https://A.example, https://b.example:8443, *")
    monkeypatch.setenv("PYZN_API_TRUSTED_PROXIES", "10.0.0.1, 10.1.2.3/8, fd00::/8")
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 5200)
    assert settings.database_url.get_secret_value() == "postgresql://reader:secret@db/pyzn"
    assert settings.cors_origins == ["https://a.example", "https://b.example:8443", "*"]
    assert settings.trusted_proxies == ["10.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


def test_the_tags_of_every_shape_of_file_are_understood() -> None:
    assert len(WHEELS) >= 300
    for wheel in WHEELS:
        assert astuple(tags_of(wheel.key)) == wheel[2:], wheel.filename


def test_a_key_has_the_tags_that_packaging_finds_in_the_name() -> None:
    found = 0
    for wheel in WHEELS:
        if wheel.key == OTHER:
            continue
        try:
            tags = parse_wheel_filename(unquote(wheel.filename))[3]
        except InvalidWheelFilename:
            continue
        parts = [sorted({getattr(tag, part) for tag in tags}) for part in ("interpreter", "abi", "platform")]
        assert wheel.key.lower() == "-".join(map(".".join, parts))
        found += 1
    assert found >= 300


def test_the_meaning_of_any_text_is_given() -> None:
    for key in ["", "-", "--", "a-b", "a-b-c", "a-b-c-d", OTHER, UNKNOWN]:
        assert tags_of(key).family == "other"
    assert tags_of(f"py3-none-manylinux_{'9' * 5000}_0_x86_64").glibc == UNKNOWN
