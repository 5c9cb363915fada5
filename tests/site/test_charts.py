"""Charts: the right numbers at the right days, what is not final looks so, and no SVG that does anything."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple
from xml.etree import ElementTree as ET

import httpx
import psycopg
import pycountry
import pytest

from pyzn_api.routes import counts
from pyzn_local.postgres import Postgres
from pyzn_site.rendering import colors
from tests.api.conftest import serving, settings
from tests.conftest import Database, own_database
from tests.days import Download
from tests.site.conftest import publish

SVG = "{http://www.w3.org/2000/svg}"
CHART = "/chart/sampleproject.svg"
ELEMENTS = {SVG + name for name in ("svg", "title", "defs", "pattern", "path", "line", "rect", "circle", "text")}
BY = ["version", "country", "python", "system", "installer"]
LIGHT, DARK = colors("light"), colors("dark")


class Bar(NamedTuple):
    """A rectangle of the plot."""

    x: float  # periods from the left
    height: float  # pixels
    fill: str


def drawn(response: httpx.Response, status: int = 200) -> ET.Element:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(response.text)  # noqa: S314  # our own answer
    for element in root.iter():
        assert element.tag in ELEMENTS
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith(("href", "style"))]
        links = [value for value in element.attrib.values() if "url(" in value]
        assert set(links) <= {"url(#missing)", "url(#provisional)"}
    return root


def texts(response: httpx.Response, status: int = 200) -> list[str]:
    return [text.text or "" for text in drawn(response, status).iter(f"{SVG}text")]


def titles(response: httpx.Response) -> list[str]:
    """What the pointer and a screen reader get of each column or country."""
    return [title.text or "" for title in drawn(response).iter(f"{SVG}title")][1:]


def bars(response: httpx.Response) -> list[Bar]:
    found = []
    for path in drawn(response).findall(f".//{SVG}svg[@preserveAspectRatio]/{SVG}path"):
        for x, low, high in re.findall(r"M([\d.]+) ([\d.]+)h0.85V([\d.]+)h-0.85z", path.get("d", "")):
            found.append(Bar(float(x), float(low) - float(high), path.get("fill", "")))
    return sorted(found)


def patterned(response: httpx.Response, name: str) -> list[ET.Element]:
    """The rectangles of the plot that have that pattern."""
    found = drawn(response).iter(f"{SVG}rect")
    return [each for each in found if each.get("fill") == f"url(#{name})" and each.get("width", "").endswith("%")]


@pytest.fixture
def own(database: Database) -> Iterator[tuple[psycopg.Connection, httpx.Client]]:
    """A database and a server of one test's own."""
    with serving(settings(database.api_url)) as client, psycopg.connect(database.owner_url) as owner:
        yield owner, client


def filled(owner: psycopg.Connection, days: int, number: int = 10, missing: tuple[int, ...] = ()) -> None:
    """`lively`, the same on each of the last days, without some of them."""
    for ago in set(range(1, days + 1)) - set(missing):
        publish(owner, date(2026, 7, 20) - timedelta(days=ago), [Download("lively", times=number)])
    owner.commit()


@pytest.fixture(scope="module")
def several(postgres: Postgres) -> Iterator[httpx.Client]:
    """`lively` on 40 days, of which the last ten have countries, with an event; and on single days some others."""
    spelled = ["1.2", "1.2.3", "v1.2rc1", "1!1.2", "01.02.post1", "1.2+local", "1.20", "x", ""]
    spelled += ["9" * 400, "1." + "9" * 400]
    others = {
        date(2026, 6, 20): [Download("younger")],
        date(2026, 7, 19): [
            *(Download("spelled", text) for text in spelled),
            *(Download("everywhere", country=country.alpha_2) for country in pycountry.countries),
        ],
    }
    with own_database(postgres) as database, psycopg.connect(database.owner_url, autocommit=True) as owner:
        for ago in range(1, 41):
            day = date(2026, 7, 20) - timedelta(days=ago)
            publish(owner, day, [Download("lively", times=10), *others.get(day, [])])
        owner.execute("DELETE FROM pyzn.day_breakdowns WHERE breakdown = 'country' AND day < '2026-07-10'")
        owner.execute("UPDATE pyzn.project_days SET by_country = NULL WHERE day < '2026-07-10'")
        owner.execute(
            "INSERT INTO pyzn.events (id, kind, first, touches, effect, sources)"
            " VALUES ('own-rule', 'definition', '2026-07-10', '{downloads}', 'fewer rows count', '{}')"
        )
        with serving(settings(database.api_url)) as client:
            yield client


