"""Pages do not stand in the way of programs."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import serving, settings
from tests.conftest import Database
from tests.site.pages import BROWSER


@pytest.fixture(scope="module")
def without_pages(stocked: Database) -> Iterator[httpx.Client]:
    with serving(settings(stocked.api_url, pages="off")) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/projects/sampleproject", "/chart/sampleproject.svg", "/static/pages.css"])
def test_pages_can_be_turned_off(without_pages: httpx.Client, path: str) -> None:
    answer = without_pages.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


def test_without_pages_nothing_of_the_site_is_imported(stocked: Database) -> None:
    code = "import sys; from pyzn_api.__main__ import application; application(); print(*sys.modules)"
    environment = {"PYZN_API_DATABASE_URL": stocked.api_url, "PYZN_API_PAGES": "off"}
    loaded = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    modules = {each.partition(".")[0] for each in loaded.stdout.split()}
    assert "pyzn_api" in modules
    assert "pyzn_site" not in modules


def test_what_programs_call_is_answered_as_without_pages(client: httpx.Client, without_pages: httpx.Client) -> None:
    both = [each.get("/openapi.json").json() for each in (client, without_pages)]
    assert both[0]["paths"].pop("/chart/{project}.svg")
    assert both[0] == both[1]
    paths = [path for path in both[0]["paths"] if path != "/api/v4/status"]
    assert len(paths) > 20
    for path in [*paths, "/docs", "/nope", "/api/nope", "/api/v4/projects/sampleproject/versions?start=x"]:
        for name, headers in (("sampleproject", BROWSER), ("no-such-project", BROWSER), ("no-such-project", {})):
            asked = path.replace("{project}", name)
            if asked == "/nope" and headers:
                continue  # where a browser gets a page
            answers = [each.get(asked, headers=headers) for each in (client, without_pages)]
            assert answers[0].status_code == answers[1].status_code, asked
            assert answers[0].content == answers[1].content, asked


def test_an_unknown_address_is_a_page_for_a_browser_alone(client: httpx.Client) -> None:
    assert client.get("/nope").json()["error"] == 404
    answer = client.get("/nope", headers=BROWSER)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_keys_are_for_programs_and_pages_ask_for_none(stocked: Database) -> None:
    with serving(settings(stocked.api_url, keys="secret")) as client:
        assert client.get("/projects/sampleproject").status_code == 200
        assert client.get("/api/v4/top", headers=BROWSER).status_code == 401
