"""A backfill's days: which can be asked for, and how they are named to people."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_pipeline.backfills import launch
from pyzn_pipeline.backfills.dagster_client import DagsterError
from pyzn_pipeline.days import DaysRefused, days_between, ranges
from tests.conftest import Database

FIRST = date(2016, 1, 22)


def test_both_ends_of_a_range_are_included() -> None:
    assert days_between(date(2026, 7, 6), date(2026, 7, 8), FIRST) == [date(2026, 7, n) for n in (6, 7, 8)]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert days_between(yesterday, yesterday, FIRST) == [yesterday]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (date(2026, 7, 8), date(2026, 7, 6), "2026-07-08 to 2026-07-06 is reversed"),
        (FIRST - timedelta(days=1), date(2026, 7, 6), "day 2016-01-21 is before the first day, 2016-01-22"),
        (date(2026, 7, 6), date(9999, 1, 1), "day 9999-01-01 is not over yet in UTC: the latest .* is 20"),
    ],
)
def test_days_that_cannot_be_read_are_refused_by_name(start: date, end: date, message: str) -> None:
    with pytest.raises(DaysRefused, match=message):
        days_between(start, end, FIRST)


def test_many_days_are_named_by_their_ranges() -> None:
    days = [date(2026, 7, n) for n in (1, 6, 7, 8, 31)]
    assert ranges(days) == "2026-07-01, 2026-07-06 to 2026-07-08, 2026-07-31"


def test_a_dagster_that_is_away_is_one_line_with_its_address(store: Engine) -> None:
    with pytest.raises(DagsterError, match=r"^Dagster at http://127.0.0.1:9 did not answer .*PYZN_DAGSTER_URL.*$"):
        launch.launch("http://127.0.0.1:9", store, [FIRST])


def test_a_command_that_is_interrupted_prints_that_its_backfill_goes_on_and_where_to_cancel_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = iter(
        [
            {"launchPartitionBackfill": {"backfillId": "abcdefgh"}},
            {"partitionBackfillOrError": {"status": "REQUESTED", "error": None}},
        ]
    )

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "ask", lambda *_, **__: next(answers))
    monkeypatch.setattr("pyzn_pipeline.backfills.launch.time.sleep", interrupt)
    for name, value in {"HOME": str(tmp_path), "DATABASE_URL": database.owner_url, "DAGSTER_URL": "http://ui"}.items():
        monkeypatch.setenv(f"PYZN_{name}", value)
    result = CliRunner().invoke(pyzn, ["backfill", "2026-07-06", "2026-07-07"])
    assert result.exit_code == 130
    assert "backfill abcdefgh goes on in Dagster; cancel it at http://ui/runs/b/abcdefgh\n" in result.stderr


def test_commands_that_print_text_import_neither_pandas_nor_dagster_nor_google() -> None:
    code = """
import sys
sys.modules["pyzn_local"] = None  # as in the image
from pyzn_cli import pyzn
for name in ("accept", "backfill", "days", "export", "import-totals", "migrate"):
    assert pyzn.get_command(None, name)
print(sorted({"pandas", "dagster", "google.cloud.bigquery"} & sys.modules.keys()))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
