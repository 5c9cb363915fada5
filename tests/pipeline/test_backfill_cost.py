"""What a backfill costs is known before it is launched, in the terminal and in the UI."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from dagster import DagsterInstance, ExecuteInProcessResult
from sqlalchemy import Engine, text

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_pipeline.backfills.price import backfill_cost
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE, code_location

FIRST, LAST = date(2026, 7, 13), date(2026, 7, 15)
FIVE = [breakdown.name for breakdown in BREAKDOWNS]
OTHERS = [breakdown.name for breakdown in KNOWN if breakdown not in BREAKDOWNS]
MORE = f"of one day, PYZN_BREAKDOWNS can add {', '.join(f'{name} 0.00 GiB' for name in OTHERS)}"
DAYS = [FIRST, date(2026, 7, 14), LAST]
MINIMUM = 10 * 2**20  # bytes, BigQuery's least for a query


WIDE = Download("p" * 5_000, "v" * 5_000)  # a thousand of them cost more than the minimum


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
    # With and without file names, before and since sidecars exist; and by breakdown.
    assert len(asked) == 4 + len(OTHERS) + 1


def test_a_range_costs_what_its_days_cost_with_file_names_where_they_are_read(
    bigquery: Server, clients: Clients, store: Engine
) -> None:
    days = [date(2023, 5, 10), date(2023, 5, 11)]  # of which `auto` reads the names of the second
    for day, downloads in zip(days, (1_050, 1_100), strict=True):
        bigquery.load(raw_rows(day, [WIDE._replace(filename="f" * 10_000)] * downloads))
    names = [downloads * 10_002 for downloads in (1_050, 1_100)]
    sources = [BigQuery(clients, TABLE, 2**40, read) for read in ("auto", "never", "always")]
    auto, never, always = (backfill_cost(source, store, days, 2**20, FIVE) for source in sources)
    without = never.price.billed
    assert without == sum(sources[1].price(day, day).billed for day in days) > 2 * MINIMUM
    assert (auto.price.billed, always.price.billed) == (without + names[1], without + sum(names))
    told_without = f"; without file names (PYZN_READ_FILENAMES=never) 0.02 GiB ({without:,} bytes), "
    told_with = f"; with those of all days (PYZN_READ_FILENAMES=always) 0.04 GiB ({without + sum(names):,} bytes), "
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


def priced(
    bigquery: Server, database: Database, instance: DagsterInstance, **range_: str
) -> tuple[ExecuteInProcessResult, dict[str, Any]]:
    """The run of the job in the UI, and what it shows."""
    result = (
        code_location(bigquery, database, first_day=FIRST)
        .resolve_job_def("price_backfill")
        .execute_in_process(
            run_config={"ops": {"price_a_backfill": {"config": range_}}}, instance=instance, raise_on_error=False
        )
    )
    outputs = [event.step_output_data for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return result, {name: entry.value for output in outputs for name, entry in output.metadata.items()}


def test_the_job_in_the_ui_shows_the_same_and_without_a_range_the_price_of_all_days(
    bigquery: Server, database: Database, instance: DagsterInstance
) -> None:
    _, shown = priced(bigquery, database, instance, start=str(FIRST), end=str(LAST))
    assert (shown["days"], shown["days published already"], shown["bytes billed"]) == (3, 0, 3 * MINIMUM)
    assert shown["US dollars"] == pytest.approx(3 * MINIMUM / 2**40 * 6.25, abs=1e-6)
    assert priced(bigquery, database, instance)[1]["days"] == (datetime.now(UTC).date() - FIRST).days


@pytest.mark.parametrize(
    ("start", "message"), [("soon", "'soon' is not a day"), ("2026-07-01", "is before the first day, 2026-07-13")]
)
def test_a_range_that_cannot_be_read_fails_in_one_line(
    bigquery: Server, database: Database, instance: DagsterInstance, start: str, message: str
) -> None:
    result, _ = priced(bigquery, database, instance, start=start)
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert message in str(failure.user_failure_data.description)
