"""Pages for people: what they say, for whom, and that they do not stand in the way of programs."""

import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import psycopg
import pytest
from fastapi.routing import iter_route_contexts

import pyzn_api.pages
from pyzn_api.app import build_app
from pyzn_api.charts.frame import written
from pyzn_api.ledger import FRESH_SECONDS, Ledger
from pyzn_api.pages.lines import lines
from pyzn_api.pages.periods import Period, periods
from pyzn_api.pages.rendering import CONTENT_SECURITY_POLICY
from pyzn_api.windows import Window
from tests.api.conftest import Clock, serving, settings
from tests.api.stock import AWKWARD, Count, publish
from tests.api.test_hostile import PARTS, TEXTS
from tests.conftest import Database

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = [
    "/",
    "/?period=day",
    "/search",
    "/search?q=sample",
    "/projects/sampleproject",
    "/projects/sampleproject?range=year&granularity=month&ci=exclude",
    "/projects/sampleproject/readme",
    "/compare",
    "/compare?name=sampleproject&name=busy",
    "/days",
    "/days?year=2025",
]
VOID = {
    "area",
    "base",
    "br",
    "col",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "rect",
    "line",
    "source",
    "polyline",
    "circle",
}


class Html(HTMLParser):
    """A page taken apart; demands that every element ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.text += " "
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self.text += " "
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def page(client: httpx.Client, path: str, status: int = 200) -> Html:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path
    return Html(answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_every_link_of_it_leads_somewhere(client: httpx.Client, path: str) -> None:
    found = page(client, path)
    ids = found.all("id")
    assert len(ids) == len(set(ids))
    for address in {*found.all("href"), *found.all("src"), *found.all("action")}:
        parts = urlsplit(address)
        if parts.netloc or parts.path.startswith("/chart/"):
            assert parts.netloc in {"", "pypi.org"}
        elif not parts.path:
            assert parts.fragment in {*ids, ""}
        else:
            assert client.get(address).status_code in {200, 400 if "compare" in address else 200}, address


@pytest.mark.parametrize("path", [*PAGES, "/projects/no-such-project", "/days?year=x"])
def test_a_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    found = Html(answer.text)
    names = {name for _, attributes in found.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert not [
        tag for tag, attributes in found.elements if tag == "style" or (tag == "script" and "src" not in attributes)
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_kept_and_compared_as_an_answer_is(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "public, max-age=60, stale-if-error=3600"
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


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
    for part in (
        "1.10 91.2%",
        "United States",
        "XK 6.6%",
        "bandersnatch",
        "3.12",
        "Linux",
    ):
        assert part in found.words
    assert "27 days of this range are missing" in found.words
    assert "1 day is suspect" in found.words
    assert re.search(r"2026-07-18 not known missing", found.words)
    assert re.search(r"2026-07-17 95 suspect", found.words)


@pytest.mark.parametrize(("ci", "shown"), [("include", "120"), ("exclude", "60"), ("only", "60")])
def test_ci_is_left_out_where_it_is_known(client: httpx.Client, ci: str, shown: str) -> None:
    assert f"2026-07-19 {shown} provisional" in page(client, f"/projects/sampleproject?ci={ci}").words


def test_the_numbers_of_a_page_are_those_of_the_links_beside_them(client: httpx.Client) -> None:
    found = page(client, "/projects/sampleproject?range=year&granularity=month")
    tables = {
        urlsplit(each).path: each
        for each in found.all("href")
        if each.startswith("/api/v4/projects/") and "format=csv" not in each
    }
    assert len(tables) == 5
    for name, column in [("versions", "version"), ("installers", "installer"), ("systems", "system")]:
        totals: dict[str, int] = {}
        for row in client.get(tables[f"/api/v4/projects/sampleproject/{name}"]).json()["downloads"]:
            totals[row[column]] = totals.get(row[column], 0) + row["downloads"]
        key, most = max(totals.items(), key=lambda item: item[1])
        assert re.search(rf"{re.escape(key)} [\d.]+% {most:,}", found.words)


def test_a_breakdown_that_is_too_large_for_a_page_says_so(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyzn_api.pages.project, "LIGHT", 10)
    monkeypatch.setitem(pyzn_api.routes.counts.MOST, "day", 95)  # bytes
    with serving(settings(stocked.api_url)) as client:
        words = page(client, "/projects/sampleproject").words
        assert words.count("There is too much to count for one page: choose a shorter range.") == 1
        assert "pip 68.3% 155" in words  # more than 10 bytes: in one of the places for large answers


def test_every_picture_is_in_both_themes_and_says_what_it_is(client: httpx.Client) -> None:
    found = page(client, "/projects/sampleproject?range=year")
    charts = [attributes for tag, attributes in found.elements if tag == "img" and "/chart/" in attributes["src"]]
    assert all(each["alt"] for each in charts)
    asked = [parse_qs(urlsplit(each["src"]).query) for each in charts[:-1]]
    assert [query.get("by", [""])[0] for query in asked] == [
        "",
        "version",
        "country",
        "country",
        "installer",
        "python",
        "system",
    ]
    assert {query["range"][0] for query in asked} == {"year"}
    assert [each.replace("theme=dark", "theme=light") for each in found.all("srcset")] == [
        each["src"] for each in charts
    ]


def test_a_range_that_cannot_be_counted_so_is_refused_and_never_offered(client: httpx.Client) -> None:
    assert (
        "granularity='day': expected month with range=all"
        in page(client, "/projects/sampleproject?range=all&granularity=day", 400).words
    )
    for asked in ("month", "quarter", "year", "all"):
        found = page(client, f"/projects/sampleproject?range={asked}")
        for address in found.all("href"):
            if address.startswith("/projects/sampleproject?"):
                assert client.get(address).status_code == 200, address


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [("SampleProject", "/projects/sampleproject"), (" busy ", "/projects/busy"), ("quiet", "/projects/quiet")],
)
def test_a_search_for_a_name_leads_to_its_project(client: httpx.Client, asked: str, leads_to: str) -> None:
    answer = client.get("/search", params={"q": asked}, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


@pytest.mark.parametrize(
    ("asked", "found"), [("sample", ["sampleproject"]), ("projec", ["sampleproject"]), ("qui", ["quiet"]), ("zzz", [])]
)
def test_a_search_for_a_part_lists_projects(client: httpx.Client, asked: str, found: list[str]) -> None:
    listed = page(client, f"/search?q={asked}").all("href")
    assert [each.removeprefix("/projects/") for each in listed if each.startswith("/projects/")] == found


def test_an_unknown_project_gets_a_page_that_helps(client: httpx.Client) -> None:
    found = page(client, "/projects/sampel-project", 404)
    assert "No project called sampel-project" in found.words
    assert "/projects/sampleproject" in found.all("href")
    assert client.get("/projects/sampel-project").headers["cache-control"] == "no-store"


def test_up_to_eight_projects_are_compared_however_their_names_are_typed(client: httpx.Client) -> None:
    words = page(client, "/compare?name=SampleProject, busy&name=busy&name=nobody+%3Cb%3E").words
    assert re.search(r"sampleproject 227 215 120 319", words)
    assert re.search(r"busy 3,000", words)
    assert "Not known here: nobody , <b> ." in words
    names = "&".join(f"name=p{n}" for n in range(9))
    assert "9 names" in page(client, f"/compare?{names}", 400).words


def test_a_line_has_gaps_where_days_are_missing_and_levels_that_are_round() -> None:
    first = date(2026, 7, 1)
    periods = [Period(first + timedelta(days=n), 100 + n, 1, missing=int(n in {3, 5})) for n in range(8)]
    drawn = lines({"one": periods})
    ((_, strokes),) = drawn.projects
    assert [len(stroke.split()) for stroke in strokes] == [3, 2]
    assert len(drawn.dots) == 1  # the day between two missing ones
    for top in (0, 1, 2, 3, 9, 11, 149, 1_234_567):
        levels = [level for level, _ in lines({"one": [Period(first, top, 1)]}).levels]
        assert levels[-1] >= top
        assert 2 <= len(levels) <= 7, (top, levels)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1999, "1.9k"), (12_999, "12k"), (5_801_223_104, "5.8B")],
)
def test_a_short_number_is_rounded_down(value: int, shown: str) -> None:
    assert written(value) == shown


def test_the_calendar_says_what_every_day_is_and_why(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        for number, status in [(1, "final"), (2, "suspect"), (3, "final"), (6, "final"), (7, "provisional")]:
            publish(owner, date(2026, 7, number), {"a": ({"1": Count(number)}, {"US": number})}, status)
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
        publish(owner, date(2026, 7, 18), {"a": ({"1": Count(5)}, {"US": 5})})
        before = {path: client.get(path) for path in ("/", "/projects/a", "/compare?name=a", "/days", "/search?q=b")}
        publish(owner, date(2026, 7, 19), {"a": ({"1": Count(8)}, {"US": 8}), "bc": ({"1": Count(1)}, {"US": 1})})
        time.sleep(FRESH_SECONDS)
        for path, answer in before.items():
            after = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert after.status_code == 200, path
            assert after.content != answer.content, path


@pytest.mark.parametrize("path", ["/", "/projects/a", "/compare?name=a", "/days", "/search?q=a"])
def test_without_postgres_a_page_says_so(path: str) -> None:
    with serving(settings("postgresql://nobody@127.0.0.1:1/nothing")) as client:
        found = page(client, path, 503)
        assert "The numbers are out of reach" in found.words
        assert client.get(path).headers["retry-after"]


@pytest.fixture(scope="module")
def without_pages(stocked: Database) -> Iterator[httpx.Client]:
    with serving(settings(stocked.api_url, pages="off")) as client:
        yield client


@pytest.mark.parametrize("path", [*PAGES, "/static/pages.css", "/nope"])
def test_pages_can_be_turned_off(without_pages: httpx.Client, path: str) -> None:
    answer = without_pages.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


def test_what_programs_call_is_answered_as_without_pages(client: httpx.Client, without_pages: httpx.Client) -> None:
    paths = [path for path in client.get("/openapi.json").json()["paths"] if path != "/api/v4/status"]
    assert len(paths) > 20
    paths += [
        "/openapi.json",
        "/docs",
        "/nope",
        "/api/nope",
        "/api/v4/projects/sampleproject/versions?start=x",
    ]
    for path in paths:
        for name, headers in (("sampleproject", BROWSER), ("no-such-project", BROWSER), ("no-such-project", {})):
            asked = path.replace("{project}", name)
            if asked == "/nope" and headers:
                continue  # where a browser gets a page
            answers = [each.get(asked, headers=headers) for each in (client, without_pages)]
            assert answers[0].status_code == answers[1].status_code, asked
            assert answers[0].content == answers[1].content, asked


def test_an_address_that_nobody_knows_is_a_page_for_a_browser_alone(client: httpx.Client) -> None:
    assert client.get("/nope").json()["error"] == 404
    answer = client.get("/nope", headers=BROWSER)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_no_page_has_a_path_of_the_api(client: httpx.Client) -> None:
    """Routes of the API come first; a page that would be hidden by one, or would hide a later one, has no place."""
    routes = [route.path for route in iter_route_contexts(build_app(settings("postgresql://a@127.0.0.1/b")).routes)]
    pages = {topic.PATH for topic in pyzn_api.pages.TOPICS} | {"/static/{name}"}
    assert set(routes[-len(pages) :]) == pages
    assert not pages & set(client.get("/openapi.json").json()["paths"])


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_hostile_names_and_values_are_harmless_on_every_page(client: httpx.Client, part: int) -> None:
    text = PARTS[part]
    paths = [f"/projects/{text}", f"/projects/{text}/readme", f"/static/{text}"]
    paths += [f"/{path}?{name}={text}&{name}={text}" for path, names in {
        "": ["period"], "search": ["q"], "compare": ["name", "range"], "days": ["year"],
        "projects/sampleproject": ["range", "granularity", "ci", "other"],
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
                assert address.startswith(("/", "#", "https://pypi.org/")) or not address, path


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


def test_every_file_that_pages_load_is_served_and_no_other(client: httpx.Client) -> None:
    folder = Path(pyzn_api.pages.__path__[0], "static")
    for file in folder.iterdir():
        answer = client.get(f"/static/{file.name}")
        assert (answer.status_code, answer.content) == (200, file.read_bytes())
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("..%2F__init__.py", "base.html", "nope"):
        assert client.get(f"/static/{name}").status_code == 404


def test_keys_are_for_programs_and_pages_ask_for_none(stocked: Database) -> None:
    with serving(settings(stocked.api_url, keys="secret")) as client:
        assert client.get("/projects/sampleproject").status_code == 200
        assert client.get("/api/v4/top", headers=BROWSER).status_code == 401


def test_a_week_that_the_range_cuts_is_not_drawn_as_a_fall() -> None:
    window = Window(date(2026, 7, 1), date(2026, 7, 15))  # Wednesday to Wednesday
    cut = {period.first: period.cut for period in periods(window, "week", Ledger([]), {})}
    assert cut == {date(2026, 6, 29): True, date(2026, 7, 6): False, date(2026, 7, 13): True}
    assert not any(period.cut for period in periods(window, "day", Ledger([]), {}))
    assert [period.cut for period in periods(Window(date(2026, 1, 31), date(2026, 3, 1)), "month", Ledger([]), {})] == [
        True, False, True,
    ]  # fmt: skip
    drawn = lines({"one": [Period(first, 7, 7, cut=is_cut) for first, is_cut in sorted(cut.items())]})
    assert (drawn.projects, len(drawn.dots)) == ([("one", [])], 1)
