"""Rules that need no server: names, versions, windows, settings, tags of wheels."""

from contextlib import suppress
from dataclasses import astuple
from datetime import date
from urllib.parse import unquote

import pytest
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pyzn_api.__main__ import main
from pyzn_api.errors import UnknownProjectError
from pyzn_api.names import known_form
from pyzn_api.settings import load
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


ORDERED = [
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


def test_versions_are_ordered_by_pep_440_and_the_rest_by_nature() -> None:
    assert in_order(reversed(ORDERED)) == ORDERED


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


URL = "postgresql://reader:secret@db/pyzn"
FORM = "DATABASE_URL: expected postgresql://USER"
# Variables, and how the line of the message begins for each that is wrong.
WRONG: list[tuple[dict[str, str], list[str]]] = [
    ({"DATABASE_URL": ""}, ["DATABASE_URL is not set: the read-only role's connection, "]),
    ({"DATABASE_URL": "postgresql://["}, [FORM]),
    ({"DATABASE_URL": "postgresql://host/pyzn"}, [FORM]),
    ({"DATABASE_URL": "postgresql://pyzn@host"}, [FORM]),
    ({"DATABASE_URL": "postgresql://pyzn@host:port/pyzn"}, [FORM]),
    ({"DATABASE_URL": "host=a dbname=b"}, [FORM]),
    ({"DATABASE_URL": "mysql://user:secret@host/db", "PORT": "70000"}, [FORM, "PORT='70000': "]),
    ({"CORS_ORIGINS": "*, https://b.example/"}, ["CORS_ORIGINS='https://b.example/': 'https://b.example/' can match"]),
    ({"CORS_ORIGINS": "https://*.example"}, ["CORS_ORIGINS='https://*.example': 'https://*.example' can match no"]),
    ({"TRUSTED_PROXIES": "10.0.0.1, nginx"}, ["TRUSTED_PROXIES='nginx': 'nginx' can match no proxy: expected"]),
    ({"TRUSTED_PROXIES": "10.0.0.0/33"}, ["TRUSTED_PROXIES='10.0.0.0/33': '10.0.0.0/33' can match no proxy: expected"]),
    ({"TRUSTED_PROXIES": " , "}, ["TRUSTED_PROXIES=' , ': nothing is between its commas: expected"]),
    ({"KEYS": "first, s\u00e9cret"}, ["KEYS: a key has a space or a letter that no header carries: expected"]),
]


@pytest.mark.parametrize(("variables", "lines"), WRONG)
def test_every_wrong_setting_is_named_at_once_and_no_secret_shown(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], lines: list[str]
) -> None:
    for name, value in {"DATABASE_URL": URL, **variables}.items():
        monkeypatch.setenv(f"PYZN_API_{name}", value)
    with pytest.raises(SystemExit) as ended:
        main()
    message = str(ended.value)
    assert "secret" not in message
    assert "s\u00e9cret" not in message
    for found, line in zip(message.splitlines(), lines, strict=True):
        assert found.startswith(f"PYZN_API_{line}")


def test_settings_have_the_defaults_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYZN_API_DATABASE_URL", URL.replace("postgresql", "postgresql+psycopg"))
    monkeypatch.setenv("PYZN_API_CORS_ORIGINS", "https://A.example, https://b.example:8443, *")
    monkeypatch.setenv("PYZN_API_TRUSTED_PROXIES", "10.0.0.1, 10.1.2.3/8, fd00::/8")
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 5200)
    assert settings.database_url.get_secret_value() == URL
    assert settings.cors_origins == ["https://a.example", "https://b.example:8443", "*"]
    assert settings.trusted_proxies == ["10.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


def test_the_tags_of_every_shape_of_file_are_understood_and_are_those_that_packaging_finds() -> None:
    found = 0
    for wheel in WHEELS:
        assert astuple(tags_of(wheel.key)) == wheel[2:], wheel.filename
        if wheel.key != OTHER:
            with suppress(InvalidWheelFilename):
                tags = parse_wheel_filename(unquote(wheel.filename))[3]
                parts = [sorted({getattr(tag, part) for tag in tags}) for part in ("interpreter", "abi", "platform")]
                assert wheel.key.lower() == "-".join(map(".".join, parts))
                found += 1
    assert found >= 300


def test_the_meaning_of_any_text_is_given() -> None:
    for key in ["", "-", "--", "a-b", "a-b-c", "a-b-c-d", OTHER, UNKNOWN]:
        assert tags_of(key).family == "other"
    assert tags_of(f"py3-none-manylinux_{'9' * 5000}_0_x86_64").glibc == UNKNOWN
