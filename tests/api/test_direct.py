"""The short way to a route (pyzn_api/direct.py) answers as the framework does."""

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from pyzn_api.app import build_app
from pyzn_api.direct import Direct
from tests.api.conftest import serving, settings
from tests.conftest import Database

PROJECTS = ["sampleproject", "Sample_Project", "no-such-project", "%00", "a%2Fb", "ü", "x" * 300]
CHANGING = {"date", "x-elapsed"}


def paths() -> list[str]:
    """Every path of the application, for several projects."""
    routes = build_app(settings("postgresql://nobody@127.0.0.1/nothing")).routes
    known = [route.path for route in iter_route_contexts(routes) if route.path and route.path != "/metrics"]
    found = {path.replace("{project}", project) for path in known for project in PROJECTS}
    return sorted(path.replace("{name}", "start.js") for path in found)


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in response.headers.items() if name not in CHANGING}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_a_query_every_route_answers_as_with_an_empty_one(method: str, client: httpx.Client) -> None:
    different = [
        path
        for path in paths()
        if "/api/v4/status" not in path
        and seen(client.request(method, path)) != seen(client.request(method, path + "?&"))
    ]
    assert not different


def test_a_key_is_asked_for_on_both_ways(stocked: Database) -> None:
    with serving(settings(stocked.api_url, keys=["secret"])) as client:
        for path in ("/api/v2/projects/sampleproject", "/api/v2/projects/sampleproject?ignored"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"X-API-Key": "secret"}).status_code == 200


def test_what_has_to_be_validated_is_left_to_the_framework() -> None:
    app = build_app(settings("postgresql://nobody@127.0.0.1/nothing"))
    direct = {route.path for route in Direct(app, app.routes).routes.values()}
    assert {"/health-check", "/api/v2/projects/{project}", "/badge/{project}"} <= direct
    # A parameter that is required, one that another function makes.
    assert not {"/api/v4/projects", "/api/v4/projects/{project}/versions"} & direct
