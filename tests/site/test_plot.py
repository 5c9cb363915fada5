"""The geometry of charts: numbers to scale, gaps where days are missing, few series and dates."""

from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyzn_api.ledger import Ledger
from pyzn_api.windows import Granularity, Window
from pyzn_site.periods import Period, periods
from pyzn_site.plot import HEIGHT, plot
from pyzn_site.series import Count, Series, series_of
from pyzn_site.texts import label, written

FIRST = date(2026, 7, 1)
bars, lines = partial(plot, "bars"), partial(plot, "lines")


def days(count: int, missing: tuple[int, ...] = (), granularity: Granularity = "day") -> list[Period]:
    return [Period(FIRST + timedelta(days=n), granularity, days=1, missing=int(n in missing)) for n in range(count)]


def series(*numbers: int, label: str = "", color: str = "s1") -> Series:
    return Series(label, {str(FIRST + timedelta(days=n)): number for n, number in enumerate(numbers)}, color)


def test_bars_are_stacked_to_scale_with_the_first_series_on_top() -> None:
    drawn = bars(days(3), [series(20, 0, 5, label="new"), series(20, 30, 5, label="old", color="s2")])
    assert [text for text, _ in drawn.levels] == ["0", "10", "20", "30", "40"]
    assert [stroke.label for stroke in drawn.strokes] == ["new", "old"]
    assert drawn.strokes[0].path == "M0.075 120.0h0.85V0.0h-0.85zM2.075 210.0h0.85V180.0h-0.85z"
    assert drawn.strokes[1].path.startswith("M0.075 240.0h0.85V120.0h-0.85zM1.075 240.0h0.85V60.0")
    assert [(column.x, column.top) for column in drawn.columns] == [(0, 0), (33.333, 60), (66.667, 180)]


def test_a_mark_stands_where_its_period_begins() -> None:
    marks = [(FIRST + timedelta(days=3), "a new rule"), (FIRST - timedelta(days=1), "before")]
    assert bars(days(10), [series()], marks).marks == lines(days(10), [series()], marks).marks == [(30, "a new rule")]


def test_every_column_has_its_numbers_as_a_title() -> None:
    week = [Period(FIRST, "week", cut=True, days=3, missing=1, provisional=2)]
    both = [Series("new", {str(FIRST): 1200}), Series("old", {str(FIRST): 3})]
    assert bars(week, both).columns[0].title == (
        "week of 2026-07-01: 1,203 downloads, 1 of 3 days missing, 2 of 3 days provisional, not a whole week\n"
        "new: 1,200\nold: 3"
    )
    assert bars(days(1, missing=(0,)), [series()]).columns[0].title == "2026-07-01: missing"
    assert bars(days(1), [series()]).columns[0].title == "2026-07-01: 0 downloads"


def test_neighbours_that_are_missing_are_one_gap() -> None:
    drawn = bars(days(10, missing=(2, 3, 9)), [series()])
    assert drawn.gaps == [(20, 20), (90, 10)]
    assert drawn.empty


def test_a_line_is_broken_where_days_are_missing_and_a_day_alone_is_a_dot() -> None:
    (stroke,) = lines(days(8, missing=(3, 5)), [series(*range(100, 108))]).strokes
    assert stroke.path.count("M") == 3
    assert stroke.path.count("L") == 2 + 1
    assert stroke.path.count("h0.4") == 1  # the day between two missing ones


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=40))
def test_whatever_the_numbers_all_is_inside_and_levels_are_few_and_round(numbers: list[int]) -> None:
    for drawn in (bars(days(len(numbers)), [series(*numbers)]), lines(days(len(numbers)), [series(*numbers)])):
        assert 3 <= len(drawn.levels) <= 7
        assert drawn.end >= max(numbers)
        assert all(0 <= y <= HEIGHT for _, y in drawn.levels)
        assert all(0 <= column.top <= HEIGHT for column in drawn.columns)


@pytest.mark.parametrize(
    ("start", "granularity", "count", "shown"),
    [
        (date(2026, 6, 20), "day", 30, ["22 Jun 2026", "29 Jun", "6 Jul", "13 Jul 2026"]),
        (date(2025, 12, 30), "day", 4, ["30 Dec 2025", "31 Dec", "1 Jan 2026", "2 Jan 2026"]),
        (date(2026, 4, 21), "day", 90, ["May 2026", "Jun", "Jul 2026"]),
        (date(2025, 7, 14), "week", 53, ["Sep 2025", "Nov", "Jan 2026", "Mar", "May", "Jul 2026"]),
        (date(2026, 4, 1), "month", 3, ["Apr 2026", "May", "Jun 2026"]),
        (date(2016, 1, 1), "month", 126, ["2016", "2018", "2020", "2022", "2024", "2026"]),
    ],
)
def test_dates_are_few_and_have_their_year(start: date, granularity: Granularity, count: int, shown: list[str]) -> None:
    span = {"day": 1, "week": 7, "month": 30.4}[granularity] * count
    found = periods(Window(start, start + timedelta(days=int(span) - 1)), granularity, Ledger([]))
    assert [f"{text} {year}".strip() for _, text, year in bars(found, [series()]).dates] == shown


