"""Addresses that people and browsers already have lead to a page."""

import httpx
import pytest


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/project/sampleproject", "/projects/sampleproject"),
        ("/project/sampleproject/?range=year", "/projects/sampleproject?range=year"),
        ("/projects/sampleproject/", "/projects/sampleproject"),
        ("/projects/sampleproject/readme/", "/projects/sampleproject/readme"),
        ("/projects/sampleproject/wheels/", "/projects/sampleproject/wheels"),
        ("/search/?q=a%20b", "/search?q=a%20b"),
        ("/compare/", "/compare"),
        ("/days/", "/days"),
        ("/project/%2F%2Fevil.example", None),
        ("/project/%5C%5Cevil.example/", "/projects/%5C%5Cevil.example"),
    ],
)
def test_an_address_of_before_leads_to_its_page_on_this_host(
    client: httpx.Client, address: str, page: str | None
) -> None:
    answer = client.get(address, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (301 if page else 404, page)
    if page and "evil" not in page:
        assert client.get(address, follow_redirects=True).status_code == 200


def test_browsers_and_search_engines_find_what_they_look_for(client: httpx.Client) -> None:
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert client.get("/robots.txt").text.startswith("User-agent: *\nDisallow: /api/\n")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("timeRange=threeMonths&category=version&granularity=weekly", "range=quarter&granularity=week"),
        ("timeRange=oneYear&granularity=daily", "range=year"),
        ("timeRange=sinceEver", "range=month"),
        ("granularity=weekly", "range=month&granularity=week"),
    ],
)
def test_the_words_of_the_newer_site_are_accepted(client: httpx.Client, words: str, shown: str) -> None:
    assert client.get(f"/projects/sampleproject?{words}").text == client.get(f"/projects/sampleproject?{shown}").text
