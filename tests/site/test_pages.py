"""Pages for people: what they say, and to whom."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

import pyzn_api.routes.counts
import pyzn_site
from pyzn_site.rendering import CONTENT_SECURITY_POLICY
from tests.api.conftest import Clock, read_ledger, serving, settings
from tests.conftest import Database
from tests.days import Download
from tests.site.conftest import publish
from tests.site.pages import PAGES, Html, page


@pytest.fixture(scope="module")
def answering(client: httpx.Client) -> Callable[[str], bool]:
    """Whether an address answers; each is asked once."""

    @cache
    def answers(address: str) -> bool:
        return client.get(address).status_code in {200, 400 if "compare" in address else 200}

    return answers


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_kept_and_every_link_of_it_leads_somewhere(
    client: httpx.Client, answering: Callable[[str], bool], path: str
) -> None:
    found, first = page(client, path), client.get(path)
    assert first.headers["cache-control"] == "public, max-age=60, stale-if-error=3600"
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    ids = found.all("id")
    assert len(ids) == len(set(ids))
    for address in {*found.all("href"), *found.all("src"), *found.all("action")}:
        parts = urlsplit(address)
        if parts.netloc or parts.path.startswith("/chart/"):
            assert parts.netloc in {"", "pypi.org", urlsplit(str(client.base_url)).netloc}
        elif not parts.path:
            assert parts.fragment in {*ids, ""}
        else:
            assert answering(address), address


def test_the_front_page_has_the_top_with_their_change_and_how_fresh_it_is(client: httpx.Client) -> None:
    words = page(client, "/?period=day").words
    assert "Published up to 19 July 2026" in words
    assert "fresh on time" in words
    assert re.search(r"1 busy 1,000 . not known 2 sampleproject 120", words)
    assert "31 missing" in words


def test_the_front_page_says_how_late_the_data_is(stocked: Database) -> None:
    clock = Clock()
    clock.now += timedelta(days=2, hours=3)
    with serving(settings(stocked.api_url), clock) as late:
        assert "late by 2 days" in page(late, "/").words


def test_a_project_has_its_totals_breakdowns_and_days(client: httpx.Client) -> None:
    found = page(client, "/projects/SampleProject")
    assert "All time 319" in found.words
    for part in ("(91.2 %)", "United States", "XK 6.6 %", "bandersnatch", "3.12", "Linux"):
        assert part in found.words
    assert re.search(r"2.0.x [\d.]+ % 4 1.10.x [\d.]+ % \d+ 1.9.x", found.words)  # as the chart's legend has them
    assert "27 days of this range are missing" in found.words
    assert "1 day is suspect" in found.words
    assert re.search(r"2026-07-18 not known missing", found.words)
    assert re.search(r"2026-07-17 95 suspect", found.words)


def test_the_numbers_of_a_page_are_those_of_the_links_beside_them(client: httpx.Client) -> None:
    found = page(client, "/projects/sampleproject?range=year&granularity=month")
    tables = {
        urlsplit(each).path: each
        for each in found.all("href")
        if each.startswith("/api/v4/projects/") and "format=csv" not in each
    }
    assert len(tables) == 6
    for name, column in [("versions", "version"), ("installers", "installer"), ("systems", "system")]:
        totals: dict[str, int] = {}
        for row in client.get(tables[f"/api/v4/projects/sampleproject/{name}"]).json()["downloads"]:
            totals[row[column]] = totals.get(row[column], 0) + row["downloads"]
        key, most = max(totals.items(), key=lambda item: item[1])
        assert re.search(rf"{re.escape(key)}(: {most:,} \(| [\d.]+ % {most:,})", found.words)


def test_a_breakdown_that_is_too_large_for_a_page_says_so(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyzn_api.database.LIGHT", 10)
    monkeypatch.setitem(pyzn_api.routes.counts.MOST, "day", 95)  # bytes
    with serving(settings(stocked.api_url)) as client:
        words = page(client, "/projects/sampleproject").words
        assert words.count("There is too much to count for one page: choose a shorter range.") == 1
        assert "pip 68.3 % 155" in words  # more than 10 bytes: as one of the costly ones


def test_every_chart_is_in_the_page_and_each_column_has_its_value(client: httpx.Client) -> None:
    found = page(client, "/projects/sampleproject?range=year")
    charts = [each for tag, each in found.elements if tag == "svg" and each.get("role") == "group"]
    assert [re.split(" by |, ", each["aria-label"])[1] for each in charts] == [
        "week", "week and version", "country", "week and country", "week and installer", "week and Python",
        "week and system",
    ]  # fmt: skip
    assert len([each for _, each in found.elements if each.get("class") == "column"]) == 6 * 53
    assert "week of 2026-07-13: 215 downloads, 5 of 7 days missing, 1 of 7 days provisional" in found.text
    assert [each for tag, each in found.elements if tag == "img" and "/chart/" in each["src"]] == [
        each for tag, each in found.elements if tag == "img" and each.get("alt") == "The chart"
    ]


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("SampleProject", "sampleproject"),
        ("quiet==2.31", "quiet"),
        ("quiet[socks,x] >= 2; python_version < '3.9'", "quiet"),
        ("pip install -U 'quiet~=1.0' busy", "quiet"),
        ("uv add quiet", "quiet"),
        ("https://pypi.org/project/Quiet/#files", "quiet"),
        ("pypi.org/project/quiet", "quiet"),
        ("install", None),
    ],
)
def test_a_search_for_a_name_leads_to_its_project(client: httpx.Client, asked: str, leads_to: str | None) -> None:
    answer = client.get("/search", params={"q": asked}, headers={"Host": "evil.example"})
    assert answer.headers.get("location") == (leads_to and f"/projects/{leads_to}")


@pytest.mark.parametrize(("asked", "found"), [("projec", ["sampleproject"]), ("qui", ["quiet"]), ("zzz", [])])
def test_a_search_for_a_part_lists_projects(client: httpx.Client, asked: str, found: list[str]) -> None:
    listed = page(client, f"/search?q={asked}").all("href")
    assert [each.removeprefix("/projects/") for each in listed if each.startswith("/projects/")] == found


@pytest.mark.parametrize("typed", ["sampelproject", "sampleprojec", "ssampleproject", "sampleprojekt"])
def test_a_name_with_a_slip_has_its_project_beside_it(client: httpx.Client, typed: str) -> None:
    for found in (page(client, f"/search?q={typed}"), unknown := page(client, f"/projects/{typed}", 404)):
        assert "Did you mean sampleproject ?" in found.words
        assert "/projects/sampleproject" in found.all("href")
    assert f"No project called {typed}" in unknown.words
    assert client.get(f"/projects/{typed}").headers["cache-control"] == "no-store"


def test_names_are_completed(client: httpx.Client) -> None:
    assert client.get("/search/names?q=Sample").json() == ["sampleproject"]
    assert client.get("/search/names?q=sampleproject").json() == ["sampleproject"]
    assert client.get("/search/names?q=%3C").json() == client.get("/search/names?q=").json() == []


@pytest.mark.parametrize("path", ["/projects/SampleProject?range=year", "/compare?name=busy&name=quiet", "/"])
def test_a_page_that_is_shared_has_its_address_and_title(client: httpx.Client, path: str) -> None:
    found = page(client, path)
    of = {each.get("property", each.get("name")): each["content"] for tag, each in found.elements if "content" in each}
    canonical = next(each["href"] for _, each in found.elements if each.get("rel") == "canonical")
    assert canonical == of["og:url"] == str(client.base_url).rstrip("/") + path.lower().partition("?range")[0]
    assert of["og:title"]


def test_a_synthetic_sample_is_named_above_the_first_number(database: Database) -> None:
    paths = ("/", "/projects/a", "/projects/ab", "/projects/a/readme", "/compare?name=a", "/days", "/search?q=ab")
    warning = "A synthetic sample, not PyPI's downloads"
    with serving(settings(database.api_url)) as client, psycopg.connect(database.owner_url, autocommit=True) as owner:
        publish(owner, date(2026, 7, 19), [Download("a", "1", times=8)])
        before = {path: client.get(path) for path in paths}
        owner.execute("UPDATE pyzn.days SET source = 'bigquery-public-data.pypi.file_downloads of the emulator'")
        read_ledger(client)
        for path, answer in before.items():
            after = client.get(path)
            assert warning not in Html(answer.text).words
            assert re.match(rf"\D*{warning}", Html(after.text).words.partition("Skip to content")[2]), path
            assert after.headers.get("etag") != answer.headers.get("etag") or after.status_code == 404
        assert client.get("/api/v4/status").json()["synthetic"]
        assert "synthetic" in client.get("/top-pypi-packages.json").json()["source"]


def test_files_are_shown_where_all_days_have_them_and_downloads_otherwise(client: httpx.Client) -> None:
    both = page(client, "/projects/sampleproject?start=2026-07-17&end=2026-07-19")
    assert "180 downloads of files, 17 July 2026 to 19 July 2026" in both.words
    assert "2026-07-19 100 provisional" in both.words
    assert "1.10: 170 (94.4 %)" in both.words
    assert "; downloads, which is all that is counted by country" in both.words
    of_project = [each for each in both.all("href") if each.startswith("/projects/")]
    (rows,) = [each for each in of_project if "start=2026-07-17" in each and "count=downloads" in each]
    assert "215 downloads, 17 July 2026 to 19 July 2026" in page(client, rows).words
    month = page(client, "/projects/sampleproject")
    assert "227 downloads, 20 June 2026 to 19 July 2026" in month.words
    (files,) = [each for each in month.all("href") if "/projects/" in each and "count=files" in each]
    assert "28 days of this range are missing" in page(client, files).words
    assert not [each for each in page(client, "/projects/sampleproject?end=2026-06-30").all("href") if "files" in each]


def test_a_view_is_wholly_in_its_address(client: httpx.Client) -> None:
    """Every chart, table and link follows it."""
    path = "/projects/sampleproject?start=2026-07-13&end=2026-07-19&count=pip&share=1"
    found = page(client, path)
    assert "155 downloads by pip, 13 July 2026 to 19 July 2026" in found.words
    assert "2026-07-19 95 provisional" in found.words
    charts = [each for tag, each in found.elements if tag == "svg" and each.get("role") == "group"]
    assert [each["aria-label"].split(" by day")[0] for each in charts if "and version" in each["aria-label"]] == [
        "sampleproject: 155 downloads by pip"
    ]
    assert "100 %" in found.words
    links = [each for each in found.all("href") if each.startswith("/api/v4/") and "granularity" in each]
    assert len(links) == 12
    assert all("start=2026-07-13&end=2026-07-19&granularity=day" in each for each in links)
    chosen = [each["href"] for _, each in found.elements if "aria-current" in each]
    assert len(chosen) == 3  # days, by pip, shares; none of the ranges
    for address in chosen:
        assert page(client, address).all("aria-label") == found.all("aria-label")


@pytest.mark.parametrize(
    "paths",
    [
        ["/search?q=Sampl", "/search?q=sampl", "/search?q=+sampl+"],
        ["/search?q=" + "a" * 100 + each for each in ("", "b", "-", ".")],
        ["/compare?name=sampleproject&name=nobody!&name=busy", "/compare?name=nobody!&name=sampleproject&name=busy"],
        ["/compare?name=busy&name=sampleproject", "/compare?name=sampleproject&name=busy"],
        [f"/compare?name=busy&name=!{'x' * 100}{each}" for each in "ab"],
        ["/projects/SampleProject", "/projects/sampleproject"],
    ],
)
def test_nobody_gets_an_answer_to_what_others_asked(
    client: httpx.Client, without_cache: httpx.Client, paths: list[str]
) -> None:
    host = {"Host": f"{abs(hash(paths[0]))}.example"}  # of which nothing is cached yet
    expected = [(path, without_cache.get(path, headers=host).text) for path in paths]
    for path, text in (*expected, *reversed(expected)):
        assert client.get(path, headers=host).text == text, path


def test_up_to_eight_projects_are_compared_however_their_names_are_typed(client: httpx.Client) -> None:
    found = page(client, "/compare?name=SampleProject, busy&name=busy&name=nobody+%3Cb%3E")
    words = found.words
    (numbers,) = [each for each in found.all("href") if each.startswith("/api/v4/series?") and "csv" not in each]
    drawn = client.get(numbers).json()["downloads"]
    assert sum(row["downloads"] for row in drawn if row["project"] == "sampleproject") == 238
    assert re.search(r"sampleproject 238 227 215 120 319", words)
    assert re.search(r"busy 4,000 3,000", words)
    assert "Not known here: nobody , <b> ." in words
    names = "&".join(f"name=p{n}" for n in range(9))
    assert "9 names" in page(client, f"/compare?{names}", 400).words


def test_the_calendar_says_what_every_day_is_and_why(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        for number, status in [(1, "final"), (2, "suspect"), (3, "final"), (6, "final"), (7, "provisional")]:
            publish(owner, date(2026, 7, number), [Download("a", "1", times=number)], status)
        owner.execute("UPDATE pyzn.days SET suspect_because = 'downloads: 2, <half>' WHERE day = '2026-07-02'")
        owner.execute("UPDATE pyzn.days SET accepted_because = 'a holiday' WHERE day = '2026-07-03'")
        owner.execute(
            "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason) "
            "VALUES ('2026-07-04', '{calendar}', 8, now(), 'secret host 10.0.0.1')"
        )
    clock = Clock()
    clock.now = clock.now.replace(day=10)
    with serving(settings(database.api_url), clock) as client:
        found = page(client, "/days")
        cells = {each.partition(" ")[0]: each for each in found.all("title") if each.startswith("2026-07")}
        assert cells["2026-07-01"].startswith("2026-07-01 final, 1 downloads: counted again")
        assert cells["2026-07-02"] == "2026-07-02 suspect, 2 downloads: downloads: 2, <half>"
        assert cells["2026-07-03"].endswith("it was suspect, and accepted: a holiday")
        assert "failed 8 times; it is not tried again unless somebody asks" in cells["2026-07-04"]
        assert cells["2026-07-05"] == "2026-07-05 missing: nobody has asked for it"
        assert cells["2026-07-07"].startswith("2026-07-07 provisional, 7 downloads")
        assert cells["2026-07-08"].startswith("2026-07-08 missing")
        assert cells["2026-07-09"] == "2026-07-09 not due: not due yet"
        assert "10.0.0.1" not in found.text  # what a run said is for operators
        before = client.get("/days")
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("DELETE FROM pyzn.wanted")
        after = client.get("/days", headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200  # although nothing was published
        assert "failed 8 times" not in after.text


def test_an_empty_database_has_pages_that_say_so(database: Database) -> None:
    with serving(settings(database.api_url)) as client:
        assert "Nothing is published yet" in page(client, "/").words
        assert "Nothing is published yet" in page(client, "/days").words
        assert "no project called a" in page(client, "/search?q=a").words
        assert "Not known here: a" in page(client, "/compare?name=a").words
        assert "No project called a" in page(client, "/projects/a", 404).words


def test_a_page_changes_when_a_day_is_published(database: Database) -> None:
    with serving(settings(database.api_url)) as client, psycopg.connect(database.owner_url, autocommit=True) as owner:
        publish(owner, date(2026, 7, 18), [Download("a", "1", times=5)])
        before = {path: client.get(path) for path in ("/", "/projects/a", "/compare?name=a", "/days", "/search?q=b")}
        publish(owner, date(2026, 7, 19), [Download("a", "1", times=8), Download("bc", "1")])
        read_ledger(client)
        for path, answer in before.items():
            after = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert after.status_code == 200, path
            assert after.content != answer.content, path


def test_without_postgres_a_page_says_so() -> None:
    with serving(settings("postgresql://nobody@127.0.0.1:1/nothing")) as client:
        for path in ("/projects/a", "/search?q=a"):
            answer = client.get(path)
            assert (answer.status_code, bool(answer.headers["retry-after"])) == (503, True)
            assert "The numbers are out of reach" in Html(answer.text).words


def test_every_file_that_pages_load_is_served_and_no_other(client: httpx.Client) -> None:
    folder = Path(pyzn_site.__path__[0], "static")
    for file in folder.iterdir():
        answer = client.get(f"/static/{file.name}")
        assert (answer.status_code, answer.content) == (200, file.read_bytes())
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("..%2F__init__.py", "base.html", "nope"):
        assert client.get(f"/static/{name}").status_code == 404
