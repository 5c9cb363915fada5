"""Whatever others write, a page shows it as text, and whatever is asked for, no page fails."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from tests.api.hostile import PARTS, TEXTS
from tests.api.stock import AWKWARD
from tests.site.pages import BROWSER, Html, page


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_hostile_names_and_values_are_harmless_on_every_page(client: httpx.Client, part: int) -> None:
    text = PARTS[part]
    paths = [f"/projects/{text}", f"/projects/{text}/readme", f"/static/{text}"]
    paths += [f"/{path}?{name}={text}&{name}={text}" for path, names in {
        "": ["period"], "search": ["q"], "search/names": ["q"], "compare": ["name", "range"],
        "days": ["year"], "chart/sampleproject.svg": ["count", "by", "share", "name"],
        "projects/sampleproject": ["range", "granularity", "ci", "start", "end", "count", "share", "other"],
        "projects/sampleproject/readme": [
            "period", "left_text", "left_color", "right_color", "units", "by", "range", "theme",
        ],
    }.items() for name in names]  # fmt: skip
    for path in paths:
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code < 500, path
        assert "x-injected" not in answer.headers, path
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = Html(answer.text)
            names = {name for _, attributes in found.elements for name in attributes}
            assert not [name for name in names if name.startswith("on")], path
            assert {tag for tag, _ in found.elements}.isdisjoint({"foreignobject", "iframe"})
            assert sum(tag == "script" for tag, _ in found.elements) == 1, path
            for address in [*found.all("href"), *found.all("src"), *found.all("action")]:
                assert address.startswith(("/", "#", "https://pypi.org/", str(client.base_url))) or not address, path


def test_a_version_that_looks_like_html_is_text(client: httpx.Client) -> None:
    assert AWKWARD in page(client, "/projects/awkward?range=all").text


@pytest.mark.parametrize("text", [each for each in TEXTS if 0 < len(each) <= 64 and each.isprintable()])
def test_the_markdown_of_a_badge_is_one_link_whatever_its_text(client: httpx.Client, text: str) -> None:
    answer = client.get("/projects/sampleproject/readme", params={"left_text": text})
    assert answer.status_code == 200
    markdown = next(iter(re.findall(r'id="badge-markdown">(.*?)</code>', answer.text)))
    address = re.fullmatch(
        r"\[!\[Downloads\]\((http[^()\s<>]+)\)\]\((http[^()\s<>]+)\)", markdown.replace("&amp;", "&")
    )
    assert address
    assert parse_qs(urlsplit(address[1]).query)["left_text"] == [text]
    assert unquote(urlsplit(address[2]).path) == "/projects/sampleproject"
    badge = client.get(address[1])
    assert (badge.status_code, badge.headers["content-type"]) == (200, "image/svg+xml")


def test_the_markdown_has_the_address_that_the_client_used_and_nobody_elses(client: httpx.Client) -> None:
    path = "/projects/sampleproject/readme"
    mine = client.get(path, headers={"Host": "pyzn.example"})
    other = client.get(path, headers={"Host": "other.example:8080"})
    odd = client.get(path, headers={"Host": "a(b)c"})
    assert "http://pyzn.example/personalized-badge/" in mine.text
    assert "http://other.example:8080/personalized-badge/" in other.text
    assert "a(b)c" not in odd.text
    assert len({each.headers["etag"] for each in (mine, other, odd)}) == 3
    assert client.get(path, headers={"Host": "pyzn.example"}).content == mine.content
