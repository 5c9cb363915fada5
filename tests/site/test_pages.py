"""Pages for people: what they show, and to whom."""

import re
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
from pyzn_site.search import near
from tests.api.conftest import Clock, read_ledger, serving, settings
from tests.conftest import Database
from tests.days import Download
from tests.site.conftest import publish
from tests.site.pages import Html, page

PROJECT = "/projects/sampleproject"
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/nothing"


@cache
def answers(client: httpx.Client, address: str) -> bool:
    return client.get(address).status_code in {200, 400 if "compare" in address else 200}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?period=day",
        "/search",
        "/search?q=sample",
        PROJECT,
        f"{PROJECT}?range=year&granularity=month&ci=exclude",
        f"{PROJECT}?range=all&share=1",
        f"{PROJECT}/readme",
        f"{PROJECT}/readme?theme=dark&by=",
        f"{PROJECT}/wheels",
        "/projects/__all__/wheels?range=quarter",
        "/compare",
        "/compare?name=sampleproject&name=busy",
        "/days",
        "/days?year=2025",
    ],
)
def test_a_page_is_whole_and_kept_and_every_link_of_it_leads_somewhere(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    found = Html(first.text)
    assert (first.status_code, first.headers["cache-control"]) == (200, "public, max-age=60, stale-if-error=3600")
    assert first.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    ids = found.all("id")
    assert len(ids) == len(set(ids))
    for address in set(found.addresses):
        parts = urlsplit(address)
        if parts.netloc or parts.path.startswith("/chart/"):
            assert parts.netloc in {"", "pypi.org", urlsplit(str(client.base_url)).netloc}
        elif not parts.path:
            assert parts.fragment in {*ids, ""}
        else:
            assert answers(client, address), address


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (
            "/?period=day",
            ["Published up to 19 July 2026", "fresh on time", "31 missing",
             "1 busy 1,000 . not known 2 sampleproject 120"],
        ),
        (
            "/projects/SampleProject",
            ["All time 319", r"\(91.2 %\)", "United States", "XK 6.6 %", "bandersnatch", "3.12", "Linux",
             r"2.0.x [\d.]+ % 4 1.10.x [\d.]+ % \d+ 1.9.x",  # as the chart's legend has them
             "27 days of this range are missing", "1 day is suspect", "2026-07-18 not known missing",
             "2026-07-17 95 suspect", "227 downloads, 20 June 2026 to 19 July 2026"],
        ),
        (
            f"{PROJECT}?start=2026-07-17&end=2026-07-19",  # all days have files
            ["180 downloads of files, 17 July 2026 to 19 July 2026", "2026-07-19 100 provisional",
             r"1.10: 170 \(94.4 %\)", "; downloads, which is all that is counted by country"],
        ),
        (
            "/compare?name=SampleProject, busy&name=busy&name=nobody+%3Cb%3E",
            ["sampleproject 238 227 215 120 319", "busy 4,000 3,000", "Not known here: nobody , <b> ."],
        ),
    ],
)  # fmt: skip
def test_a_page_shows_the_numbers_and_how_certain_they_are(client: httpx.Client, path: str, shown: list[str]) -> None:
    words = page(client, path).words
    assert [each for each in shown if not re.search(each, words)] == [], words


def test_the_front_page_shows_how_late_the_data_is(stocked: Database) -> None:
    clock = Clock()
    clock.now += timedelta(days=2, hours=3)
    with serving(settings(stocked.api_url), clock) as late:
        assert "late by 2 days" in page(late, "/").words


def test_the_numbers_of_a_page_are_those_of_the_links_beside_them(client: httpx.Client) -> None:
    found = page(client, f"{PROJECT}?range=year&granularity=month")
    tables = {urlsplit(each).path: each for each in found.numbers if "format=csv" not in each}
    assert len(tables) == 6
    for name, column in [("versions", "version"), ("installers", "installer"), ("systems", "system")]:
        totals: dict[str, int] = {}
        for row in client.get(tables[f"/api/v4{PROJECT}/{name}"]).json()["downloads"]:
            totals[row[column]] = totals.get(row[column], 0) + row["downloads"]
        key, most = max(totals.items(), key=lambda item: item[1])
        assert re.search(rf"{re.escape(key)}(: {most:,} \(| [\d.]+ % {most:,})", found.words)
    compared = page(client, "/compare?name=sampleproject&name=busy")
    (numbers,) = [each for each in compared.numbers if each.startswith("/api/v4/series?") and "csv" not in each]
    drawn = client.get(numbers).json()["downloads"]
    assert sum(row["downloads"] for row in drawn if row["project"] == "sampleproject") == 238


