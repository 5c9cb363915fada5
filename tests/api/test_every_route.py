"""Every route alike: methods, caching, ranges, compression, CORS, errors; and no text breaks one."""

import gzip
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from pyzn_api.__main__ import build
from pyzn_api.shortcut import Shortcut
from tests.api.conftest import hashed, serving, settings
from tests.api.hostile import PARTS
from tests.api.routes import CHOSEN, DOCUMENTATION, NEVER_KEPT, VARIANTS, urls, urls_of_all_of_pypi
from tests.conftest import Database
from tests.site.pictures import ELEMENTS, SVG

ADMIN = "/api/v1/admin/projects/{project}"
KEPT = [url for url in urls("sampleproject", chosen=True) + urls_of_all_of_pypi() if "/v1/admin/" not in url]
ALL = [*KEPT, *NEVER_KEPT, *DOCUMENTATION]
V4 = [path for path in VARIANTS | CHOSEN if path.startswith("/api/v4/")]
ORIGIN = {"Origin": "https://example.org"}


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all of a response but its time; a redirect without the query that it keeps."""
    headers = {name: value.removesuffix("?&") for name, value in response.headers.items() if name != "date"}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("url", [*ALL, "/metrics", "/nope", "/api/projects/no-such-project", ADMIN])
def test_methods_and_origins(client: httpx.Client, url: str) -> None:
    got, head = client.get(url, headers=ORIGIN), client.head(url, headers=ORIGIN)
    assert (head.status_code, head.content) == (got.status_code, b"")
    if url != "/metrics":
        assert seen(head)[2] == seen(got)[2]
    assert got.headers["access-control-allow-origin"] == "*"
    if url != "/nope":
        options, refused = client.options(url), client.post(url)
        assert (options.status_code, options.content, options.headers["allow"]) == (200, b"", "GET, HEAD, OPTIONS")
        assert (refused.status_code, refused.json()["error"]) == (405, 405)
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_no_other_method_is_accepted(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/api/v4/days").status_code == 405


def test_any_origin_may_ask_with_any_header(client: httpx.Client) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "traceparent, x-grafana-org-id"}
    preflight = client.options("/api/v4/days", headers=ORIGIN | asked)
    allowed = {name: preflight.headers[f"access-control-allow-{name}"] for name in ("origin", "methods", "headers")}
    assert (preflight.status_code, allowed["origin"]) == (200, "*")
    assert "GET" in allowed["methods"]
    assert "traceparent" in allowed["headers"]


@pytest.mark.parametrize("url", [*KEPT, *DOCUMENTATION])
def test_an_answer_may_be_kept_compressed_and_taken_in_parts(client: httpx.Client, url: str) -> None:
    answer = client.get(url, headers={"Accept-Encoding": "identity"})
    etag, headers = answer.headers["etag"], answer.headers
    json_or_csv = headers["content-type"].startswith(("application/json", "text/csv", "application/atom+xml"))
    hour = "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60"
    assert headers["cache-control"] == (hour if json_or_csv else "public, max-age=86400")
    assert headers["x-content-type-options"] == "nosniff"
    assert "Accept-Encoding" in headers["vary"]
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["cache-control"] == headers["cache-control"]
    assert "content-encoding" not in headers
    with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as response:
        packed = b"".join(response.iter_raw())
    assert int(response.headers["content-length"]) == len(packed)
    assert (gzip.decompress(packed) if "content-encoding" in response.headers else packed) == answer.content
    assert ("content-encoding" in response.headers) == (len(answer.content) >= 1000)
    part = client.get(url, headers={"Range": "bytes=5-"})
    assert (part.status_code, part.content) == (206, answer.content[5:])
    if not url.startswith("/api/v4/"):  # which refuses unknown parameters
        more = "&" if "?" in url else "?"
        assert seen(client.get(f"{url}{more}nobody=knows&_=1", headers={"Accept-Encoding": "identity"})) == seen(answer)


def test_any_form_of_if_none_match_is_understood(client: httpx.Client) -> None:
    answer = client.get("/api/v4/days")
    etag = answer.headers["etag"]
    for form in ("{}", '"other", {}', "W/{},*", "*"):
        again = client.get("/api/v4/days", headers={"If-None-Match": form.format(etag.removeprefix("W/"))})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for other in (b'"other"', b"W/", b",,,", b'"' * 50, "é".encode()):
        again = client.get("/api/v4/days", headers={b"If-None-Match": other})
        assert (again.status_code, again.content) == (200, answer.content)


def test_a_range_is_answered_or_ignored(client: httpx.Client) -> None:
    whole = client.get("/api/v4/days")
    size = len(whole.content)
    for asked, first, last in (("0-9", 0, 9), ("-7", size - 7, size - 1), ("3-9999999", 3, size - 1)):
        headers = {"Range": f"bytes={asked}"}
        assert client.head("/api/v4/days", headers=headers).status_code == 200  # a range is of GET alone
        part = client.get("/api/v4/days", headers=headers)
        assert (part.status_code, part.content) == (206, whole.content[first : last + 1])
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    beyond = client.get("/api/v4/days", headers={"Range": "bytes=99999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    since = {"Range": "bytes=0-9", "If-Range": whole.headers["etag"]}
    for ignored in (since, *({"Range": each} for each in ("bytes=0-1,4-5", "bytes=-", "lines=1-2", "bytes=a-b"))):
        assert seen(client.get("/api/v4/days", headers=ignored))[:2] == seen(whole)[:2]


def test_a_list_of_origins_keeps_the_others_out(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cors_origins="https://PyZn.example, http://[::1]:3000")) as client:
        for origin in ("https://pyzn.example", "http://[::1]:3000"):
            allowed = client.get("/api/v4/days", headers={"Origin": origin})
            assert allowed.headers["access-control-allow-origin"] == origin
            assert "Origin" in allowed.headers["vary"]
        assert "access-control-allow-origin" not in client.get("/api/v4/days", headers=ORIGIN).headers
        refused = client.options("/api/v4/days", headers=ORIGIN | {"Access-Control-Request-Method": "GET"})
        assert (refused.status_code, refused.json()) == (400, {"error": 400, "message": "Disallowed CORS origin"})


def test_a_cached_answer_is_the_one_that_would_be_made_now(stocked: Database) -> None:
    """A cache's key has all that the body shows of the request: the spelling, the order, each parameter."""
    asked = [url for project in ("sampleproject", "Sample_Project", "busy", "x" * 300) for url in urls(project)]
    asked = [url for url in asked if not url.startswith("/chart/")]  # which take most of the time
    asked += [f"/api/v4/projects?name={names}" for names in ("busy,Quiet", "quiet&name=busy", "nO-Such")]
    asked += [f"/api/v4/{route}?name=busy&name=%01{more}" for route in ("projects", "series") for more in ("", "x")]
    asked += [f"/api/packages/{name}/system" for name in ("y" * 300, "a%00", "a%01", "Busy")]
    tables = [url for url in asked if url.startswith("/api/v4/")]
    configured = {"admin_password_hash": hashed("secret")}
    with (
        serving(settings(stocked.api_url, **configured)) as cached,
        serving(settings(stocked.api_url, cache_bytes=0, **configured)) as fresh,
    ):
        for accept, some in (("*/*", asked), ("text/csv", tables)):
            expected = {url: seen(fresh.get(url, headers={"Accept": accept})) for url in some}
            for url in (*some, *reversed(some)):
                assert seen(cached.get(url, headers={"Accept": accept})) == expected[url]


