"""Errors: the one envelope, the right status, what is accepted, and nothing of the inside."""

import httpx
import psycopg
import pytest

from pyzn_api.errors import NOT_FOUND
from tests.api.conftest import connect, metric
from tests.api.routes import VARIANTS

PROJECT_ROUTES = [
    path.replace("{project}", "{}")
    for path in VARIANTS
    if "projects/{project}" in path and not path.startswith("/api/v1/admin/")
]
SAMPLE = "/api/v4/projects/sampleproject"
PRO = "/api/v3/pro/projects/sampleproject/downloads"
BADGE = "/personalized-badge/sampleproject"
LISTED = "as answers list it, or (unknown)"


def assert_error(response: httpx.Response, status: int, message: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json"), response.text
    assert list(response.json().items()) == [("error", status), ("message", message)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("No.Such__Project", "no-such-project"),
        ("flask%00", "flask\ufffd"),
        ("%FF%FE", "\ufffd\ufffd"),
        ("%E2%84%AAivy", "\u212aivy"),  # KELVIN SIGN, which Unicode lower-cases to k
        ("%3Cscript%3E", "<script>"),
        ("%E2%80%AEevil", "\ufffdevil"),  # U+202E RIGHT-TO-LEFT OVERRIDE
        ("%0D%0ASet-Cookie:%20a=b", "\ufffd\ufffdset-cookie: a=b"),
        ("a" * 5000, "a" * 80 + "…"),
    ],
)
def test_an_unknown_project_is_404_and_what_none_can_be_called_never_reaches_postgres(
    client: httpx.Client, name: str, shown: str
) -> None:
    before = metric(client, "pyzn_api_database_statements_total")
    for route in PROJECT_ROUTES:
        assert_error(client.get(route.format(name)), 404, f"Project with name {shown} does not exist")
    if shown != "no-such-project":
        assert metric(client, "pyzn_api_database_statements_total") == before


@pytest.mark.parametrize(
    "path",
    ["/projects", "/api", "/api/projects", "/api/projects/", "/api/projects/a/b", "/api/projects/a%2Fb",
     "/api/projects/flask/", "/%00", "/nope", "/docs/../settings.py", "/docs/%2e%2e%2fsettings.py", "/docs/nope",
     "/badge"],
)  # fmt: skip
def test_an_unknown_route_is_404(client: httpx.Client, path: str) -> None:
    assert_error(client.get(path), 404, NOT_FOUND)


