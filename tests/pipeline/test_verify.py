"""`pyzn verify` proves a day, or says what differs; `pyzn accept` and `pyzn import-totals` as commands."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_local.postgres import Postgres
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.recounts.recounts import due_for_recount, recount
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from tests import ledger
from tests.conftest import filled_database
from tests.days import Download, raw_rows
from tests.pipeline.conftest import TABLE
from tests.store.publishing import publish, totals

DAYS = [date(2026, 7, 13), date(2026, 7, 14)]
DOWNLOADS = [Download("requests", "2.31.0", "US"), Download("requests", "2.32.0", None, ci=True), Download("numpy")]


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[str]:
    """The published DAYS."""
    with filled_database(postgres, lambda store: [publish(store, day, DOWNLOADS) for day in DAYS]) as name:
        yield name


@pytest.fixture
def published(bigquery: Server, store: Engine) -> Engine:
    """The store with DAYS, and the emulator with their rows."""
    for day in DAYS:
        bigquery.load(raw_rows(day, DOWNLOADS))
    return store


def verify(command: CliRunner, *options: str) -> Result:
    return command.invoke(pyzn, ["verify", *options, str(DAYS[0]), str(DAYS[1])])


def change(store: Engine, statement: str) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.usefixtures("published")
def test_published_days_are_proven_and_the_cost_is_said_first(command: CliRunner) -> None:
    for options in ((), ("--full",)):
        result = verify(command, *options)
        assert result.exit_code == 0, result.output
        bills = 10 * 2**20 * (3 if options else 1)
        said, bar = result.stderr.splitlines()
        assert said == (
            f"asking the source about 2 days: {bills:,} bytes, $0.00; up to 10,485,760 bytes, $0.00 more for days "
            "that BigQuery's metadata does not confirm"
        )
        assert "2/2 days" in bar
        assert result.stdout == (
            "2026-07-13  proven  3 downloads, revision 1\n"
            "2026-07-14  proven  3 downloads, revision 1\n"
            "2 of 2 days proven\n"
        )


@pytest.mark.usefixtures("published")
def test_days_are_proven_without_the_metadata_and_the_other_price_is_said_first(
    command: CliRunner, bigquery: Server
) -> None:
    bigquery.inject({"deny_metadata": True})
    result = verify(command)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("asking the source about 2 days: 10,485,760 bytes, $0.00; by COUNT(*), because of ")
    assert "Access Denied" in result.stderr


def test_the_ledger_shows_when_and_by_what_a_day_was_recounted(
    command: CliRunner, published: Engine, clients: Clients
) -> None:
    change(published, "UPDATE pyzn.days SET downloads = 4, source_downloads = 4 WHERE day = '2026-07-14'")
    due = due_for_recount(published, datetime.now(UTC) + timedelta(hours=3))
    recount(BigQuery(clients, TABLE, 2**40), published, due)
    shown = command.invoke(pyzn, ["days", *map(str, DAYS)]).stdout.splitlines()
    now = f"{datetime.now(UTC):%Y-%m-%d}"
    (same,) = (line for line in shown if line.startswith("  2026-07-13"))
    (other,) = (line for line in shown if line.startswith("  2026-07-14"))
    assert re.search(rf"; recounted {now} \d\d:\d\d \(by metadata\)$", same.rstrip())
    assert re.search(rf"; the source counts 3 since {now} \d\d:\d\d \(by count\)$", other.rstrip())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE pyzn.project_days SET by_version = '{\"1.0\":2}' WHERE day = '2026-07-14' AND project = 'numpy'",
            "downloads by version: the tables have 4, the ledger 3",
        ),
        (
            "DELETE FROM pyzn.project_days WHERE day = '2026-07-14' AND project = 'numpy'",
            "projects: the tables have 1, the ledger 2; checksum: ",
        ),
        (
            "UPDATE pyzn.project_days SET by_python = '{}' WHERE day = '2026-07-14' AND project = 'numpy'",
            "downloads without mirrors by python: the tables have 2, the ledger 3; project keys by python: ",
        ),
        (
            "UPDATE pyzn.day_breakdowns SET pypi_totals = '{\"DE\":3}' WHERE day = '2026-07-14' "
            "AND breakdown = 'country'",
            "all of PyPI by country: the tables have other counts than the ledger",
        ),
        ("UPDATE pyzn.days SET ci_downloads = 0 WHERE day = '2026-07-14'", "ci downloads: the tables have 1"),
        (
            "UPDATE pyzn.days SET downloads = 9, source_downloads = 9 WHERE day = '2026-07-14'",
            "downloads: the source counts 3 now, 9 when the day was read",
        ),
        (
            "DELETE FROM pyzn.day_breakdowns WHERE day = '2026-07-14'; DELETE FROM pyzn.days WHERE day = '2026-07-14'",
            "missing",
        ),
    ],
    ids=["a document", "a row", "python", "all of PyPI", "the ledger", "the source", "the day"],
)
def test_what_differs_is_said_and_the_command_fails(
    command: CliRunner, published: Engine, statement: str, message: str
) -> None:
    change(published, statement)
    result = verify(command)
    assert result.exit_code == 1
    assert "2026-07-13  proven" in result.stdout
    assert message in result.stdout
    assert result.stdout.endswith("1 of 2 days proven\n")


def test_other_rows_of_the_same_count_are_found_by_a_full_verification_alone(
    command: CliRunner, published: Engine
) -> None:
    change(published, "UPDATE pyzn.project_days SET project = 'flask' WHERE project = 'numpy'")
    change(published, "UPDATE pyzn.days SET checksum = pyzn.day_checksum(day)")
    assert verify(command).exit_code == 0
    result = verify(command, "--full")
    assert result.exit_code == 1
    assert result.stdout.count("differs  checksum: the source gives ") == len(DAYS)


def test_a_suspect_day_is_accepted_once_with_its_reason(command: CliRunner, published: Engine) -> None:
    change(published, "UPDATE pyzn.days SET status = 'suspect' WHERE day = '2026-07-14'")
    nothing = command.invoke(pyzn, ["accept", "2026-07-14", "--because", " "])  # which a new reading would not keep
    assert "the sentence is '': write 1 to 500 printable characters" in nothing.output
    reason = "a holiday [/everywhere] :x:"
    arguments = ["accept", "2026-07-14", "--because", reason]
    assert command.invoke(pyzn, arguments).output == "day 2026-07-14, revision 1, is accepted\n"
    assert f"accepted: {reason}" in command.invoke(pyzn, ["days", "2026-07-14", "2026-07-14"]).output
    row = ledger.days(published, DAYS[1], DAYS[1]).iloc[0]
    assert (row["status"], row["accepted_because"]) == ("provisional", reason)
    again = command.invoke(pyzn, arguments)
    assert isinstance(again.exception, PyznError)
    assert "day 2026-07-14 is not suspect" in str(again.exception)


def test_totals_are_imported_from_a_file(command: CliRunner, published: Engine, tmp_path: Path) -> None:
    file = tmp_path / "totals.csv"
    file.write_bytes(b"project,total_downloads\nrequests,1000\nn\xe9,1\n")
    arguments = ["import-totals", str(file), "--as-of", str(DAYS[0])]
    refused = command.invoke(pyzn, arguments)
    assert "line 3: 'n\\udce9' is not a project's name" in str(refused.exception)
    file.write_text("project,total_downloads\nrequests,1000\n")
    assert command.invoke(pyzn, arguments).stdout == (
        "projects: 1 gain 998 downloads, 0 lose 0, 1 keep 2\ntotals up to 2026-07-13 imported, 1 changed\n"
    )
    assert totals(published) == {"requests": 1002, "numpy": 2}
    assert command.invoke(pyzn, [*arguments, "--replace-all"]).stdout == (
        "projects: 0 gain 0 downloads, 1 lose 1, 1 keep 1,002\nnumpy loses most: 2 becomes 1\n"
        "totals up to 2026-07-13 imported, 1 changed\n"
    )
    assert totals(published) == {"requests": 1002, "numpy": 1}

    today = str(datetime.now(UTC).date())
    early = command.invoke(pyzn, ["import-totals", str(file), "--as-of", today])
    assert early.exit_code == 2
    assert f"{today} is not over yet" in early.stderr


def test_an_import_that_lowers_totals_asks_in_a_terminal(command: CliRunner, published: Engine, tmp_path: Path) -> None:
    file = tmp_path / "totals.csv"
    file.write_text("project,total_downloads\nnumpy,0\n")
    arguments = ["import-totals", str(file), "--as-of", str(DAYS[0])]
    before = totals(published)
    with terminal("n") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "pyzn_cli", *arguments],
            stdin=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "numpy loses most: 2 becomes 1\nImport it, and lower them? [y/N]" in done.stdout, done
    assert done.returncode == 1
    assert totals(published) == before
    assert command.invoke(pyzn, [*arguments, "--yes"]).exit_code == 0
    assert totals(published) == {**before, "numpy": 1}


@contextmanager
def terminal(answer: str) -> Iterator[int]:
    """The end that a program reads of a terminal, in which somebody types `answer`."""
    typing, reading = pty.openpty()
    os.write(typing, f"{answer}\n".encode())
    try:
        yield reading
    finally:
        os.close(typing)
        os.close(reading)


def test_a_day_that_cannot_be_added_up_does_not_stop_the_proof_of_the_others(
    command: CliRunner, published: Engine
) -> None:
    change(published, "UPDATE pyzn.project_days SET by_version = '[1]' WHERE day = '2026-07-13'")
    result = verify(command)
    assert result.exit_code == 1
    first, second, summary = result.stdout.splitlines()
    assert first.startswith("2026-07-13  differs  not proven: day 2026-07-13: Postgres: cannot deconstruct an array")
    assert second == "2026-07-14  proven  3 downloads, revision 1"
    assert summary == "1 of 2 days proven"
