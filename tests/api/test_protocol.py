"""HEAD, OPTIONS, CORS, compression, caching headers: the same on every route."""

import gzip

import httpx
import pytest

from pyzn_api.responses import accepts_gzip
from tests.api.conftest import serving, settings
from tests.conftest import Database

JSON_ROUTES = [
    "/api/projects/sampleproject",
    "/api/v2/projects/sampleproject",
    "/api/v3/pro/projects/sampleproject/downloads",
    "/service-api/v1/pro/projects/sampleproject/downloads",
    "/api/v3/pro/projects/sampleproject/country-downloads",
    "/api/v4/projects/sampleproject",
    "/api/v4/projects?name=sampleproject",
    "/api/v4/projects/sampleproject/versions",
    "/api/v4/projects/sampleproject/versions?format=csv",
    "/api/v4/projects/sampleproject/countries",
    "/api/v4/days",
    "/api/v4/top",
]
EVERY_ROUTE = [
    *JSON_ROUTES,
    "/api/v4/status",
    "/health-check",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui.css",
]
BADGES = ["/badge/sampleproject", "/badge/sampleproject/week", "/personalized-badge/sampleproject"]


@pytest.mark.parametrize("path", [*EVERY_ROUTE, *BADGES, "/nope", "/api/projects/no-such-project"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("etag") == got.headers.get("etag")
    if path != "/metrics":
        assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", [*EVERY_ROUTE, *BADGES, "/api/v1/admin/projects/sampleproject"])
def test_options_names_the_methods(client: httpx.Client, path: str) -> None:
    response = client.options(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_answers_may_be_cached_for_an_hour(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["cache-control"] == "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60"
    assert "Accept-Encoding" in headers["vary"]


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_what_the_client_has_is_not_sent_again(client: httpx.Client, path: str) -> None:
    etag = client.get(path).headers["etag"]
    for form in ("{}", '"other", {}', "W/{},*"):
        response = client.get(path, headers={"If-None-Match": form.format(etag.removeprefix("W/"))})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag
        assert "max-age=3600" in response.headers["cache-control"]


@pytest.mark.parametrize("path", [*JSON_ROUTES, "/openapi.json", "/badge/sampleproject"])
def test_whoever_has_any_answer_gets_none_if_there_is_one(client: httpx.Client, path: str) -> None:
    response = client.get(path, headers={"If-None-Match": "*"})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == client.get(path).headers["etag"]
    assert client.get("/api/projects/no-such-project", headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize("value", ['"other"', "W/", ",,,", '"' * 50, "é".encode()])
def test_another_etag_gets_the_whole_answer(client: httpx.Client, value: str | bytes) -> None:
    raw = value if isinstance(value, bytes) else value.encode()
    response = client.get(JSON_ROUTES[0], headers={b"If-None-Match": raw})
    assert (response.status_code, response.json()["id"]) == (200, "sampleproject")


def test_no_two_answers_share_an_etag(client: httpx.Client) -> None:
    paths = [*JSON_ROUTES, "/api/projects/busy", "/api/v3/pro/projects/busy/downloads?timeRange=FOUR_MONTHS"]
    paths += ["/api/v3/pro/projects/busy/downloads?includeCIDownloads=false"]
    etags = {client.get(path).headers["etag"] for path in paths}
    assert len(etags) == len(paths) - 1  # the service-api route gives the same answer as the pro route


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("gzip", True),
        ("GZip, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip", True),
        ("identity", False),
        ("br", False),
        ("", False),
        ("gzip;;q=x", True),
    ],
)
def test_gzip_is_for_those_who_accept_it(accept_encoding: str, accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is accepted


def test_a_large_answer_is_compressed_and_the_same_inside(client: httpx.Client) -> None:
    path = "/openapi.json"
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as response:
        packed = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(packed)
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 3


def test_any_origin_may_read_by_default(client: httpx.Client) -> None:
    for path in (JSON_ROUTES[0], "/nope"):
        assert client.get(path, headers={"Origin": "https://example.org"}).headers["access-control-allow-origin"] == "*"
    preflight = client.options(
        JSON_ROUTES[0],
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "If-None-Match, X-API-Key",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "GET" in preflight.headers["access-control-allow-methods"]


def test_a_list_of_origins_keeps_the_others_out(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cors_origins=["https://pyzn.example"])) as client:
        allowed = client.get(JSON_ROUTES[0], headers={"Origin": "https://pyzn.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://pyzn.example"
        assert "Origin" in allowed.headers["vary"]
        other = client.get(JSON_ROUTES[0], headers={"Origin": "https://example.org"})
        assert "access-control-allow-origin" not in other.headers
        refused = client.options(
            JSON_ROUTES[0], headers={"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
        )
        assert refused.status_code == 400
        assert refused.json() == {"error": 400, "message": "Disallowed CORS origin"}