# Requests, and the message that names the parameter, its value and what is accepted.
REFUSED = {
    f"{PRO}?timeRange=TWO_WEEKS": "timeRange='TWO_WEEKS': expected 'FOUR_MONTHS' or 'ONE_YEAR'",
    f"{PRO}?timeRange={'X' * 900}": "timeRange='" + "X" * 80 + "…': expected 'FOUR_MONTHS' or 'ONE_YEAR'",
    f"{PRO}?includeCIDownloads=perhaps": "includeCIDownloads='perhaps': expected true or false",
    f"{SAMPLE}/versions?granularity=hour": "granularity='hour': expected 'day', 'week' or 'month'",
    f"{SAMPLE}/versions?ci=maybe": "ci='maybe': expected 'include', 'exclude' or 'only'",
    f"{SAMPLE}/versions?format=xml": "format='xml': expected 'json' or 'csv'",
    f"{SAMPLE}/versions?version=%00": f"version='\ufffd': expected the release as PyPI spells it, {LISTED}",
    f"{SAMPLE}/pythons?python=three": f"python='three': expected the minor version of Python, {LISTED}",
    f"{SAMPLE}/countries?country=USA": f"country='USA': expected an ISO 3166-1 alpha-2 code, {LISTED}",
    f"{SAMPLE}/countries?country=US&country=DE":
        "country is given as 'DE' and 'US': this route takes one country; ask for each by itself",
    f"{SAMPLE}/countries?count=files": "count='files': expected 'downloads'",
    f"{SAMPLE}/pythons?count=downloads": "count='downloads': expected 'without_mirrors' or 'files_without_mirrors'",
    f"{SAMPLE}/pythons?version=1.9&count=without_mirrors":
        "count='without_mirrors': expected files_without_mirrors by python and version",
    "/api/v4/projects/__all__/pythons?version=1.9":
        "version='1.9': expected the name of a project: a version means nothing for __all__",
    f"{SAMPLE}/versions?count=without_mirrors":
        "count='without_mirrors': expected 'downloads', 'pip', 'ci' or 'files'",
    f"{SAMPLE}/versions?count=pip&ci=only": "ci='only': expected include with count=pip",
    "/api/v4/top?limit=0": "limit='0': expected greater than or equal to 1",
    "/api/v4/top?limit=99999": "limit='99999': expected less than or equal to 15000",
    "/api/v4/top?limit=many": "limit='many': expected a whole number",
    "/api/v4/projects": "name='': expected a value",
    "/api/v4/projects?name=" + ",".join("a" * 129): "name='129 names': expected 128 at most",
    "/api/v4/series": "name='': expected a value",
    "/api/v4/series?" + "&".join(["name=a"] * 9): "name='9 names': expected 8 at most",
    "/api/v4/events?start=2026-08-24&end=2026-08-23":
        "start='2026-08-24': expected 2026-08-23 (the end) at the latest",
    f"{BADGE}?left_text={'x' * 65}":
        "left_text='" + "x" * 65 + "': expected at most 64 characters that can be shown",
    f"{BADGE}?left_text=\u202e": "left_text='\ufffd': expected at most 64 characters that can be shown",
    f"{BADGE}?units=roman": "units='roman': expected 'international_system', 'abbreviation' or 'none'",
    f"{BADGE}?period=year": "period='year': expected 'total', 'month' or 'week'",
}  # fmt: skip
RANGES = {
    "start=yesterday": "start='yesterday': expected a day as YYYY-MM-DD",
    "start=2026-02-30": "start='2026-02-30': expected a day as YYYY-MM-DD",
    "end=20260719": "end='20260719': expected a day as YYYY-MM-DD",
    "end=%00": "end='\ufffd': expected a day as YYYY-MM-DD",
    "end=2026-07-21": "end='2026-07-21': expected 2026-07-20 (today, UTC) at the latest",
    "start=2026-07-19&end=2026-07-18": "start='2026-07-19': expected 2026-07-18 (the end) at the latest",
    "start=0001-01-01": "start='0001-01-01': expected 2025-07-19 at the earliest: by day, "
    "a range ending 2026-07-19 has at most 366 days",
}
for _path in ("/api/v4/days", f"{SAMPLE}/versions"):
    REFUSED |= {f"{_path}?{query}": message for query, message in RANGES.items()}


@pytest.mark.parametrize("path", REFUSED)
def test_a_parameter_that_cannot_be_answered_is_named_with_what_is_accepted(client: httpx.Client, path: str) -> None:
    assert_error(client.get(path), 400, REFUSED[path])


@pytest.mark.parametrize("name", ["left_color", "right_color"])
@pytest.mark.parametrize("color", ["url(#x)", "#12345", "\u0661\u0662\u0663"])
def test_what_is_no_colour_is_400(client: httpx.Client, name: str, color: str) -> None:
    refused = client.get(BADGE, params={name: color})
    message = refused.json()["message"]
    assert refused.status_code == 400
    assert message.startswith(f"{name}={color!r}: expected 3, 4, 6 or 8 hexadecimal digits, a name of CSS, or one")


def test_what_was_not_foreseen_is_500_and_shows_nothing_of_the_inside(
    owner: psycopg.Connection, own_client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    owner.execute("ALTER TABLE pyzn.projects RENAME COLUMN total_downloads TO other")
    answer = own_client.get("/badge/sampleproject", headers={"Connection": "close"})  # the server closes it anyway
    assert_error(answer, 500, "The server made an error, which has been logged.")
    assert metric(own_client, 'pyzn_api_requests_total{route="/badge/{project}",status="500"}') == 1
    assert "total_downloads" in caplog.text


@pytest.mark.parametrize(
    "target",
    [b"/api/projects/%", b"/api/projects/%zz", b"/api/projects/%C3%28", b"/api/projects/\xff\xfe",
     b"//api//projects//a", b"/api/projects/a?timeRange=%ff&&&==&", b"/api/projects/" + b"%2e" * 2000, b"*",
     b"http://elsewhere/api/projects/a", b"/api/v3/pro/projects/a/downloads?includeCIDownloads=%ff"],
)  # fmt: skip
def test_bytes_no_client_library_would_send_are_the_clients_error(client: httpx.Client, target: bytes) -> None:
    with connect(client) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 4")
