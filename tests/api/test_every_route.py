"""Every route alike: methods, caching, ranges, compression, CORS, errors; and no text breaks one."""

import gzip
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from pyzn_api.__main__ import build
from pyzn_api.direct import Direct
from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.api.conftest import hashed, serving, settings
from tests.api.hostile import PARTS
from tests.api.routes import CHOSEN, DOCUMENTATION, NEVER_KEPT, VARIANTS, urls, urls_of_all_of_pypi
from tests.conftest import Database

ADMIN = "/api/v1/admin/projects/{project}"
KEPT = [url for url in urls("sampleproject", chosen=True) + urls_of_all_of_pypi() if "/v1/admin/" not in url]
ALL = [*KEPT, *NEVER_KEPT, *DOCUMENTATION]
V4 = [path for path in VARIANTS | CHOSEN if path.startswith("/api/v4/")]
ORIGIN = {"Origin": "https://example.org"}


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {
        k: v.removesuffix("?&") for k, v in response.headers.items() if k != "date"
    }  # a redirect keeps its query
    return response.status_code, response.content, headers


@pytest.mark.parametrize("url", [*ALL, "/metrics", "/nope", "/api/projects/no-such-project", ADMIN])
def test_methods(client: httpx.Client, url: str) -> None:
    got, head, options = client.get(url), client.head(url), client.options(url)
    assert (head.status_code, head.content) == (got.status_code, b"")
    if url != "/metrics":
        assert seen(head)[2] == seen(got)[2]
    if url != "/nope":
        assert (options.status_code, options.content) == (200, b"")
        assert options.headers["allow"] == "GET, HEAD, OPTIONS"
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            refused = client.request(method, url)
            assert (refused.status_code, refused.json()["error"]) == (405, 405)
            assert refused.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("url", [*KEPT, *DOCUMENTATION])
def test_a_client_that_has_the_answer_gets_none(client: httpx.Client, url: str) -> None:
    answer = client.get(url)
    etag, headers = answer.headers["etag"], answer.headers
    json_or_csv = headers["content-type"].startswith(("application/json", "text/csv", "application/atom+xml"))
    hour = "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60"
    assert headers["cache-control"] == (hour if json_or_csv else "public, max-age=86400")
    assert headers["x-content-type-options"] == "nosniff"
    assert "Accept-Encoding" in headers["vary"]
    for form in ("{}", '"other", {}', "W/{},*", "*"):
        again = client.get(url, headers={"If-None-Match": form.format(etag.removeprefix("W/"))})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == headers["cache-control"]
    for other in (b'"other"', b"W/", b",,,", b'"' * 50, "é".encode()):
        again = client.get(url, headers={b"If-None-Match": other})
        assert (again.status_code, again.content) == (200, answer.content)


