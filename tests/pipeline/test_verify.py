"""`pyzn verify` proves a day, or names the differences; `pyzn accept` and `pyzn import-totals` as commands."""

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
from tests.conftest import filled_database
from tests.days import Download, raw_rows
from tests.store.publishing import change, held, publish, totals

FIRST, SECOND = DAYS = [date(2026, 7, 13), date(2026, 7, 14)]
DOWNLOADS = [Download("requests", "2.31.0", "US"), Download("requests", "2.32.0", None, ci=True), Download("numpy")]


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[str]:
    """The published DAYS."""
    with filled_database(postgres, lambda store: [publish(store, day, DOWNLOADS) for day in DAYS]) as name:
        yield name


@pytest.fixture(autouse=True)
def loaded(bigquery: Server) -> None:
    """The emulator has their rows."""
    for day in DAYS:
        bigquery.load(raw_rows(day, DOWNLOADS))


def verify(command: CliRunner, *options: str) -> Result:
    return command.invoke(pyzn, ["verify", *options, str(FIRST), str(SECOND)])


def test_published_days_are_proven_and_the_cost_is_shown_first(command: CliRunner) -> None:
    for options in ((), ("--full",)):
        result = verify(command, *options)
        assert result.exit_code == 0, result.output
        bills = 10 * 2**20 * (3 if options else 1)
        price, bar = result.stderr.splitlines()
        assert price == (
            f"asking the source about 2 days: {bills:,} bytes, $0.00; up to 10,485,760 bytes, $0.00 more for days "
            "that BigQuery's metadata does not confirm"
        )
        assert "2/2 days" in bar
        assert result.stdout == (
            "2026-07-13  proven  3 downloads, revision 1\n"
            "2026-07-14  proven  3 downloads, revision 1\n"
            "2 of 2 days proven\n"
        )


def test_days_are_proven_without_the_metadata_and_the_other_price_is_shown_first(
    command: CliRunner, bigquery: Server
) -> None:
    bigquery.inject({"deny_metadata": True})
    result = verify(command)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("asking the source about 2 days: 10,485,760 bytes, $0.00; by COUNT(*), because of ")
    assert "Access Denied" in result.stderr


def test_the_ledger_shows_when_and_by_what_a_day_was_recounted(
    command: CliRunner, store: Engine, source: BigQuery
) -> None:
    change(store, "UPDATE pyzn.days SET downloads = 4, source_downloads = 4 WHERE day = '2026-07-14'")
    recount(source, store, due_for_recount(store, datetime.now(UTC) + timedelta(hours=3)))
    shown = command.invoke(pyzn, ["days", *map(str, DAYS)]).stdout.splitlines()
    now = rf"{datetime.now(UTC):%Y-%m-%d} \d\d:\d\d"
    counted = rf"; the source counts 3 since {now} \(by count\)"
    for day, end in ((FIRST, rf"; recounted {now} \(by metadata\)"), (SECOND, counted)):
        (line,) = (line.rstrip() for line in shown if line.startswith(f"  {day}"))
        assert re.search(f"{end}$", line)


CHANGED = {  # the first day: the change of a table, and the difference
    "a document": (
        "UPDATE pyzn.project_days SET by_version = '{\"1.0\":2}' WHERE day = '2026-07-13' AND project = 'numpy'",
        "downloads by version: the tables have 4, the ledger 3",
    ),
    "a row": (
        "DELETE FROM pyzn.project_days WHERE day = '2026-07-13' AND project = 'numpy'",
        "projects: the tables have 1, the ledger 2; checksum: ",
    ),
    "python": (
        "UPDATE pyzn.project_days SET by_python = '{}' WHERE day = '2026-07-13' AND project = 'numpy'",
        "downloads without mirrors by python: the tables have 2, the ledger 3; project keys by python: ",
    ),
    "all of PyPI": (
        "UPDATE pyzn.day_breakdowns SET pypi_totals = '{\"DE\":3}' WHERE day = '2026-07-13' AND breakdown = 'country'",
        "all of PyPI by country: the tables have other counts than the ledger",
    ),
    "the ledger": ("UPDATE pyzn.days SET ci_downloads = 0 WHERE day = '2026-07-13'", "ci downloads: the tables have 1"),
    "the source": (
        "UPDATE pyzn.days SET downloads = 9, source_downloads = 9 WHERE day = '2026-07-13'",
        "downloads: the source counts 3 now, 9 when the day was read",
    ),
    "the day": (
        "DELETE FROM pyzn.day_breakdowns WHERE day = '2026-07-13'; DELETE FROM pyzn.days WHERE day = '2026-07-13'",
        "missing",
    ),
    "a document that cannot be added up": (
        "UPDATE pyzn.project_days SET by_version = '[1]' WHERE day = '2026-07-13'",
        "differs  not proven: day 2026-07-13: Postgres: cannot deconstruct an array",
    ),
}


