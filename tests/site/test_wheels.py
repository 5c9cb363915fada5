"""The page of wheels: its figures are those of plain sums over the downloads, and it names what cannot be known."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

import pyzn_api.routes.counts
from pyzn_pipeline.breakdowns import BREAKDOWNS, LIBC, known
from pyzn_site.texts import percent
from pyzn_site.wheels import TOPICS
from tests.api.stock import NEWEST, publish
from tests.days import Download
from tests.site.pages import Html, page
from tests.site.wheels import DAYS, ROBOTS, downloads

DOWNLOADS = [each._replace(times=DAYS * each.times) for each in downloads()]


def of(project: str | None, holds: Callable[[Download], object] = bool) -> int:
    """The number of downloads of a project, or of all, for which it holds; the mirrored ones never."""
    return sum(
        each.times
        for each in DOWNLOADS
        if project in {None, each.project} and each.installer != "bandersnatch" and holds(each)
    )


def share(found: Html, sentence: str) -> float:
    """The share that a sentence names, before or behind its words."""
    match = re.search(rf"([\d.]+) % {re.escape(sentence)}|{re.escape(sentence)} ([\d.]+) %", found.words)
    assert match, sentence
    return float(match[1] or match[2]) / 100


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


@pytest.mark.parametrize(("project", "path"), [("compiled", "compiled"), (None, "__all__")])
def test_the_shares_of_a_page_are_those_of_its_downloads(
    wheels_client: httpx.Client, project: str | None, path: str
) -> None:
    found = page(wheels_client, f"/projects/{path}/wheels")
    in_project = [each for each in DOWNLOADS if project in {None, each.project}]

    def wheel(*parts: str) -> int:
        return of(project, lambda each: any(part in str(each.filename) for part in parts))

    def older(than: tuple[int, ...]) -> int:
        return of(project, lambda each: each.libc and numbers(each.libc) < than)

    files, wheels, known = of(project), wheel(".whl"), of(project, lambda each: each.libc)
    for sentence, part, whole in [
        ("of the files are wheels.", wheels, files),
        ("of the files are source archives", wheel(".tar.gz"), files),
        ("of the files are wheels for 32 bits", wheel("win32", "i686"), files),
        ("of the wheels are for free-threaded Python", wheel("t-"), wheels),
        ("of the wheels are for PyPy", wheel("-pp"), wheels),
        ("manylinux_2_28 would lose", older((2, 28)), known),
        ("of the downloads no glibc is known", files - known, files),
        (
            "of the downloads with a known machine are for 32 bits",
            of(project, lambda each: each.cpu in {"i686", "x86"}),
            of(project, lambda each: each.cpu),
        ),
        (
            "of all its downloads in this range were by CI",
            sum(each.times for each in in_project if each.ci),
            sum(each.times for each in in_project),
        ),
    ]:
        assert share(found, sentence) == pytest.approx(part / whole, rel=0.05), sentence
    assert re.search(rf"manylinux aarch64 [\d.]+ % {wheel('manylinux2014_aarch64'):,} ", found.words)
    for baseline in ("2_17 (manylinux2014)", "2_28", "2_31", "2_34", "2_39"):
        lost = older(numbers(baseline)[:2])
        row = rf"[\d.]+ % {lost:,}" if lost else "0 % 0"
        assert re.search(rf"manylinux_{re.escape(baseline)} {row} ", found.words), baseline
    old = of(project, lambda each: each.python and numbers(each.python) < (3, 10))
    assert re.search(rf"requires-python >=3.10 [\d.]+ % {old:,} ", found.words)


def test_a_project_with_many_wheels_shows_what_robots_fetch_and_all_its_topics(wheels_client: httpx.Client) -> None:
    found = page(wheels_client, "/projects/compiled/wheels")
    kinds = Counter(each.filename for each in DOWNLOADS for _ in range(each.times))
    same = list(kinds.values()).count(ROBOTS * DAYS)
    robots = f"{same} of 80 kinds of wheels have the same small count, {ROBOTS * DAYS}: by chance, or by robots"
    assert robots in found.words
    assert [re.split(", |:", each)[1] for each in found.charts] == [topic.title for topic in TOPICS]
    assert "PYZN_BREAKDOWNS" not in found.words


@pytest.mark.parametrize("project", ["compiled", "__all__"])
def test_the_numbers_of_each_chart_are_linked(wheels_client: httpx.Client, project: str) -> None:
    found = page(wheels_client, f"/projects/{project}/wheels")
    shown = {urlsplit(each).path.rpartition("/")[2] for each in found.numbers}
    assert shown == {topic.breakdown.plural for topic in TOPICS}
    assert {wheels_client.get(each).status_code for each in found.numbers} == {200}


def test_a_pure_project_and_one_that_nobody_downloads_as_a_wheel_name_that(wheels_client: httpx.Client) -> None:
    pure = page(wheels_client, "/projects/pure/wheels")
    assert "Every wheel is for any platform" in pure.words
    assert share(pure, "of the files are wheels.") == pytest.approx(0.93, abs=1e-3)
    assert "Robots" not in pure.words
    never = page(wheels_client, "/projects/never/wheels").words
    assert "Nobody downloaded a wheel" in never
    assert "0 % of the files are wheels." in never  # mirrors are not in it
    assert "There are no wheels in this range." in never
    assert "There are no downloads with a known glibc in this range." in never


def test_days_without_the_breakdowns_show_the_rest_and_how_to_turn_them_on(
    own_client: httpx.Client, owner: psycopg.Connection
) -> None:
    for ago in range(2):
        publish(owner, NEWEST - timedelta(days=ago), downloads())
    for each in {topic.breakdown for topic in TOPICS} - {*BREAKDOWNS}:
        days = f"day < '{NEWEST}'" if each == LIBC else "true"
        owner.execute(f"UPDATE pyzn.project_days SET {each.document} = NULL WHERE {days}".encode())
        owner.execute(f"DELETE FROM pyzn.day_breakdowns WHERE breakdown = '{each.name}' AND {days}".encode())
    for path in ("/projects/compiled/wheels", "/projects/__all__/wheels"):
        words = page(own_client, path).words
        assert "not read by cpu , implementation , wheel , so what follows is not all" in words
        assert "PYZN_BREAKDOWNS" in words
        assert "1 day of this range was not read by libc" in words
        assert re.search(r"requires-python >=3.10 [\d.]+ %", words)
        assert "manylinux_2_28 would lose" in words
        assert "source archives" not in words


def test_the_figures_are_of_the_range_and_a_chart_is_of_the_year_before_its_end(wheels_client: httpx.Client) -> None:
    end = NEWEST - timedelta(days=1)
    found = page(wheels_client, f"/projects/pure/wheels?start={end}&end={end}&count=pip")
    assert re.search(r"any platform [\d.]+ % 400 ", found.words)
    assert found.charts[0].endswith(f"{NEWEST - timedelta(days=DAYS - 1)} to {end}")
    year = f"start={NEWEST - timedelta(days=DAYS - 1)}&end={end}&granularity=day"
    assert all(year in each for each in found.numbers)


def test_what_is_too_much_is_not_counted(wheels_client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pyzn_api.routes.counts.MOST, "day", 100)  # bytes
    words = page(wheels_client, "/projects/compiled/wheels?range=quarter").words
    assert "There is too much to count for one page: choose a shorter range." in words


def test_more_keys_than_are_counted_apart_are_together(
    wheels_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyzn_site.counting._ALL", 3)
    found = page(wheels_client, "/projects/compiled/wheels?range=year")
    files = {each.filename for each in DOWNLOADS if each.project == "compiled"}
    counts = sorted(sum(each.times for each in DOWNLOADS if each.filename == file) for file in files)
    rest = of("compiled") - sum(counts[-3:])
    assert re.search(rf"\(other\) [\d.]+ % {rest:,} ", found.words)


@pytest.mark.parametrize(("name", "status"), [("no-such", 404), ("a b", 404), ("never?start=x", 400)])
def test_an_unknown_project_has_a_page_that_helps(wheels_client: httpx.Client, name: str, status: int) -> None:
    path, _, query = name.partition("?")
    page(wheels_client, f"/projects/{path}/wheels?{query}", status)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "0 %"), (41, 1000, "4.1 %"), (412, 1000, "41.2 %"), (412, 100_000, "0.41 %"), (1, 10**7, "under 0.001 %")],
)
def test_a_small_share_keeps_two_digits(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole).replace("\u00a0", " ") == shown


def test_the_commands_of_the_tutorial_answer(wheels_client: httpx.Client) -> None:
    tutorial = (Path(__file__).parents[2] / "docs/wheels.md").read_text()
    asked = re.findall(r"curl 'http://127.0.0.1:5200(/\S+)'", tutorial)
    assert len(asked) == 3
    for path in asked:
        answer = wheels_client.get(path.replace("numpy", "compiled"))
        assert answer.status_code == 200, path
        assert len(answer.text.splitlines()) > 2 if "csv" in path else answer.json()["downloads"], path
    chosen = re.findall(r"PYZN_BREAKDOWNS=(\S+)", tutorial)[0].split(",")
    assert {topic.breakdown.name for topic in TOPICS} <= {each.name for each in known(chosen)}
    assert len(known(chosen)) == len(chosen)