def test_a_chart_names_project_number_and_days_and_shows_each_day_to_scale(client: httpx.Client) -> None:
    response = client.get(CHART)
    assert texts(response)[:3] == ["sampleproject", "227 downloads", "by day, 2026-06-20 to 2026-07-19"]
    oldest, suspect, newest = bars(response)
    assert "2026-07-19: 120 downloads, provisional" in titles(response)
    assert newest.height / oldest.height == pytest.approx(120 / 12, rel=0.01)
    assert suspect.height / oldest.height == pytest.approx(95 / 12, rel=0.01)
    assert oldest.x < suspect.x < newest.x
    assert (newest.x - suspect.x) / (newest.x - oldest.x) == pytest.approx(2 / 29, rel=0.01)
    assert response.headers["cache-control"] == "public, max-age=86400"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    again = client.get(CHART, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_days_that_are_not_final_look_so_and_the_legend_says_which(client: httpx.Client) -> None:
    response = client.get(CHART)
    assert texts(response)[3:6] == ["missing", "provisional", "suspect"]
    assert len(patterned(response, "provisional")) == 1
    assert len(patterned(response, "missing")) == 2  # 21 June to 16 July, and 18 July
    assert {"2026-07-18: missing", "2026-07-17: 95 downloads, suspect"} <= set(titles(response))
    title = next(drawn(response).iter(f"{SVG}title")).text
    assert title is not None
    assert title.endswith("; 27 days missing; 1 day provisional; 1 day suspect")


def test_all_of_pypi_is_a_project_that_is_not_counted_by_version(own: tuple[psycopg.Connection, httpx.Client]) -> None:
    owner, client = own
    filled(owner, 3)
    publish(
        owner,
        date(2026, 7, 18),
        [Download(each, country=country, times=n) for each in ("a", "b") for country, n in (("US", 1), ("DE", 3))],
    )
    owner.commit()
    total = client.get("/chart/__all__.svg")
    assert texts(total)[:3] == ["All of PyPI", "28 downloads", "by day, 2026-06-20 to 2026-07-19"]
    assert [round(bar.height / bars(total)[0].height, 2) for bar in bars(total)] == [1, 0.8, 1]
    shown = texts(client.get("/chart/__all__.svg?by=country&range=all"))
    assert shown[1:5] == ["28 downloads", "by day and country, 2026-07-17 to 2026-07-19", "United States", "Germany"]
    refused = client.get("/chart/__all__.svg?by=version")
    assert (refused.status_code, "all of PyPI is not counted by version" in refused.text) == (400, True)


def test_while_nothing_is_published_all_of_pypi_is_missing_up_to_yesterday(
    own: tuple[psycopg.Connection, httpx.Client],
) -> None:
    for chosen, sign in (("month", "missing"), ("year", "days missing"), ("all", "missing")):
        shown = texts(own[1].get(f"/chart/__all__.svg?range={chosen}"))
        assert shown[2].endswith("to 2026-07-19")
        assert {"no downloads", sign} <= set(shown)


def test_a_week_of_which_days_are_missing_is_a_bar_on_a_gap(own: tuple[psycopg.Connection, httpx.Client]) -> None:
    owner, client = own
    filled(owner, 84, missing=(9, *range(57, 78)))  # 11 July; the weeks from 4 to 24 May
    response = client.get("/chart/lively.svg?start=2026-04-27&granularity=week")
    assert texts(response)[1:3] == ["620 downloads", "by week, 2026-04-27 to 2026-07-19"]
    assert len(bars(response)) == 12 - 3
    assert min(bar.height for bar in bars(response)) < max(bar.height for bar in bars(response)) * 0.9
    assert "days missing" in texts(response)
    assert "week of 2026-07-06: 60 downloads, 1 of 7 days missing" in titles(response)
    assert "week of 2026-05-04: 7 of 7 days missing" in titles(response)


def test_all_begins_with_the_project(several: httpx.Client) -> None:
    response = several.get("/chart/younger.svg?range=all")
    assert texts(response)[1:3] == ["1 downloads", "by day, 2026-06-20 to 2026-07-19"]
    assert patterned(response, "missing") == []


def test_days_before_a_breakdown_existed_are_missing_in_its_chart(several: httpx.Client) -> None:
    by_country = several.get("/chart/lively.svg?by=country")
    assert (len(bars(by_country)), len(patterned(by_country, "missing"))) == (10, 1)
    assert len(patterned(several.get("/chart/lively.svg"), "missing")) == 0


def test_releases_are_counted_with_their_version_however_it_is_spelled(several: httpx.Client) -> None:
    columns = [each for each in titles(several.get("/chart/spelled.svg?by=version")) if each.startswith("2026-07-19")]
    assert columns[0].splitlines()[1:] == ["1.20.x: 1", "1.2.x: 6", "1.0.x: 1", "other: 3"]


def test_every_country_of_iso_3166_has_a_place_on_the_map(several: httpx.Client) -> None:
    notes = texts(several.get("/chart/everywhere.svg?by=country&kind=map"))
    assert notes[-1] == "2 from unknown countries"  # Antarctica, and small islands of the United States in two oceans


def test_a_day_on_which_the_source_counts_otherwise_is_marked(several: httpx.Client) -> None:
    for address in ("/chart/lively.svg", "/chart/lively.svg?by=country&share=1", "/chart/compare.svg?name=lively"):
        assert titles(several.get(address))[-1] == "2026-07-10: fewer rows count"
    assert "fewer rows" not in several.get("/chart/lively.svg?count=pip").text


@pytest.mark.parametrize(
    ("by", "legend"),
    [
        ("version", ["2.0.x", "1.10.x", "1.9.x", "unknown"]),
        ("country", ["United States", "Germany", "France", "XK", "unknown"]),
        ("python", ["3.12", "3.9"]),
        ("system", ["Linux"]),
        ("installer", ["pip", "bandersnatch"]),
    ],
)
def test_a_chart_is_stacked_by_each_breakdown(client: httpx.Client, by: str, legend: list[str]) -> None:
    response = client.get(f"{CHART}?by={by}")
    shown = [*legend[:-1], "other", legend[-1]] if by == "version" else legend
    _, amount, span, *others = texts(response)
    assert others[: len(shown)] == shown
    assert re.fullmatch(rf"\d+ downloads{' without mirrors' if by in {'python', 'system'} else ''}", amount)
    assert span.lower() == f"by day and {by}, 2026-06-20 to 2026-07-19"
    newest = [bar for bar in bars(response) if round(bar.x) == 29]
    assert len({bar.fill for bar in newest}) == len(newest) == len(shown)
    total = sum(int(number) for number in re.findall(r"\n.*: (\d+)", titles(response)[-1]))
    assert titles(response)[-1].startswith(f"2026-07-19: {total} downloads, provisional")


def test_the_map_shades_countries_and_says_what_is_not_on_it(client: httpx.Client) -> None:
    response = client.get(f"{CHART}?by=country&kind=map")
    assert texts(response) == [
        "sampleproject",
        "227 downloads",
        "by country, 2026-06-20 to 2026-07-19",
        *("none", "1+", "10+", "100+"),
        *("27 days missing", "1 day provisional", "1 day suspect", "15 from unknown countries"),
    ]
    fills = [path.get("fill") for path in drawn(response).iter(f"{SVG}path")]
    assert fills.count(LIGHT["m5"]) == 1  # the United States
    assert fills.count(LIGHT["m4"]) == 3  # Germany, France, Kosovo
    assert titles(response) == ["United States: 167", "Germany: 15", "France: 15", "XK: 15"]


@pytest.mark.parametrize(
    ("query", "amount", "newest"),
    [
        ("count=pip", "155 downloads by pip", 95),
        ("ci=exclude", "147 downloads without CI", 60),
        ("count=without_mirrors", "155 downloads without mirrors", 95),
        ("start=2026-07-17&end=2026-07-19&count=downloads", "215 downloads", 120),
        ("by=version&count=files", "180 downloads of files", 100),
        ("start=2026-07-17&by=country", "215 downloads", 120),
        ("start=2026-07-01&granularity=week", "180 downloads of files", 180),
        ("by=version&ci=only", "80 downloads by CI", 60),
    ],
)
def test_a_chart_counts_what_its_address_names(client: httpx.Client, query: str, amount: str, newest: int) -> None:
    response = client.get(f"{CHART}?{query}")
    assert texts(response)[1] == amount
    assert re.search(rf"2026-07-1[39]: {newest} downloads", titles(response)[-1])


def test_up_to_eight_projects_are_lines_or_shares_of_one_chart(client: httpx.Client) -> None:
    address = "/chart/compare.svg?name=Busy&name=sampleproject,no-such-project&start=2026-07-17"
    both = f"{address}&count=downloads"
    assert texts(client.get(both))[:5] == [
        "busy, sampleproject", "downloads", "by day, 2026-07-17 to 2026-07-19", "busy", "sampleproject"
    ]  # fmt: skip
    assert titles(client.get(both))[-1] == "2026-07-19: provisional\nbusy: 1,000\nsampleproject: 120"
    assert len(drawn(client.get(both)).findall(f".//{SVG}path[@fill='none']")) == 2
    shares = client.get(f"{address}&share=1&count=pip")
    assert {"0 %", "100 %"} <= set(texts(shares))
    newest = sorted(bar.height for bar in bars(shares) if round(bar.x) == 2)
    assert newest == pytest.approx([240 * 95 / 795, 240 * 700 / 795], abs=0.2)
    assert client.get("/chart/compare.svg?" + "&".join(f"name=p{n}" for n in range(9))).status_code == 400
    assert texts(client.get("/chart/compare.svg?name=no-such-project"), 404)[1] == "unknown project"


def test_a_dark_page_gets_a_dark_chart(client: httpx.Client) -> None:
    for query, found in (("", LIGHT), ("&theme=light", LIGHT), ("&theme=dark", DARK)):
        response = client.get(f"{CHART}?by=python{query}")
        page = drawn(response).find(f"{SVG}rect")
        assert page is not None
        assert (page.get("fill"), page.get("width")) == (found["card"], "460")
        assert next(drawn(response).iter(f"{SVG}text")).get("fill") == found["text"]


def test_every_chart_is_one_that_an_img_shows(client: httpx.Client) -> None:
    for query, chosen in product(["", *(f"by={by}" for by in BY), "by=country&kind=map"], ["month", "all"]):
        root = drawn(client.get(f"/chart/awkward.svg?{query}&range={chosen}"))
        assert (root.get("width"), root.get("viewBox")) == ("460", f"0 0 460 {root.get('height')}")
        assert root.get("role") == "img"
        assert 250 < int(root.get("height", "")) < 600


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("No_Such.Project", "no-such-project"),
        ("a%00b", "a\ufffdb"),
        ("%3Cscript%3E", "<script>"),
        ("x" * 300, "x" * 40 + "…"),
    ],
)
def test_the_chart_of_an_unknown_project_says_so(client: httpx.Client, name: str, shown: str) -> None:
    response = client.get(f"/chart/{name}.svg?by=version")
    assert texts(response, 404) == [shown, "unknown project"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("by=planet", "by='planet': expected 'version', 'country', 'python', 'system' or 'installer'"),
        ("theme=%22/%3E%3Cscript%3E", "theme='\"/><script>': expected 'light' or 'dark'"),
        ("kind=map&by=python", "kind='map': expected by=country with it"),
        ("share=1", "share='1': expected by with it, or several projects"),
        ("count=pip&ci=exclude", "ci='exclude': expected include with count=pip"),
        ("count=pip&by=country", "count='pip': expected downloads with by=country, which is all that is counted"),
        ("range=year&end=2026-07-01", "range='year': expected no range with start or end"),
        ("start=2026-07-02&end=2026-07-01", "start='2026-07-02': expected 2026-07-01 (the end) at the latest"),
        ("granularity=month", "granularity='month': expected day or week for 30 days"),
    ],
)
def test_what_no_chart_can_show_is_400(client: httpx.Client, query: str, message: str) -> None:
    response = client.get(f"{CHART}?{query}")
    assert (response.status_code, response.json()["message"]) == (400, message)


def test_more_than_can_be_counted_in_time_is_400(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyzn_api.database.LIGHT", 10)
    with serving(settings(stocked.api_url)) as client:
        assert "1.10.x" in texts(client.get(f"{CHART}?by=version&range=year"))  # as one of the costly ones
        monkeypatch.setitem(counts.MOST, "day", 20)
        response = client.get(f"{CHART}?by=version&range=quarter")
        assert response.status_code == 400
        assert response.json()["message"].startswith("range='quarter': expected a shorter one: 0 MiB of counts")
        assert bars(client.get(f"{CHART}?range=quarter"))
