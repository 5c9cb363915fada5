"""Whatever others write or send, pages and pictures show it as text, and none fails."""

import json
import re
from collections.abc import Iterator
from datetime import date
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyzn_site.texts import label
from tests import hostile
from tests.api.conftest import read_ledger, serving
from tests.api.conftest import settings as settings_of
from tests.api.hostile import PARTS, TEXTS
from tests.conftest import Database
from tests.days import Download
from tests.site.conftest import publish
from tests.site.pages import BROWSER, Html, page
from tests.site.pictures import picture

NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "then", "valueOf", "9" * 5000, "1." + "9" * 5000]
KEYS = st.sampled_from([*NAMES, *(text for text in hostile.TEXTS if text and "\0" not in text)]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50
)
BY = ("version", "country", "installer", "python", "system")
README = "/projects/sampleproject/readme"
PARAMETERS = {
    "/": ["period"],
    "/search": ["q"],
    "/search/names": ["q"],
    "/compare": ["name", "range"],
    "/days": ["year"],
    "/chart/sampleproject.svg": ["count", "by", "share", "name"],
    "/projects/sampleproject": ["range", "granularity", "ci", "start", "end", "count", "share", "other"],
    README: ["period", "left_text", "left_color", "right_color", "units", "by", "range", "theme"],
}


@pytest.fixture
def constructor(owner: psycopg.Connection, database: Database) -> Iterator[httpx.Client]:
    """A client of a server without a cache, over a database with a day of the project `constructor`."""
    publish(owner, date(2026, 7, 19), [Download("constructor")])
    with serving(settings_of(database.api_url, cache_bytes=0)) as client:
        yield client


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({"<script>alert(1)</script>": 100})
@given(st.dictionaries(KEYS, st.integers(100, 2**40), min_size=1, max_size=6))
def test_hostile_keys_are_text_in_every_picture_and_page(
    owner: psycopg.Connection, constructor: httpx.Client, keys: dict[str, int]
) -> None:
    changes = ", ".join(f"by_{by} = %(keys)s" for by in BY)
    owner.execute(
        f"UPDATE pyzn.project_days SET {changes}, pip_by_version = %(zeros)s, ci_by_version = %(zeros)s",
        {"keys": json.dumps(keys), "zeros": json.dumps([0] * len(keys))},
    )
    read_ledger(constructor)
    drawn = {by: picture(constructor, f"/chart/constructor.svg?by={by}") for by in (*BY, "country&kind=map")}
    column = drawn["installer"].titles[-1]
    assert f"2026-07-19: {sum(keys.values()):,} downloads" in column
    large = [key for key, number in keys.items() if number >= sum(keys.values()) / 100]
    assert all(label(key, "installer") in column for key in large)
    for path in ("/projects/constructor", "/projects/constructor?range=all", "/compare?name=constructor"):
        assert sum(tag == "script" for tag, _ in page(constructor, path).elements) == 1


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_hostile_names_and_values_are_harmless_on_every_page(client: httpx.Client, part: int) -> None:
    text = PARTS[part]
    paths = [f"/projects/{text}", f"/projects/{text}/readme", f"/static/{text}"]
    each_of = [(path, name) for path, names in PARAMETERS.items() for name in names]
    paths += [f"{path}?{name}={text}&{name}={text}" for path, name in each_of[part % 3 :: 3]]  # a third of them each
    for path in paths:
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code < 500, path
        assert "x-injected" not in answer.headers, path
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = Html(answer.text)
            assert {tag for tag, _ in found.elements}.isdisjoint({"foreignobject", "iframe"})
            assert sum(tag == "script" for tag, _ in found.elements) == 1, path
            for address in found.addresses:
                assert address.startswith(("/", "#", "https://pypi.org/", str(client.base_url))) or not address, path


@pytest.mark.parametrize("text", [each for each in TEXTS if 0 < len(each) <= 64 and each.isprintable()])
def test_the_markdown_of_a_badge_is_one_link_whatever_its_text(client: httpx.Client, text: str) -> None:
    answer = client.get(README, params={"left_text": text})
    assert answer.status_code == 200
    markdown = next(iter(re.findall(r'id="badge-markdown">(.*?)</code>', answer.text))).replace("&amp;", "&")
    address = re.fullmatch(r"\[!\[Downloads\]\((http[^()\s<>]+)\)\]\((http[^()\s<>]+)\)", markdown)
    assert address
    assert parse_qs(urlsplit(address[1]).query)["left_text"] == [text]
    assert unquote(urlsplit(address[2]).path) == "/projects/sampleproject"
    badge = client.get(address[1])
    assert (badge.status_code, badge.headers["content-type"]) == (200, "image/svg+xml")


def test_the_markdown_has_the_address_that_the_client_used_and_nobody_elses(client: httpx.Client) -> None:
    hosts = ("pyzn.example", "other.example:8080", "a(b)c")
    mine, other, odd = (client.get(README, headers={"Host": host}) for host in hosts)
    assert "http://pyzn.example/personalized-badge/" in mine.text
    assert "http://other.example:8080/personalized-badge/" in other.text
    assert "a(b)c" not in odd.text
    assert len({each.headers["etag"] for each in (mine, other, odd)}) == 3
    assert client.get(README, headers={"Host": "pyzn.example"}).content == mine.content