@pytest.mark.parametrize("path", V4)
def test_v4_refuses_a_parameter_that_it_does_not_take_and_names_those_that_it_takes(
    client: httpx.Client, operations: dict[str, list[dict[str, Any]]], path: str
) -> None:
    known = ", ".join(each["name"] for each in operations[path])
    for name in ("no-such-thing", "", "%00", "timeRange"):
        answer = client.get(f"{path.replace('{project}', 'sampleproject')}?{name}=1&name=busy")
        assert (answer.status_code, answer.json()["message"].count(f"takes {known}")) == (400, 1)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("fomat", "format"), ("FORMAT", "format"), ("from", "start"), ("until", "end"), ("strat", "start")],
)
def test_the_likely_parameter_is_named(client: httpx.Client, name: str, meant: str) -> None:
    message = client.get(f"/api/v4/days?{name}=x").json()["message"]
    assert message == f"{name!r} is no parameter of this route, which takes start, end, format; is {meant} meant?"


def test_the_short_way_answers_as_the_framework_does(client: httpx.Client) -> None:
    app = build(settings("postgresql://nobody@127.0.0.1/nothing"))
    direct = {route.path for route in Shortcut(app, app.routes).routes.values()}
    assert {"/health-check", "/api/v2/projects/{project}", "/badge/{project}"} <= direct
    assert "/api/v4/projects" not in direct  # a parameter is required
    paths = {route.path for route in iter_route_contexts(app.routes) if route.path} - {"/metrics", "/api/v4/status"}
    urls = {
        path.replace("{project}", project).replace("{name}", "start.js")
        for path in paths
        for project in ("Sample_Project", "no-such-project", "%00", "a%2Fb", "ü")
    }
    for url in urls:
        answer = client.get(url)
        assert seen(answer) == seen(client.get(f"{url}?&")), url
        assert answer.status_code < 500, url


# Each shows the name, or what it has found by it, in another way; the test above asks all routes.
NAMED = ["/{}", "/docs/{}", "/api/projects/{}", "/api/packages/{}/system", "/api/v4/projects/{}"]
NAMED += ["/api/v4/series?name={}", "/badge/{}", "/chart/{}.svg"]

BADGE = {SVG + name for name in ("svg", "title", "linearGradient", "stop", "clipPath", "rect", "g", "text")}


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> dict[str, list[dict[str, Any]]]:
    """Every documented path, and its query parameters."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    return {
        path: [each for each in item["get"].get("parameters", []) if each["in"] == "query"]
        for path, item in paths.items()
    }


def assert_harmless(response: httpx.Response) -> None:
    """The client's error or an answer; an SVG of drawing elements only, an error in the envelope."""
    where = str(response.url)[:300]
    assert response.status_code < 500, where
    assert "x-injected" not in response.headers, where
    if response.headers.get("content-type") == "image/svg+xml":
        elements = ELEMENTS if response.url.path.startswith("/chart/") else BADGE
        for element in ET.fromstring(response.text).iter():  # noqa: S314  # our own answer
            assert element.tag in elements, where
            assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")], where
    elif response.status_code >= 400:
        assert list(response.json()) == ["error", "message"], where
        assert response.json()["error"] == response.status_code, where


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_no_name_and_no_value_breaks_the_server(
    client: httpx.Client, operations: dict[str, list[dict[str, Any]]], part: str
) -> None:
    for path in NAMED:
        assert_harmless(client.get(path.format(part)))
    tried = set()  # a parameter that several routes take is read by one function
    for path, parameters in operations.items():
        sample = path.replace("{project}", "sampleproject")
        for parameter in parameters:
            name = parameter["name"]
            if (declared := repr(parameter)) not in tried:
                assert_harmless(client.get(f"{sample}?{name}={part}&{name}={part}"))
            tried.add(declared)
    for sample in ("/api/v4/days", "/api/projects/sampleproject", "/docs"):
        assert_harmless(client.get(f"{sample}?{part}&x={part}&&=&"))
