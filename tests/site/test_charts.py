"""Charts: the right numbers at the right days, what is not final looks so, and no SVG that does anything."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

import httpx
import psycopg
import pycountry
import pytest

from pyzn_api.routes import counts
from pyzn_api.windows import Window
from pyzn_local.postgres import Postgres
from pyzn_site.rendering import colors
from pyzn_site.view import Scope
from tests.api.conftest import serving, settings
from tests.conftest import Database, own_database
from tests.days import Download
from tests.site.conftest import publish
from tests.site.pictures import SVG, Picture, picture

CHART = "/chart/sampleproject.svg"
BY = ["version", "country", "python", "system", "installer"]
LIGHT, DARK = colors("light"), colors("dark")


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
    drawn = picture(client, CHART)
    assert drawn.texts[:3] == ["sampleproject", "227 downloads", "by day, 2026-06-20 to 2026-07-19"]
    oldest, suspect, newest = drawn.bars
    assert newest.height / oldest.height == pytest.approx(120 / 12, rel=0.01)
    assert suspect.height / oldest.height == pytest.approx(95 / 12, rel=0.01)
    assert oldest.x < suspect.x < newest.x
    assert (newest.x - suspect.x) / (newest.x - oldest.x) == pytest.approx(2 / 29, rel=0.01)


def test_a_chart_is_kept_for_a_day_and_may_load_nothing(client: httpx.Client) -> None:
    response = client.get(CHART)
    assert response.headers["cache-control"] == "public, max-age=86400"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    again = client.get(CHART, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_days_that_are_not_final_look_so_and_the_legend_names_them(client: httpx.Client) -> None:
    drawn = picture(client, CHART)
    assert drawn.texts[3:6] == ["missing", "provisional", "suspect"]
    assert (drawn.patterned("provisional"), drawn.patterned("missing")) == (1, 2)  # 21 June to 16 July, and 18 July
    assert drawn.titles[-3:] == [
        "2026-07-17: 95 downloads, suspect", "2026-07-18: missing", "2026-07-19: 120 downloads, provisional",
    ]  # fmt: skip
    assert drawn.title.endswith("; 27 days missing; 1 day provisional; 1 day suspect")


def test_all_of_pypi_is_a_project_that_is_not_counted_by_version(client: httpx.Client) -> None:
    total = picture(client, "/chart/__all__.svg?start=2026-07-17&count=downloads")
    assert total.texts[:3] == ["All of PyPI", "2.2k downloads", "by day, 2026-07-17 to 2026-07-19"]
    assert [bar.height / total.bars[0].height for bar in total.bars] == [1, pytest.approx(1120 / 1095, rel=0.01)]
    by_country = picture(client, "/chart/__all__.svg?by=country")
    assert by_country.texts[2:5] == ["by day and country, 2026-06-20 to 2026-07-19", "United States", "Japan"]
    refused = client.get("/chart/__all__.svg?by=version")
    assert (refused.status_code, "all of PyPI is not counted by version" in refused.text) == (400, True)


def test_while_nothing_is_published_all_of_pypi_is_missing_up_to_yesterday(own_client: httpx.Client) -> None:
    for chosen, sign in (("month", "missing"), ("year", "days missing"), ("all", "missing")):
        shown = picture(own_client, f"/chart/__all__.svg?range={chosen}").texts
        assert shown[2].endswith("to 2026-07-19")
        assert {"no downloads", sign} <= set(shown)


def test_a_week_of_which_days_are_missing_is_a_bar_on_a_gap(client: httpx.Client) -> None:
    drawn = picture(client, f"{CHART}?start=2026-06-15&granularity=week&count=downloads")
    assert drawn.texts[1:3] == ["238 downloads", "by week, 2026-06-15 to 2026-07-19"]
    assert [round(bar.x) for bar in drawn.bars] == [0, 4]
    assert drawn.bars[1].height / drawn.bars[0].height == pytest.approx(215 / 23, rel=0.01)
    assert (drawn.patterned("missing"), "days missing" in drawn.texts) == (1, True)
    assert {"week of 2026-06-15: 23 downloads, 5 of 7 days missing", "week of 2026-07-06: 7 of 7 days missing"} <= set(
        drawn.titles
    )


def test_all_begins_with_the_project(several: httpx.Client) -> None:
    drawn = picture(several, "/chart/younger.svg?range=all")
    assert drawn.texts[1:3] == ["1 downloads", "by day, 2026-06-20 to 2026-07-19"]
    assert drawn.patterned("missing") == 0
    last = date(2026, 7, 19)
    newer = Scope(Window(last, last), "day", "downloads").since(last + timedelta(days=1))  # published meanwhile
    assert newer.window == Window(last, last)


def test_days_before_a_breakdown_existed_are_missing_in_its_chart(several: httpx.Client) -> None:
    by_country = picture(several, "/chart/lively.svg?by=country")
    assert (len(by_country.bars), by_country.patterned("missing")) == (10, 1)
    assert picture(several, "/chart/lively.svg").patterned("missing") == 0


def test_releases_are_counted_with_their_version_however_it_is_spelled(several: httpx.Client) -> None:
    newest = picture(several, "/chart/spelled.svg?by=version").titles[29]
    assert newest.splitlines() == ["2026-07-19: 11 downloads", "1.20.x: 1", "1.2.x: 6", "1.0.x: 1", "other: 3"]


def test_every_country_of_iso_3166_has_a_place_on_the_map(several: httpx.Client) -> None:
    notes = picture(several, "/chart/everywhere.svg?by=country&kind=map").texts
    assert notes[-1] == "2 from unknown countries"  # Antarctica, and small islands of the United States in two oceans


def test_a_day_on_which_the_source_counts_otherwise_is_marked(several: httpx.Client) -> None:
    for address in ("/chart/lively.svg", "/chart/lively.svg?by=country&share=1", "/chart/compare.svg?name=lively"):
        assert picture(several, address).titles[-1] == "2026-07-10: fewer rows count"
    assert "fewer rows" not in several.get("/chart/lively.svg?count=pip").text


@pytest.mark.parametrize(
    ("by", "legend"),
    [
        ("version", ["2.0.x", "1.10.x", "1.9.x", "other", "unknown"]),
        ("country", ["United States", "Germany", "France", "XK", "unknown"]),
        ("python", ["3.12", "3.9"]),
        ("system", ["Linux"]),
        ("installer", ["pip", "bandersnatch"]),
    ],
)
def test_a_chart_is_stacked_by_each_breakdown(client: httpx.Client, by: str, legend: list[str]) -> None:
    drawn = picture(client, f"{CHART}?by={by}")
    _, amount, span, *others = drawn.texts
    assert others[: len(legend)] == legend
    assert re.fullmatch(rf"\d+ downloads{' without mirrors' if by in {'python', 'system'} else ''}", amount)
    assert span.lower() == f"by day and {by}, 2026-06-20 to 2026-07-19"
    newest = [bar for bar in drawn.bars if round(bar.x) == 29]
    assert len({bar.fill for bar in newest}) == len(newest) == len(legend)
    total = sum(int(number) for number in re.findall(r"\n.*: (\d+)", drawn.titles[-1]))
    assert drawn.titles[-1].startswith(f"2026-07-19: {total} downloads, provisional")


def test_the_map_shades_countries_and_names_what_is_not_on_it(client: httpx.Client) -> None:
    drawn = picture(client, f"{CHART}?by=country&kind=map")
    assert drawn.texts == [
        "sampleproject",
        "227 downloads",
        "by country, 2026-06-20 to 2026-07-19",
        *("none", "1+", "10+", "100+"),
        *("27 days missing", "1 day provisional", "1 day suspect", "15 from unknown countries"),
    ]
    fills = [path.get("fill") for path in drawn.root.iter(f"{SVG}path")]
    assert fills.count(LIGHT["m5"]) == 1  # the United States
    assert fills.count(LIGHT["m4"]) == 3  # Germany, France, Kosovo
    assert drawn.titles == ["United States: 167", "Germany: 15", "France: 15", "XK: 15"]


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
    drawn = picture(client, f"{CHART}?{query}")
    assert drawn.texts[1] == amount
    assert re.search(rf"2026-07-1[39]: {newest} downloads", drawn.titles[-1])


def test_up_to_eight_projects_are_lines_or_shares_of_one_chart(client: httpx.Client) -> None:
    address = "/chart/compare.svg?name=Busy&name=sampleproject,no-such-project&start=2026-07-17"
    lines = picture(client, f"{address}&count=downloads")
    assert lines.texts[:3] == ["busy, sampleproject", "downloads", "by day, 2026-07-17 to 2026-07-19"]
    assert lines.texts[3:5] == ["busy", "sampleproject"]
    assert lines.titles[-1] == "2026-07-19: provisional\nbusy: 1,000\nsampleproject: 120"
    assert len(lines.root.findall(f".//{SVG}path[@fill='none']")) == 2
    shares = picture(client, f"{address}&share=1&count=pip")
    assert {"0 %", "100 %"} <= set(shares.texts)
    newest = sorted(bar.height for bar in shares.bars if round(bar.x) == 2)
    assert newest == pytest.approx([240 * 95 / 795, 240 * 700 / 795], abs=0.2)
    assert client.get("/chart/compare.svg?" + "&".join(f"name=p{n}" for n in range(9))).status_code == 400
    divided = client.get("/chart/compare.svg?name=busy&by=country").json()["message"]
    assert divided == "by='country': expected no by with several projects"
    assert picture(client, "/chart/compare.svg?name=no-such-project", 404).texts[1] == "unknown project"


@pytest.mark.parametrize(("query", "color"), [("", LIGHT), ("&theme=light", LIGHT), ("&theme=dark", DARK)])
def test_a_dark_page_gets_a_dark_chart(client: httpx.Client, query: str, color: dict[str, str]) -> None:
    root = picture(client, f"{CHART}?by=python{query}").root
    ground, title = root.find(f"{SVG}rect"), root.find(f"{SVG}text")
    assert ground is not None
    assert title is not None
    assert (ground.get("fill"), ground.get("width"), title.get("fill")) == (color["card"], "460", color["text"])


def test_every_chart_is_one_that_an_img_shows(client: httpx.Client) -> None:
    for query, chosen in product(["", *(f"by={by}" for by in BY), "by=country&kind=map"], ["month", "all"]):
        root = picture(client, f"/chart/awkward.svg?{query}&range={chosen}").root
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
def test_an_unknown_project_has_a_chart_with_its_name(client: httpx.Client, name: str, shown: str) -> None:
    response = client.get(f"/chart/{name}.svg?by=version")
    assert Picture(response, 404).texts == [shown, "unknown project"]
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
        assert "1.10.x" in picture(client, f"{CHART}?by=version&range=year").texts  # as one of the costly ones
        monkeypatch.setitem(counts.MOST, "day", 20)
        response = client.get(f"{CHART}?by=version&range=quarter")
        assert response.status_code == 400
        assert response.json()["message"].startswith("range='quarter': expected a shorter one: 0 MiB of counts")
        assert picture(client, f"{CHART}?range=quarter").bars