@pytest.mark.parametrize("changed", CHANGED)
def test_a_difference_is_named_and_the_other_day_is_proven(command: CliRunner, store: Engine, changed: str) -> None:
    statement, difference = CHANGED[changed]
    change(store, statement.replace(":", r"\:"))
    result = verify(command)
    assert result.exit_code == 1
    assert "2026-07-14  proven  3 downloads, revision 1" in result.stdout
    assert difference in result.stdout
    assert result.stdout.endswith("1 of 2 days proven\n")


def test_other_rows_of_the_same_count_are_found_by_a_full_verification_alone(command: CliRunner, store: Engine) -> None:
    change(store, "UPDATE pyzn.project_days SET project = 'flask' WHERE project = 'numpy'")
    change(store, "UPDATE pyzn.days SET checksum = pyzn.day_checksum(day)")
    assert verify(command).exit_code == 0
    result = verify(command, "--full")
    assert result.exit_code == 1
    assert result.stdout.count("differs  checksum: the source gives ") == len(DAYS)


def test_a_suspect_day_is_accepted_once_with_its_reason(command: CliRunner, store: Engine) -> None:
    change(store, "UPDATE pyzn.days SET status = 'suspect' WHERE day = '2026-07-14'")
    nothing = command.invoke(pyzn, ["accept", "2026-07-14", "--because", " "])  # which a new reading would not keep
    assert "the sentence is '': write 1 to 500 printable characters" in nothing.output
    reason = "a holiday [/everywhere] :x:"
    arguments = ["accept", "2026-07-14", "--because", reason]
    assert command.invoke(pyzn, arguments).output == "day 2026-07-14, revision 1, is accepted\n"
    assert f"accepted: {reason}" in command.invoke(pyzn, ["days", "2026-07-14", "2026-07-14"]).output
    row = held(store, SECOND)
    assert (row["status"], row["accepted_because"]) == ("provisional", reason)
    again = command.invoke(pyzn, arguments)
    assert isinstance(again.exception, PyznError)
    assert "day 2026-07-14 is not suspect" in str(again.exception)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of totals."""
    return tmp_path / "totals.csv"


def test_totals_are_imported_from_a_file(command: CliRunner, store: Engine, file: Path) -> None:
    arguments = ["import-totals", str(file), "--as-of", str(FIRST)]
    file.write_bytes(b"project,total_downloads\nrequests,1000\nn\xe9,1\n")
    assert "line 3: 'n\\udce9' is not a project's name" in str(command.invoke(pyzn, arguments).exception)
    file.write_text("project,total_downloads\nrequests,1000\n")
    assert command.invoke(pyzn, arguments).stdout == (
        "projects: 1 gain 998 downloads, 0 lose 0, 1 keep 2\ntotals up to 2026-07-13 imported, 1 changed\n"
    )
    assert totals(store) == {"requests": 1002, "numpy": 2}
    assert command.invoke(pyzn, [*arguments, "--replace-all"]).stdout == (
        "projects: 0 gain 0 downloads, 1 lose 1, 1 keep 1,002\nnumpy loses most: 2 becomes 1\n"
        "totals up to 2026-07-13 imported, 1 changed\n"
    )
    assert totals(store) == {"requests": 1002, "numpy": 1}
    today = str(datetime.now(UTC).date())
    early = command.invoke(pyzn, ["import-totals", str(file), "--as-of", today])
    assert early.exit_code == 2
    assert f"{today} is not over yet" in early.stderr


def test_an_import_that_lowers_totals_asks_in_a_terminal(command: CliRunner, store: Engine, file: Path) -> None:
    file.write_text("project,total_downloads\nnumpy,0\n")
    arguments = ["import-totals", str(file), "--as-of", str(FIRST)]
    before = totals(store)
    program = [sys.executable, "-m", "pyzn_cli", *arguments]
    with terminal("n") as stdin:
        done = subprocess.run(program, stdin=stdin, capture_output=True, text=True, check=False)
    assert "numpy loses most: 2 becomes 1\nImport it, and lower them? [y/N]" in done.stdout, done
    assert done.returncode == 1
    assert totals(store) == before
    assert command.invoke(pyzn, [*arguments, "--yes"]).exit_code == 0
    assert totals(store) == {**before, "numpy": 1}


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