@pytest.mark.parametrize("url", [*KEPT, *DOCUMENTATION])
def test_ranges_and_compression_are_of_the_same_body(client: httpx.Client, url: str) -> None:
    whole = client.get(url, headers={"Accept-Encoding": "identity"})
    size = len(whole.content)
    assert "content-encoding" not in whole.headers
    with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as response:
        packed = b"".join(response.iter_raw())
    assert int(response.headers["content-length"]) == len(packed)
    assert (gzip.decompress(packed) if "content-encoding" in response.headers else packed) == whole.content
    assert ("content-encoding" in response.headers) == (size >= 1000)
    for asked, first, last in (
        ("0-9", 0, 9),
        ("5-", 5, size - 1),
        ("-7", size - 7, size - 1),
        ("3-9999999", 3, size - 1),
    ):
        part = client.get(url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, whole.content[first : last + 1])
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    beyond = client.get(url, headers={"Range": "bytes=99999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for ignored in ("bytes=0-1,4-5", "bytes=-", "lines=1-2", "bytes=a-b"):
        assert seen(client.get(url, headers={"Range": ignored}))[:2] == seen(whole)[:2]
    since = client.get(url, headers={"Range": "bytes=0-9", "If-Range": whole.headers["etag"]})
    assert (since.status_code, since.content) == (200, whole.content)


@pytest.mark.parametrize("url", [*ALL, "/nope"])
def test_any_origin_may_read_by_default(client: httpx.Client, url: str) -> None:
    assert client.get(url, headers=ORIGIN).headers["access-control-allow-origin"] == "*"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "traceparent, x-grafana-org-id"}
    preflight = client.options(url, headers=ORIGIN | asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")
    assert "GET" in preflight.headers["access-control-allow-methods"]
    assert "traceparent" in preflight.headers["access-control-allow-headers"]


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
    """So the cache's key has all that the body shows of the request: the spelling, the order, each parameter."""
    asked = [
        url
        for project in ("sampleproject", "Sample_Project", "busy", "no-such-project", "x" * 300)
        for url in urls(project)
    ]
    asked += [
        "/api/v4/projects?name=busy,Quiet",
        "/api/v4/projects?name=quiet&name=busy",
        "/api/v4/projects?name=nO-Such",
    ]
    asked += [f"/api/packages/{name}/system" for name in ("y" * 300, "a%00", "a%01", "Busy")]
    configured = {"admin_password_hash": hashed("secret")}
    with (
        serving(settings(stocked.api_url, **configured)) as cached,
        serving(settings(stocked.api_url, cache_bytes=0, **configured)) as fresh,
    ):
        # The charts take most of the time, and are pictures of the same parameters.
        asked = [url for url in asked if not url.startswith("/chart/")]
        expected = {url: seen(fresh.get(url)) for url in asked}
        for accept in ("*/*", "text/csv"):
            for url in (*asked, *reversed(asked)):
                answer = seen(cached.get(url, headers={"Accept": accept}))
                assert answer == (
                    expected[url] if accept == "*/*" else seen(fresh.get(url, headers={"Accept": accept}))
                )


def test_no_two_answers_share_an_etag(client: httpx.Client) -> None:
    bodies: dict[str, bytes] = {}
    for url in KEPT + [url.replace("sampleproject", "busy") for url in KEPT]:
        answer = client.get(url)
        assert bodies.setdefault(answer.headers["etag"], answer.content) == answer.content, url


@pytest.mark.parametrize("path", V4)
def test_v4_refuses_a_parameter_that_it_does_not_take(client: httpx.Client, path: str) -> None:
    url = path.replace("{project}", "sampleproject")
    known = [
        each["name"]
        for each in client.get("/openapi.json").json()["paths"][path]["get"]["parameters"]
        if each["in"] == "query"
    ]
    likely = {"fomat": "format", "FORMAT": "format"} | (
        {"from": "start", "until": "end", "strat": "start"} if "start" in known else {}
    )
    for name in ("no-such-thing", "", "%00", "timeRange", *likely):
        answer = client.get(f"{url}?{name}=1&name=busy")
        assert answer.status_code == 400
        if "name" in known or name not in likely:
            assert answer.json()["message"].count(", ".join(known)) == 1
        if name in likely and "name" in known:
            assert answer.json()["message"].endswith(f"; is {likely[name]} meant?")
    misspelt = {name: client.get(f"{url}?{name}=x").json()["message"] for name in likely}
    assert misspelt == {
        name: f"{name!r} is no parameter of this route, which takes {', '.join(known)}; is {meant} meant?"
        for name, meant in likely.items()
    }


@pytest.mark.parametrize("url", [url for url in KEPT if not url.startswith("/api/v4/")])
def test_other_routes_ignore_a_parameter_that_they_do_not_know(client: httpx.Client, url: str) -> None:
    more = "&" if "?" in url else "?"
    assert seen(client.get(f"{url}{more}nobody=knows&_=1")) == seen(client.get(url))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_short_way_answers_as_the_framework_does(method: str, client: httpx.Client) -> None:
    app = build(settings("postgresql://nobody@127.0.0.1/nothing"))
    direct = {route.path for route in Direct(app, app.routes).routes.values()}
    assert {"/health-check", "/api/v2/projects/{project}", "/badge/{project}"} <= direct
    # A parameter that is required, one that another function makes.
    assert not {"/api/v4/projects", "/api/v4/projects/{project}/versions"} & direct
    paths = {route.path for route in iter_route_contexts(app.routes) if route.path} - {"/metrics", "/api/v4/status"}
    for path in paths:
        for project in ("sampleproject", "Sample_Project", "no-such-project", "%00", "a%2Fb", "ü", "x" * 300):
            url = path.replace("{project}", project).replace("{name}", "start.js")
            assert seen(client.request(method, url)) == seen(client.request(method, f"{url}?&")), url


SVG = "{http://www.w3.org/2000/svg}"
BADGE = {SVG + name for name in ("svg", "title", "linearGradient", "stop", "clipPath", "rect", "g", "text")}
CHART = {SVG + name for name in ("svg", "title", "defs", "pattern", "path", "line", "rect", "circle", "text")}


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> dict[str, list[str]]:
    """Every documented path, and the names of its query parameters."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    found = {
        path: [each["name"] for each in item["get"].get("parameters", []) if each["in"] == "query"]
        for path, item in paths.items()
    }
    return found | {"/metrics": [], "/docs": [], "/openapi.json": [], "/docs/{project}": [], "/{project}": []}


def assert_harmless(response: httpx.Response) -> None:
    """The client's error or an answer; an SVG of drawing elements only, an error in the envelope."""
    where = str(response.url)[:300]
    assert response.status_code < 500, where
    assert "x-injected" not in response.headers, where
    if response.headers.get("content-type") == "image/svg+xml":
        elements = CHART if response.url.path.startswith("/chart/") else BADGE
        for element in ET.fromstring(response.text).iter():  # noqa: S314  # our own answer
            assert element.tag in elements, where
            assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")], where
    elif response.status_code >= 400:
        assert list(response.json()) == ["error", "message"], where
        assert response.json()["error"] == response.status_code, where


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_no_name_and_no_value_breaks_the_server(
    client: httpx.Client, operations: dict[str, list[str]], part: str
) -> None:
    for path, names in operations.items():
        if "{project}" in path:
            assert_harmless(client.get(path.replace("{project}", part)))
        sample = path.replace("{project}", "sampleproject")
        for name in names:
            assert_harmless(client.get(f"{sample}?{name}={part}&{name}={part}"))
        assert_harmless(client.get(f"{sample}?{part}&x={part}&&=&"))


@pytest.mark.parametrize("start", ["0001-01-01", "1970-01-01", "2026-07-19", "9999-12-31"])
def test_huge_and_reversed_ranges(client: httpx.Client, operations: dict[str, list[str]], start: str) -> None:
    ranged = [path.replace("{project}", "sampleproject") for path, names in operations.items() if "start" in names]
    assert len(ranged) >= 1 + len(BREAKDOWNS)
    for path in ranged:
        for end in ("0001-01-01", "1970-01-01", "2026-07-19", "9999-12-31"):
            for granularity in ("day", "week", "month"):
                assert_harmless(client.get(f"{path}?start={start}&end={end}&granularity={granularity}"))
        assert_harmless(client.get(f"{path}?start={start}&" + "end=2026-07-19&" * 500))
