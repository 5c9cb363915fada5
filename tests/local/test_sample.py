"""The synthetic sample looks like PyPI's downloads where PyZn looks."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import requests

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.local.conftest import connected

MONDAY = dt.date(2026, 7, 6)


@pytest.fixture(scope="module")
def monday() -> pd.DataFrame:
    return pd.json_normalize(sample.day(MONDAY).to_pylist())


def test_a_day_is_the_same_whenever_it_is_generated() -> None:
    assert sample.day(MONDAY).equals(sample.day(MONDAY))
    assert not sample.day(MONDAY).equals(sample.day(MONDAY + dt.timedelta(days=7)))


def test_every_row_is_within_its_utc_day_in_order() -> None:
    moments = pc.cast(sample.day(MONDAY)["timestamp"], pa.int64()).to_numpy()
    start = int(dt.datetime(2026, 7, 6, tzinfo=dt.UTC).timestamp()) * 1_000_000
    assert start <= moments.min() < moments.max() < start + 86_400_000_000
    assert (moments[1:] >= moments[:-1]).all()


def test_weekends_are_about_a_third_lower() -> None:
    rows = [sample.day(MONDAY + dt.timedelta(days=at)).num_rows for at in range(7)]
    assert all(19_000 < count < 21_000 for count in rows[:5])
    assert 0.58 < sum(rows[5:]) / 2 / (sum(rows[:5]) / 5) < 0.68


@pytest.mark.parametrize("day", [MONDAY, dt.date(2020, 2, 29), dt.date(2016, 1, 22)])
def test_well_known_projects_occur_every_day(day: dt.date) -> None:
    projects = set(sample.day(day)["file"].combine_chunks().field("project").to_pylist())
    assert {"requests", "numpy", "boto3", "urllib3", "pandas"} <= projects
    assert len(projects) > 300


def test_shares_are_plausible_and_everything_optional_is_null_at_times(monday: pd.DataFrame) -> None:
    assert set(monday["details.ci"].dropna()) == {True}
    assert 0.30 < monday["details.ci"].notna().mean() < 0.38
    assert monday["country_code"].value_counts(normalize=True).index[0] == "US"
    assert 0.5 < (monday["details.installer.name"] == "pip").mean() < 0.7
    for column in ("country_code", "file.version", "details.installer.name", "details.python"):
        assert 0 < monday[column].isna().sum() < 0.1 * len(monday)


def test_a_project_has_a_few_versions_and_most_rows_the_newest(monday: pd.DataFrame) -> None:
    versions = monday[monday["file.project"] == "boto3"]["file.version"].value_counts(normalize=True)
    assert 4 <= len(versions) <= 13
    assert versions.iloc[0] > 0.3


def test_a_server_adds_the_days_that_are_missing_and_leaves_the_others(tmp_path: Path) -> None:
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    own = sample.day(yesterday).slice(0, 10)
    with Server(tmp_path) as server:
        server.load(own)
    with Server(tmp_path, with_sample=True) as server, connected(server) as bq:
        assert requests.get(f"{server.endpoint}/healthz", timeout=5).status_code == 503
        assert server.wait_until_ready(30)
        assert requests.get(f"{server.endpoint}/healthz", timeout=5).status_code == 200
        days = "SELECT DATE(timestamp) AS day, COUNT(*) FROM {table} WHERE timestamp >= '2000-01-01' GROUP BY day"
        found = dict(bq.rows(days))
    expected = [yesterday - dt.timedelta(days=back) for back in range(35)]
    assert found == {day: sample.day(day).num_rows for day in expected} | {yesterday: 10}
