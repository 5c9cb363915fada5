"""Every error has the one envelope, the right status, and tells nothing of the inside."""

import socket

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import serving
from tests.api.conftest import settings as api_settings
from tests.conftest import Database

PROJECT_ROUTES = [
    "/api/projects/{}",
    "/api/v2/projects/{}",
    "/api/v3/pro/projects/{}/downloads",
    "/service-api/v1/pro/projects/{}/downloads",
    "/api/v3/pro/projects/{}/country-downloads",
    "/api/v4/projects/{}",
    "/api/v4/projects/{}/versions",
    "/api/v4/projects/{}/countries",
]
NOT_FOUND = (
    "The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again."
)


def statements(client: httpx.Client) -> int:
    """How many statements the server has executed."""
    (line,) = (
        line for line in client.get("/metrics").text.splitlines() if line.startswith("pyzn_api_database_statements")
    )
    return int(float(line.split()[1]))


def assert_error(response: httpx.Response, status: int, message: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error", "message"]
    assert response.json()["error"] == status
    if message is not None:
        assert response.json()["message"] == message


@pytest.mark.parametrize("route", PROJECT_ROUTES)
def test_an_unknown_project_is_404_by_its_normalised_name(client: httpx.Client, route: str) -> None:
    response = client.get(route.format("No.Such__Project"))
    assert_error(response, 404, "Project with name no-such-project does not exist")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("%00", "\ufffd"),
        ("flask%00", "flask\ufffd"),
        ("-flask", "-flask"),
        ("flask_", "flask-"),
        ("%FF%FE", "\ufffd\ufffd"),
        ("%E2%84%AAivy", "kivy"),  # U+212A KELVIN SIGN, lower-cased to k by Unicode
        ("fl\u0430sk", "fl\u0430sk"),  # U+0430 CYRILLIC SMALL LETTER A
        ("a%20b", "a b"),
        ("%3Cscript%3E", "<script>"),
        ("'%20OR%20'1'='1", "' or '1'='1"),
        ("%E2%80%AEevil", "\ufffdevil"),  # U+202E RIGHT-TO-LEFT OVERRIDE
        ("%0D%0ASet-Cookie:%20a=b", "\ufffd\ufffdset-cookie: a=b"),
        ("a" * 5000, "a" * 80 + "…"),
    ],
)
def test_what_no_project_can_be_called_is_404_without_asking_postgres(
    client: httpx.Client, name: str, shown: str
) -> None:
    before = statements(client)
    for route in PROJECT_ROUTES:
        assert_error(client.get(route.format(name)), 404, f"Project with name {shown} does not exist")
    assert statements(client) == before


@pytest.mark.parametrize(
    "path",
    ["/projects", "/api", "/api/projects", "/api/projects/", "/api/projects/a/b", "/api/projects/a%2Fb",
     "/api/projects/flask/", "/%00", "/nope", "/docs/../settings.py", "/docs/%2e%2e%2fsettings.py", "/docs/nope",
     "/badge"],
)  # fmt: skip
def test_an_unknown_route_is_404(client: httpx.Client, path: str) -> None:
    assert_error(client.get(path), 404, NOT_FOUND)


@pytest.mark.parametrize(
    "path", ["/health-check", "/docs", *(route.format("sampleproject") for route in PROJECT_ROUTES)]
)
def test_another_method_is_405_with_those_allowed(client: httpx.Client, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        response = client.request(method, path)
        assert_error(response, 405)
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("timeRange=TWO_WEEKS", "timeRange='TWO_WEEKS': expected 'FOUR_MONTHS' or 'ONE_YEAR'"),
        ("timeRange=", "timeRange='': expected 'FOUR_MONTHS' or 'ONE_YEAR'"),
        ("timeRange=" + "X" * 900, "timeRange='" + "X" * 80 + "…': expected 'FOUR_MONTHS' or 'ONE_YEAR'"),
        ("includeCIDownloads=perhaps", "includeCIDownloads='perhaps': expected true or false"),
        ("includeCIDownloads=%00", "includeCIDownloads='\ufffd': expected true or false"),
    ],
)
def test_a_parameter_that_cannot_be_answered_is_named_with_what_is_accepted(
    client: httpx.Client, query: str, message: str
) -> None:
    response = client.get(f"/api/v3/pro/projects/sampleproject/downloads?{query}")
    assert_error(response, 400, message)


def test_what_was_not_foreseen_is_500_and_tells_nothing_of_the_inside(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE pyzn.projects RENAME COLUMN total_downloads TO other")
    with serving(api_settings(database.api_url)) as server:
        answer = server.get("/badge/sampleproject", headers={"Connection": "close"})  # the server closes it anyway
        assert_error(answer, 500, "The server made an error, which has been logged.")
        assert 'pyzn_api_requests_total{route="/badge/{project}",status="500"} 1.0' in server.get("/metrics").text
    assert "total_downloads" in caplog.text


def raw(client: httpx.Client, request: bytes) -> bytes:
    """What the server sends back to exactly these bytes."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=5) as connection:
        connection.sendall(request)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "target",
    [b"/api/projects/%", b"/api/projects/%zz", b"/api/projects/%C3%28", b"/api/projects/\xff\xfe",
     b"//api//projects//a",
     b"/api/projects/a?timeRange=%ff&&&==&", b"/api/projects/" + b"%2e" * 2000, b"*",
     b"http://elsewhere/api/projects/a",
     b"/api/v3/pro/projects/a/downloads?includeCIDownloads=%ff"],
)  # fmt: skip
def test_bytes_no_client_library_would_send_are_the_clients_error(client: httpx.Client, target: bytes) -> None:
    answer = raw(client, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4"), answer


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(PROJECT_ROUTES),
    name=st.text(max_size=40).filter(lambda name: name not in {"sampleproject", "busy", "quiet"}),
    query=st.dictionaries(st.sampled_from(["timeRange", "includeCIDownloads", "x"]), st.text(max_size=10)),
)
def test_no_name_and_no_query_breaks_the_server(
    client: httpx.Client, route: str, name: str, query: dict[str, str]
) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))
    response = client.get(route.format(encoded), params=query)
    assert response.status_code in {400, 404}
    assert response.json()["error"] == response.status_code