def test_a_breakdown_that_is_too_large_for_a_page_is_not_counted(
    stocked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyzn_api.database.LIGHT", 10)
    monkeypatch.setitem(pyzn_api.routes.counts.MOST, "day", 95)  # bytes
    with serving(settings(stocked.api_url)) as client:
        words = page(client, PROJECT).words
        assert words.count("There is too much to count for one page: choose a shorter range.") == 1
        assert "pip 68.3 % 155" in words  # more than 10 bytes: as one of the costly ones


def test_every_chart_is_in_the_page_and_each_column_has_its_value(client: httpx.Client) -> None:
    found = page(client, f"{PROJECT}?range=year")
    assert [re.split(" by |, ", each)[1] for each in found.charts] == [
        "week", "week and version", "country", "week and country", "week and installer", "week and Python",
        "week and system",
    ]  # fmt: skip
    assert found.all("class").count("column") == 6 * 53
    assert "week of 2026-07-13: 215 downloads, 5 of 7 days missing, 1 of 7 days provisional" in found.text
    pictures = [each["alt"] for tag, each in found.elements if tag == "img" and "/chart/" in each["src"]]
    assert pictures == ["The chart"]  # for a README


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


def test_a_search_for_a_part_lists_projects_and_names_are_completed(client: httpx.Client) -> None:
    for asked, found in (("projec", ["sampleproject"]), ("qui", ["quiet"]), ("zzz", [])):
        listed = page(client, f"/search?q={asked}").all("href")
        assert [each.removeprefix("/projects/") for each in listed if each.startswith("/projects/")] == found
    for typed, names in (("Sample", ["sampleproject"]), ("sampleproject", ["sampleproject"]), ("%3C", []), ("", [])):
        assert client.get(f"/search/names?q={typed}").json() == names


@pytest.mark.parametrize("typed", ["sampelproject", "sampleprojec", "ssampleproject", "sampleprojekt"])
def test_a_name_with_a_slip_has_its_project_beside_it(client: httpx.Client, typed: str) -> None:
    for found in (page(client, f"/search?q={typed}"), unknown := page(client, f"/projects/{typed}", 404)):
        assert "Did you mean sampleproject ?" in found.words
        assert PROJECT in found.all("href")
    assert f"No project called {typed}" in unknown.words
    assert client.get(f"/projects/{typed}").headers["cache-control"] == "no-store"


def test_names_near_a_long_one_are_not_looked_up() -> None:
    assert len(near("ab" * 32)) < 5000
    assert near("ab" * 127) == []


@pytest.mark.parametrize("path", ["/projects/SampleProject?range=year", "/compare?name=busy&name=quiet", "/"])
def test_a_page_that_is_shared_has_its_address_and_title(client: httpx.Client, path: str) -> None:
    found = page(client, path)
    of = {each.get("property", each.get("name")): each["content"] for tag, each in found.elements if "content" in each}
    canonical = next(each["href"] for _, each in found.elements if each.get("rel") == "canonical")
    assert canonical == of["og:url"] == str(client.base_url).rstrip("/") + path.lower().partition("?range")[0]
    assert of["og:title"]


def test_a_synthetic_sample_is_named_above_the_first_number(
    own_client: httpx.Client, owner: psycopg.Connection
) -> None:
    paths = ("/", "/projects/a", "/projects/ab", "/projects/a/readme", "/compare?name=a", "/days", "/search?q=ab")
    warning = "A synthetic sample, not PyPI's downloads"
    publish(owner, date(2026, 7, 19), [Download("a", "1", times=8)])
    before = {path: own_client.get(path) for path in paths}
    owner.execute("UPDATE pyzn.days SET source = 'bigquery-public-data.pypi.file_downloads of the emulator'")
    read_ledger(own_client)
    for path, answer in before.items():
        after = own_client.get(path)
        assert warning not in Html(answer.text).words
        assert re.match(rf"\D*{warning}", Html(after.text).words.partition("Skip to content")[2]), path
        assert after.headers.get("etag") != answer.headers.get("etag") or after.status_code == 404
    assert own_client.get("/api/v4/status").json()["synthetic"]
    assert "synthetic" in own_client.get("/top-pypi-packages.json").json()["source"]


def test_every_chart_table_and_link_follows_the_view_in_the_address(client: httpx.Client) -> None:
    found = page(client, f"{PROJECT}?start=2026-07-13&end=2026-07-19&count=pip&share=1")
    assert "155 downloads by pip, 13 July 2026 to 19 July 2026" in found.words
    assert "2026-07-19 95 provisional" in found.words
    (of_versions,) = [each for each in found.charts if "and version" in each]
    assert of_versions.startswith("sampleproject: 155 downloads by pip by day")
    assert "100 %" in found.words
    links = [each for each in found.numbers if "granularity" in each]
    assert len(links) == 12
    assert all("start=2026-07-13&end=2026-07-19&granularity=day" in each for each in links)
    chosen = [each["href"] for _, each in found.elements if "aria-current" in each]
    assert len(chosen) == 3  # days, by pip, shares; none of the ranges
    for address in chosen:
        assert page(client, address).all("aria-label") == found.all("aria-label")


def test_files_and_downloads_are_a_link_apart(client: httpx.Client) -> None:
    def link(path: str, count: str) -> str:
        (found,) = [each for each in page(client, path).all("href") if each.startswith(PROJECT) and f"={count}" in each]
        return found

    rows = link(f"{PROJECT}?start=2026-07-17&end=2026-07-19", "downloads")
    assert "215 downloads, 17 July 2026 to 19 July 2026" in page(client, rows).words
    assert "28 days of this range are missing" in page(client, link(PROJECT, "files")).words
    assert not [each for each in page(client, f"{PROJECT}?end=2026-06-30").all("href") if "files" in each]


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
def test_nobody_gets_an_answer_to_what_others_asked(stocked: Database, client: httpx.Client, paths: list[str]) -> None:
    host = {"Host": f"{abs(hash(paths[0]))}.example"}  # of which nothing is cached yet
    with serving(settings(stocked.api_url, cache_bytes=0)) as without_cache:
        expected = [(path, without_cache.get(path, headers=host).text) for path in paths]
    for path, text in (*expected, *reversed(expected)):
        assert client.get(path, headers=host).text == text, path


def test_what_cannot_be_shown_is_refused_by_its_name(client: httpx.Client) -> None:
    assert "9 names" in page(client, "/compare?" + "&".join(f"name=p{n}" for n in range(9)), 400).words
    refused = page(client, f"{PROJECT}?range=all&granularity=day", 400).words
    assert "granularity='day': expected week or month for 366 days" in refused


def test_the_calendar_shows_what_every_day_is_and_why(database: Database, owner: psycopg.Connection) -> None:
    for number, status in [(2, "suspect"), (3, "final"), (5, "final"), (6, "final"), (7, "provisional")]:
        publish(owner, date(2026, 7, number), [Download("a", "1", times=number)], status)
    owner.execute("UPDATE pyzn.days SET suspect_because = 'downloads: 2, <half>' WHERE day = '2026-07-02'")
    owner.execute("UPDATE pyzn.days SET accepted_because = 'a holiday' WHERE day = '2026-07-03'")
    owner.execute("UPDATE pyzn.days SET retired_at = now() WHERE day = '2026-07-05'")
    owner.execute(
        "INSERT INTO pyzn.wanted (day, asked_by, attempts, failed_at, reason) VALUES"
        " ('2026-07-04', '{calendar}', 8, now(), 'secret host 10.0.0.1'), ('2026-07-07', '{calendar}', 0, NULL, NULL)"
    )
    clock = Clock()
    clock.now = clock.now.replace(day=11)
    with serving(settings(database.api_url), clock) as client:
        found = page(client, "/days")
        cells = {each.partition(" ")[0]: each for each in found.all("title") if each.startswith("2026-07")}
        for day, shown in {
            "2026-07-01": "not covered: before the first published day",
            "2026-07-02": "suspect, 2 downloads: downloads: 2, <half>",
            "2026-07-03": ".*it was suspect, and accepted: a holiday",
            "2026-07-04": ".*failed 8 times; it is not tried again unless somebody asks",
            "2026-07-05": "missing: no longer kept by day",
            "2026-07-06": "final, 6 downloads: counted again",
            "2026-07-07": "provisional, 7 downloads: .*; asked for once more: it is being read, or waits",
            "2026-07-08": "missing: nobody has asked for it",
            "2026-07-10": "not due: not due yet",
        }.items():
            assert re.match(f"{day} {shown}", cells[day])
        assert "10.0.0.1" not in found.text  # the reason of a run is for operators
        before = client.get("/days")
        owner.execute("DELETE FROM pyzn.wanted")
        after = client.get("/days", headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200  # although nothing was published
        assert "failed 8 times" not in after.text


def test_an_empty_database_has_pages_that_change_when_a_day_is_published(
    own_client: httpx.Client, owner: psycopg.Connection
) -> None:
    shown = {
        "/": "Nothing is published yet",
        "/days": "Nothing is published yet",
        "/search?q=b": "no project called b",
        "/compare?name=a": "Not known here: a",
        "/projects/a": "No project called a",
    }
    before = {path: own_client.get(path) for path in shown}
    assert [path for path, words in shown.items() if words not in Html(before[path].text).words] == []
    for number in (18, 19):
        publish(owner, date(2026, 7, number), [Download("a", "1", times=5), Download(f"bc{number}", "1")])
        read_ledger(own_client)
        for path, answer in before.items():
            before[path] = own_client.get(path, headers={"If-None-Match": answer.headers.get("etag", "")})
            assert before[path].status_code == 200, path
            assert before[path].content != answer.content, path


def test_without_postgres_a_page_names_that() -> None:
    with serving(settings(UNREACHABLE)) as client:
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
