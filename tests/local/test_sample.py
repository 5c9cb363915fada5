"""The synthetic sample looks like PyPI's downloads where PyZn looks."""

import datetime as dt

import pandas as pd
import pytest

from pyzn_local import sample
from pyzn_pipeline.days import DaysRefused

MONDAY = dt.date(2026, 7, 6)
MIRRORS = {"bandersnatch", "z3c.pypimirror", "Artifactory", "devpi"}


def flat(day: dt.date) -> pd.DataFrame:
    """A day of the sample with a column for each field: `details.installer.name`."""
    frame: pd.DataFrame = sample.day(day).flatten().flatten().flatten().to_pandas()
    return frame


@pytest.fixture(scope="module")
def monday() -> pd.DataFrame:
    return flat(MONDAY)


def test_a_day_is_the_same_whenever_it_is_generated_and_in_order(monday: pd.DataFrame) -> None:
    assert flat(MONDAY).equals(monday)
    moments = monday["timestamp"]
    assert moments.is_monotonic_increasing
    assert set(moments.dt.date) == {MONDAY}
    hours = moments.dt.hour.value_counts()
    assert 1.3 < hours.max() / hours.min() < 2


def test_weekends_are_quiet_and_years_grow_but_not_for_ever(monday: pd.DataFrame) -> None:
    sunday, year_before, later = (dt.date(2026, 7, 5), dt.date(2025, 7, 7), dt.date(2035, 1, 1))
    assert 0.6 < sample.day(sunday).num_rows / len(monday) < 0.75
    assert 1.2 < len(monday) / sample.day(year_before).num_rows < 1.5
    assert sample.day(later).num_rows < 170_000


def test_projects_are_real_and_a_third_of_their_downloads_is_by_ci(monday: pd.DataFrame) -> None:
    assert {"requests", "numpy", "boto3", "urllib3", "pandas"} <= set(monday["file.project"])
    assert set(monday["details.ci"].dropna()) == {True}
    assert 0.30 < monday["details.ci"].notna().mean() < 0.38


def test_a_chart_of_one_project_is_not_the_chart_of_another(monday: pd.DataFrame) -> None:
    top = monday[monday["file.project"].isin(monday["file.project"].value_counts().index[:10])]
    new = (top["details.installer.name"] == "uv").groupby(top["file.project"]).mean()
    assert new.max() - new.min() > 0.1


@pytest.mark.parametrize(
    ("column", "wild"),
    [
        ("country_code", {"T1"}),
        ("file.version", set()),
        ("details.installer.name", MIRRORS),
        ("details.python", {"3", "3.14.0rc2", "3.12.1+"}),
        ("details.system.name", {"FreeBSD", "Android", "Emscripten"}),
    ],
)
def test_keys_are_unknown_at_times_and_a_few_are_wild(monday: pd.DataFrame, column: str, wild: set[str]) -> None:
    assert wild <= set(monday[column])
    assert 0 < monday[column].isna().mean() < 0.1


def test_mirrors_fetch_everything_alike_and_report_nothing_of_their_machine(monday: pd.DataFrame) -> None:
    mirrored = monday[monday["details.installer.name"].isin(MIRRORS)]
    assert 0.03 < len(mirrored) / len(monday) < 0.05
    assert mirrored[["details.python", "details.system.name", "details.ci"]].isna().all(axis=None)
    by_project = mirrored["file.project"].value_counts()
    assert len(by_project) == len(sample.projects())
    assert by_project.max() < 4 * by_project.median()


def test_a_release_takes_over_within_weeks_and_old_ones_stay(monday: pd.DataFrame) -> None:
    now, later = (
        rows[rows["file.project"] == "requests"]["file.version"].value_counts(normalize=True)
        for rows in (monday, flat(MONDAY + dt.timedelta(weeks=6)))
    )
    assert now.index[0] != later.index[0]
    assert {now.index[0]} <= set(later.index)
    assert 0.25 < later.iloc[0] < 0.85


@pytest.mark.parametrize(
    ("day", "least", "most"),
    [("2023-05-10", 0, 0), ("2024-05-20", 0.17, 0.2), ("2026-08-18", 0.42, 0.48), ("2026-08-25", 0, 0)],
)
def test_sidecars_are_rows_until_pypi_stopped_counting_them(day: str, least: float, most: float) -> None:
    rows = flat(dt.date.fromisoformat(day))
    names = rows[rows["details.installer.name"] == "pip"]["file.filename"]
    assert least <= names.str.endswith(".whl.metadata").mean() <= most
    assert rows["file.filename"].str.endswith((".whl", ".tar.gz", ".whl.metadata")).all()


def test_files_do_not_step_where_downloads_do() -> None:
    before, at, after = (flat(dt.date(2026, 8, 17 + 7 * week))["file.filename"] for week in range(3))
    files = [(~names.str.endswith(".metadata")).sum() for names in (before, at, after)]
    assert max(files) < 1.06 * min(files)
    assert len(after) < len(at) < len(before)


def test_the_first_day_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    today = dt.datetime.now(dt.UTC).date()
    assert sample.first_day() == today - dt.timedelta(days=35)
    monkeypatch.setenv("PYZN_SAMPLE_FROM", "2026-08-01")
    assert sample.first_day() == dt.date(2026, 8, 1)
    monkeypatch.setenv("PYZN_SAMPLE_FROM", "august")
    with pytest.raises(DaysRefused, match="'august' is not a day"):
        sample.first_day()


def test_compiled_projects_have_a_wheel_for_each_python_and_platform(monday: pd.DataFrame) -> None:
    names = monday[monday["file.type"] == "bdist_wheel"].set_index("file.project")["file.filename"]
    tags = names.str.removesuffix(".metadata").str.extract(r"-(\w+)-(\w+)-(\w+)\.whl$")
    assert tags.notna().all(axis=None)
    assert set(tags.loc["requests"][2]) == {"any"}
    numpy = tags.loc["numpy"]
    assert len(numpy.drop_duplicates()) > 20
    assert {"manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"} <= set(numpy[2])
    linux = monday["details.system.name"] == "Linux"
    assert 0.9 < (monday[linux]["details.distro.libc.lib"] == "glibc").mean() < 0.97
    assert monday[~linux]["details.distro.libc.version"].isna().all()
