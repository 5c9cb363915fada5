"""A backfill: the days that can be asked for, and its cost and course, in the terminal and in the UI."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from dagster import DagsterInvalidConfigError, ExecuteInProcessResult
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.backfills import launch
from pyzn_pipeline.backfills.dagster_client import DagsterError
from pyzn_pipeline.backfills.price import backfill_cost
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN
from pyzn_pipeline.days import DaysRefused, days_between, ranges
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from tests.days import Download, raw_rows, some
from tests.pipeline.conftest import Pipeline
from tests.store.publishing import change, publish, rows

OLDEST = date(2016, 1, 22)
FIRST, SECOND, LAST = DAYS = [date(2026, 7, day) for day in (13, 14, 15)]
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
OTHERS = [breakdown.name for breakdown in KNOWN if breakdown not in BREAKDOWNS]
MORE = f"of one day, PYZN_BREAKDOWNS can add {', '.join(f'{name} 0.00 GiB' for name in OTHERS)}"
MINIMUM = 10 * 2**20  # bytes, BigQuery's least for a query


def test_both_ends_of_a_range_are_included() -> None:
    assert days_between(FIRST, LAST, OLDEST) == DAYS
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert days_between(yesterday, yesterday, OLDEST) == [yesterday]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (LAST, FIRST, "2026-07-15 to 2026-07-13 is reversed"),
        (OLDEST - timedelta(days=1), LAST, "day 2016-01-21 is before the first day, 2016-01-22"),
        (FIRST, date(9999, 1, 1), "day 9999-01-01 is not over yet in UTC: the latest .* is 20"),
    ],
)
def test_days_that_cannot_be_read_are_refused_by_name(start: date, end: date, message: str) -> None:
    with pytest.raises(DaysRefused, match=message):
        days_between(start, end, OLDEST)


def test_many_days_are_named_by_their_ranges() -> None:
    days = [date(2026, 7, n) for n in (1, 6, 7, 8, 31)]
    assert ranges(days) == "2026-07-01, 2026-07-06 to 2026-07-08, 2026-07-31"


def test_a_dagster_that_is_away_is_one_line_with_its_address(store: Engine) -> None:
    with pytest.raises(DagsterError, match=r"^Dagster at http://127.0.0.1:9 did not answer .*PYZN_DAGSTER_URL.*$"):
        launch.launch("http://127.0.0.1:9", store, DAYS)


def test_a_command_that_is_interrupted_prints_that_its_backfill_goes_on_and_where_to_cancel_it(
    command: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = {"launchPartitionBackfill": {"backfillId": "abcdefgh"}}
    answers = iter([launched, {"partitionBackfillOrError": {"status": "REQUESTED", "error": None}}])

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "ask", lambda *_, **__: next(answers))
    monkeypatch.setattr("pyzn_pipeline.backfills.launch.time.sleep", interrupt)
    result = command.invoke(pyzn, ["backfill", str(FIRST), str(LAST)], env={"PYZN_DAGSTER_URL": "http://ui"})
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


def test_published_days_are_reported_and_retired_ones_are_free(source: BigQuery, store: Engine) -> None:
    for day in (FIRST, SECOND):
        publish(store, day, some(requests=1))
    change(store, "UPDATE pyzn.days SET retired_at = now() WHERE day = :day", day=FIRST)
    cost = backfill_cost(source, store, DAYS, 2**20, FIVE)
    assert (cost.days, cost.published, cost.retired, cost.price.billed, cost.dollars) == (3, 1, 1, 2 * MINIMUM, 20)
    assert str(cost) == (
        "2026-07-13 to 2026-07-15: 3 days, 1 of them published already (read and billed again), 1 retired (refused); "
        f"about 0.02 GiB (20,971,520 bytes), 20.00 US dollars; {MORE}"
    )


def test_ten_years_are_priced_by_few_questions(
    source: BigQuery, clients: Clients, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    query = clients.jobs.query

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(args)
        return query(*args, **options)

    monkeypatch.setattr(clients.jobs, "query", counted)
    days = [LAST - timedelta(days=ago) for ago in reversed(range(3653))]
    assert backfill_cost(source, store, days, 6.25, FIVE).price.billed == 3653 * MINIMUM
    # With and without file names, before and since sidecars exist; and by breakdown.
    assert len(asked) == 4 + len(OTHERS) + 1


def test_a_range_costs_what_its_days_cost_with_file_names_where_they_are_read(
    bigquery: Server, source: BigQuery, store: Engine
) -> None:
    days = [date(2023, 5, 10), date(2023, 5, 11)]  # of which `auto` reads the names of the second
    wide = Download("p" * 5_000, "v" * 5_000, filename="f" * 10_000)  # a thousand of them cost more than the minimum
    for day, downloads in zip(days, (1_050, 1_100), strict=True):
        bigquery.load(raw_rows(day, [wide._replace(times=downloads)]))
    names = [downloads * 10_002 for downloads in (1_050, 1_100)]
    sources = [source, replace(source, read_filenames="never"), replace(source, read_filenames="always")]
    auto, never, always = (backfill_cost(each, store, days, 2**20, FIVE) for each in sources)
    without = never.price.billed
    assert without == sum(sources[1].price(day, day).billed for day in days) > 2 * MINIMUM
    assert (auto.price.billed, always.price.billed) == (without + names[1], without + sum(names))
    shown_without = f"; without file names (PYZN_READ_FILENAMES=never) 0.02 GiB ({without:,} bytes), "
    shown_with = f"; with those of all days (PYZN_READ_FILENAMES=always) 0.04 GiB ({without + sum(names):,} bytes), "
    assert [(shown_without in str(cost), shown_with in str(cost)) for cost in (auto, never, always)] == [
        (True, True), (False, True), (True, False)
    ]  # fmt: skip


def test_a_dry_run_shows_the_cost_and_reads_nothing(command: CliRunner, store: Engine) -> None:
    result = command.invoke(pyzn, ["backfill", "--dry-run", str(FIRST), str(LAST)])
    assert result.exit_code == 0, result.output
    assert result.output == (
        "2026-07-13 to 2026-07-15: 3 days; about 0.03 GiB (31,457,280 bytes), less than a cent; "
        f"{MORE}; nothing was read\n"
    )
    assert rows(store, "SELECT FROM pyzn.wanted") == []


def priced(pipeline: Pipeline, **range_: object) -> tuple[ExecuteInProcessResult, dict[str, Any]]:
    """The run of the job in the UI, and its metadata."""
    config = {"ops": {"price_a_backfill": {"config": range_}}}
    result = pipeline.with_settings(first_day=FIRST).execute("price_backfill", run_config=config)
    outputs = [event.step_output_data for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return result, {name: entry.value for output in outputs for name, entry in output.metadata.items()}


def test_the_job_in_the_ui_shows_the_same_and_without_a_range_the_price_of_all_days(pipeline: Pipeline) -> None:
    _, shown = priced(pipeline, start=str(FIRST), end=str(LAST))
    assert (shown["days"], shown["days published already"], shown["bytes billed"]) == (3, 0, 3 * MINIMUM)
    assert shown["US dollars"] == pytest.approx(3 * MINIMUM / 2**40 * 6.25, abs=1e-6)
    assert priced(pipeline)[1]["days"] == (datetime.now(UTC).date() - FIRST).days


def test_a_range_is_no_variable_whose_value_an_error_would_show(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    with pytest.raises(DagsterInvalidConfigError) as refused:
        priced(pipeline, start={"env": "SECRET"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("start", "message"), [("soon", "'soon' is not a day"), ("2026-07-01", "is before the first day, 2026-07-13")]
)
def test_a_range_that_cannot_be_read_fails_in_one_line(pipeline: Pipeline, start: str, message: str) -> None:
    result, _ = priced(pipeline, start=start)
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert message in str(failure.user_failure_data.description)
