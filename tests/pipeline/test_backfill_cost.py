"""What a backfill costs is known before it is launched, in the terminal and in the UI."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from dagster import DagsterInstance, ExecuteInProcessResult
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.backfills.price import backfill_cost
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE

FIRST, LAST = date(2026, 7, 13), date(2026, 7, 15)
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
OTHERS = [breakdown.name for breakdown in KNOWN if breakdown not in BREAKDOWNS]
MORE = f"of one day, PYZN_BREAKDOWNS can add {', '.join(f'{name} 0.00 GiB' for name in OTHERS)}"
DAYS = [FIRST, date(2026, 7, 14), LAST]
MINIMUM = 10 * 2**20  # bytes, BigQuery's least for a query


def wide(downloads: int) -> list[Download]:
    """Rows enough that their day costs more than the minimum."""
    return [Download("p" * 5_000, "v" * 5_000)] * downloads


def test_a_range_costs_what_its_days_cost_one_by_one(bigquery: Server, clients: Clients) -> None:
    for day, downloads in zip(DAYS, (1_100, 1_200, 1_300), strict=True):
        bigquery.load(raw_rows(day, wide(downloads)))
    source = BigQuery(clients, TABLE, 2**40)
    one_by_one = [source.price(day, day).billed for day in DAYS]
    assert min(one_by_one) > MINIMUM
    assert len(set(one_by_one)) == 3
    assert source.price(FIRST, LAST).billed == sum(one_by_one)


def test_small_days_cost_the_minimum_each(clients: Clients) -> None:
    assert BigQuery(clients, TABLE, 2**40).price(FIRST, LAST) == (3 * MINIMUM,) * 3


def test_published_days_are_reported_and_retired_ones_are_free(
    bigquery: Server, clients: Clients, store: Engine
) -> None:
    for day in DAYS[:2]:
        bigquery.load(raw_rows(day, [Download("requests")]))
        ingest_day(day, BigQuery(clients, TABLE, 2**40), store, "run-1")
    with store.begin() as connection:
        connection.execute(text("UPDATE pyzn.days SET retired_at = now() WHERE day = :day"), {"day": FIRST})
    cost = backfill_cost(BigQuery(clients, TABLE, 2**40), store, DAYS, 2**20, FIVE)
    assert (cost.days, cost.published, cost.retired, cost.price.billed, cost.dollars) == (3, 1, 1, 2 * MINIMUM, 20)
    assert str(cost) == (
        "2026-07-13 to 2026-07-15: 3 days, 1 of them published already (read and billed again), 1 retired (refused); "
        f"about 0.02 GiB (20,971,520 bytes), 20.00 US dollars; {MORE}"
    )


def test_ten_years_are_priced_by_few_questions(
    bigquery: Server, clients: Clients, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bigquery.load(raw_rows(LAST, [Download("requests")]))
    asked: list[object] = []
    query = clients.jobs.query

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(args)
        return query(*args, **options)

    monkeypatch.setattr(clients.jobs, "query", counted)
    days = [LAST - timedelta(days=ago) for ago in reversed(range(3653))]
    assert backfill_cost(BigQuery(clients, TABLE, 2**40), store, days, 6.25, FIVE).price.billed == 3653 * MINIMUM
    assert (
        len(asked) == 4 + len(OTHERS) + 1
    )  # with and without file names, before and since sidecars exist; and by breakdown


def test_the_prices_with_and_without_file_names_are_told_where_they_differ(
    bigquery: Server, clients: Clients, store: Engine
) -> None:
    days = [date(2023, 5, 10), date(2023, 5, 11)]  # of which `auto` reads the names of the second
    for day in days:
        bigquery.load(raw_rows(day, [download._replace(filename="f" * 10_000) for download in wide(1_100)]))
    names = 1_100 * 10_002
    auto, never, always = (
        backfill_cost(BigQuery(clients, TABLE, 2**40, read), store, days, 2**20, FIVE)
        for read in ("auto", "never", "always")
    )
    without = never.price.billed
    assert (auto.price.billed, always.price.billed) == (without + names, without + 2 * names)
    told_without = f"; without file names (PYZN_READ_FILENAMES=never) 0.02 GiB ({without:,} bytes), "
    told_with = f"; with those of all days (PYZN_READ_FILENAMES=always) 0.04 GiB ({without + 2 * names:,} bytes), "
    assert [(told_without in str(cost), told_with in str(cost)) for cost in (auto, never, always)] == [
        (True, True), (False, True), (True, False)
    ]  # fmt: skip


def test_a_dry_run_says_the_cost_and_reads_nothing(command: CliRunner, store: Engine) -> None:
    result = command.invoke(pyzn, ["backfill", "--dry-run", str(FIRST), str(LAST)])
    assert result.exit_code == 0, result.output
    assert result.output == (
        "2026-07-13 to 2026-07-15: 3 days; about 0.03 GiB (31,457,280 bytes), less than a cent; "
        f"{MORE}; nothing was read\n"
    )
    with store.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pyzn.wanted")).scalar_one() == 0


def priced(bigquery: Server, database: Database, **range_: str) -> ExecuteInProcessResult:
    settings = Settings(
        database_url=SecretStr(database.owner_url),
        bigquery_project="pyzn-test",
        bigquery_endpoint=bigquery.endpoint,
        bigquery_storage_endpoint=bigquery.storage_endpoint,
        first_day=FIRST,
    )
    defs = build_defs(settings, store=Store(database_url=database.owner_url))
    with DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("price_backfill").execute_in_process(
            run_config={"ops": {"price_a_backfill": {"config": range_}}}, instance=instance, raise_on_error=False
        )


def answer(result: ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = (event for event in result.all_events if event.event_type_value == "STEP_OUTPUT")
    return {name: entry.value for name, entry in output.step_output_data.metadata.items()}


def test_the_job_in_the_ui_says_the_same(bigquery: Server, database: Database) -> None:
    shown = answer(priced(bigquery, database, start=str(FIRST), end=str(LAST)))
    assert (shown["days"], shown["days published already"], shown["bytes billed"]) == (3, 0, 3 * MINIMUM)
    assert shown["US dollars"] == pytest.approx(3 * MINIMUM / 2**40 * 6.25, abs=1e-6)


def test_without_a_range_the_job_prices_everything_up_to_yesterday(bigquery: Server, database: Database) -> None:
    assert answer(priced(bigquery, database))["days"] == (datetime.now(UTC).date() - FIRST).days


@pytest.mark.parametrize(
    ("start", "message"), [("soon", "'soon' is not a day"), ("2026-07-01", "is before the first day, 2026-07-13")]
)
def test_a_range_that_cannot_be_read_fails_in_one_line(
    bigquery: Server, database: Database, start: str, message: str
) -> None:
    (failure,) = [event for event in priced(bigquery, database, start=start).all_events if event.is_step_failure]
    failed = failure.step_failure_data.user_failure_data
    assert failed is not None
    assert message in str(failed.description)