def test_the_legend_has_only_days_that_are_there() -> None:
    def signs(*found: Period) -> list[tuple[str, str]]:
        return bars(found, [series()]).signs

    assert signs(Period(FIRST, "day", days=1)) == []
    found = signs(Period(FIRST, "day", days=1, missing=1), Period(FIRST, "day", days=1, suspect=1))
    assert found == [("missing", "missing"), ("suspect", "suspect")]
    assert signs(Period(FIRST, "month", days=9, missing=1, provisional=3, cut=True)) == [
        ("missing", "days missing"),
        ("provisional", "provisional or not a whole month"),
    ]


def test_a_week_that_the_range_cuts_is_not_drawn_as_a_fall() -> None:
    window = Window(date(2026, 7, 1), date(2026, 7, 15))  # Wednesday to Wednesday

    def cut(window: Window, granularity: Granularity) -> list[bool]:
        return [each.cut for each in periods(window, granularity, Ledger([]))]

    assert cut(window, "week") == [True, False, True]
    assert not any(cut(window, "day"))
    assert cut(Window(date(2026, 1, 31), date(2026, 3, 1)), "month") == [True, False, True]
    found = [Period(FIRST + timedelta(weeks=n), "week", cut=n != 1, days=7) for n in range(3)]
    (stroke,) = lines(found, [Series("one", {str(each.first): 7 for each in found})]).strokes
    assert stroke.path == "M1.3 30.0h0.4"


def counts(numbers: dict[str | None, int]) -> list[Count]:
    return [("2026-07-01", key, number) for key, number in numbers.items()]


def test_the_largest_series_are_apart_and_the_rest_is_together() -> None:
    numbers: dict[str | None, int] = {str(number): 100 - number for number in range(10)}
    found = series_of("installer", [*counts({**numbers, "(unknown)": 200, None: 1000}), ("2026-07-02", "9", 1)])
    assert [(one.label, one.color) for one in found] == [
        *((str(number), f"s{number + 1}") for number in range(5)), ("other", "other"), ("unknown", "unknown")
    ]  # fmt: skip
    assert found[-2].downloads == {"2026-07-01": 95 + 94 + 93 + 92 + 91 + 1000, "2026-07-02": 1}


def test_what_has_less_than_a_hundredth_is_other() -> None:
    found = series_of("system", counts({"Linux": 990, "Darwin": 10, "Windows": 9, "(unknown)": 1}))
    assert [(one.label, sum(one.downloads.values())) for one in found] == [("Linux", 990), ("other", 20)]


def test_versions_are_divided_by_major_where_two_of_them_count_and_by_minor_otherwise() -> None:
    two = counts({"1.9": 50, "1.10": 40, "2.0": 10, None: 1})
    assert [one.label for one in series_of("version", two)] == ["2.x", "1.x", "other"]
    one = series_of("version", counts({"1.9": 50, "1.10": 40, "2.0": 4, "1": 3, "01.0": 2}))
    assert [each.label for each in one] == ["2.0.x", "1.10.x", "1.9.x", "1.0.x"]
    assert [sum(each.downloads.values()) for each in one] == [4, 40, 50, 5]


@pytest.mark.parametrize(
    ("by", "key", "shown"),
    [
        ("version", "2", "2.x"),
        ("country", "DE", "Germany"),
        ("country", "XK", "XK"),
        ("installer", "(unknown)", "unknown"),
        ("installer", " ", "(empty)"),
        ("installer", "x" * 5000, "x" * 20 + "…"),
        ("installer", "\x01\u202e\ufffe", "\ufffd\ufffd\ufffd"),
    ],
)
def test_a_key_is_short_and_visible(by: str, key: str, shown: str) -> None:
    assert label(key, by) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1999, "1.9k"), (12_999, "12k"), (1_250_000, "1.2M"), (7 * 10**9, "7B")],
)
def test_a_short_number_is_rounded_down(number: int, shown: str) -> None:
    assert written(number) == shown
