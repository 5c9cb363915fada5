"""Readings, late rows, kills, retirement and imports in random order, compared with a model made of dictionaries.

The model implements only what the documentation promises.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import KNOWN
from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.reading.audits import AuditFailed
from pyzn_pipeline.reading.judgement import WorseReading
from pyzn_pipeline.source.scan import Scan, schema
from pyzn_pipeline.store.errors import StoreError
from pyzn_pipeline.store.imported_totals import ImportRefused, import_totals
from pyzn_pipeline.store.partitions import RetiredDay
from tests.conftest import Database
from tests.counted import counts_for, key_of
from tests.days import Download, raw_row, scan_of
from tests.store.publishing import publish, receive

DAYS = [date(2026, month, day) for month in (1, 2, 3) for day in (1, 2, 28)]
STEPS = 40
EXAMPLES = int(os.environ.get("EXAMPLES", "3"))  # of an order of steps; more every night
EMPTY = """
    DO $$ DECLARE part regclass; BEGIN
        FOR part IN SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent
                    WHERE relname = 'project_days' AND relkind = 'p'
        LOOP EXECUTE format('DROP TABLE %s', part); END LOOP;
    END $$;
    TRUNCATE pyzn.days, pyzn.day_breakdowns, pyzn.wanted, pyzn.requests, pyzn.projects, pyzn.baseline,
        pyzn.retired_months;
"""

downloads = st.lists(
    st.builds(
        Download,
        times=st.just(1),
        project=st.sampled_from(["a", "b-c", "z", "requests"]),
        version=st.sampled_from(["1.0", "2.0", None]),
        country=st.sampled_from(["US", "DE", None]),
        ci=st.booleans(),
        installer=st.sampled_from(["pip", None, "uv", "bandersnatch", "devpi"]),
        python=st.sampled_from([None, "3.9.1", "3.12", "wild"]),
        system=st.sampled_from([None, "Linux", "Darwin"]),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class Model:
    """The expected state: the imported total of each project, the content and revision of each day."""

    source: dict[date, list[Download]] = field(default_factory=dict)
    published: dict[date, list[Download]] = field(default_factory=dict)
    revisions: Counter[date] = field(default_factory=Counter)
    retired: set[date] = field(default_factory=set)
    baseline: dict[str, tuple[int, date]] = field(default_factory=dict)
    as_of: date = date.min  # for projects without an imported total

    def totals(self) -> dict[str, int]:
        """The imported total of each project plus every published day after it, retired or not."""
        totals = Counter({project: total for project, (total, _) in self.baseline.items()})
        for day, rows in self.published.items():
            totals.update(row.project for row in rows if day > self.baseline.get(row.project, (0, self.as_of))[1])
        return {project: total for project, total in totals.items() if total}

    def closed(self, day: date) -> bool:
        """Return whether the day's month was retired."""
        return any(other.replace(day=1) == day.replace(day=1) for other in self.retired)


def machine(database: Database, store: Engine) -> type[RuleBasedStateMachine]:
    """Return the state machine on that database."""

    class Days(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model = Model()

        @initialize()
        def empty(self) -> None:
            with psycopg.connect(database.owner_url) as connection:
                connection.execute(EMPTY)

        @rule(day=st.sampled_from(DAYS), rows=downloads)
        def late_rows(self, day: date, rows: list[Download]) -> None:
            self.model.source[day] = self.model.source.get(day, []) + rows

        @rule(day=st.sampled_from(DAYS), rows=downloads)
        def the_source_changes_its_mind(self, day: date, rows: list[Download]) -> None:
            self.model.source[day] = rows

        @precondition(lambda self: self.model.source)
        @rule(data=st.data(), accept_worse=st.booleans())
        def read(self, data: st.DataObject, accept_worse: bool) -> None:
            day = data.draw(st.sampled_from(sorted(self.model.source)))
            rows = self.model.source[day]
            published = self.model.published.get(day, [])
            closed = self.model.closed(day)
            if closed or (len(rows) < len(published) and not accept_worse):
                with pytest.raises(RetiredDay if closed else WorseReading):
                    publish(store, day, rows, breakdowns=KNOWN, accept_worse=accept_worse)
                return
            publication = publish(store, day, rows, breakdowns=KNOWN, accept_worse=accept_worse).publication
            self.model.published[day] = rows
            self.model.revisions[day] += publication.changed
            assert publication.revision == self.model.revisions[day]
            assert publication.changed <= (sorted(map(str, rows)) != sorted(map(str, published)))

        @precondition(lambda self: self.model.source)
        @rule(data=st.data())
        def read_and_be_killed(self, data: st.DataObject) -> None:
            scanned = self.scanned(data)
            with self.refused(scanned, StoreError):
                receive(store, replace(scanned, batches=_killing(database, scanned.batches)), accept_worse=True)

        @precondition(lambda self: self.model.source)
        @rule(data=st.data())
        def read_a_wrong_document(self, data: st.DataObject) -> None:
            scanned = self.scanned(data)
            rows = pa.Table.from_batches(scanned.batches).to_pylist()
            row = data.draw(st.sampled_from([row for row in rows if row["project"]]))
            column = data.draw(st.sampled_from([column for breakdown in KNOWN for column in breakdown.columns]))
            row[column] = _with_one_more(row[column])
            batches = pa.Table.from_pylist(rows, schema(scanned.contents)).to_batches()
            with self.refused(scanned, AuditFailed):
                receive(store, replace(scanned, batches=iter(batches)), accept_worse=True)

        def scanned(self, data: st.DataObject) -> Scan:
            """The scan of a day that the source has."""
            day = data.draw(st.sampled_from(sorted(self.model.source)))
            return scan_of(day, self.model.source[day], breakdowns=KNOWN)

        def refused(self, scanned: Scan, error: type[Exception]) -> AbstractContextManager[object]:
            """The block ends in the error; for a retired month in that of retired days."""
            return pytest.raises(RetiredDay if self.model.closed(scanned.day) else error)

        @rule(today=st.sampled_from([date(2026, 2, 10), date(2026, 3, 10), date(2026, 3, 31)]))
        def months_retire(self, today: date) -> None:
            retire(store, today, keep_days=5)
            before = today - timedelta(days=5)
            for day in self.model.published:
                following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
                if following <= before:
                    self.model.retired.add(day)

        @rule(
            as_of=st.sampled_from([date(2025, 12, 31), *DAYS]),
            totals=st.dictionaries(st.sampled_from(["a", "z", "old"]), st.integers(0, 1000), min_size=1),
            replace_all=st.booleans(),
        )
        def totals_are_imported(self, as_of: date, totals: dict[str, int], replace_all: bool) -> None:
            lines = ["project,total_downloads", *(f"{project},{total}" for project, total in totals.items())]
            if any(day > as_of for day in self.model.retired):
                with pytest.raises(ImportRefused):
                    import_totals(store, lines, as_of, replace_all=replace_all)
                return
            import_totals(store, lines, as_of, replace_all=replace_all)
            if replace_all:
                self.model.baseline, self.model.as_of = {}, as_of
            self.model.baseline.update({project: (total, as_of) for project, total in totals.items()})

        @invariant()
        def the_tables_are_as_the_model(self) -> None:
            with psycopg.connect(database.api_url) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                assert dict(connection.execute(TOTALS).fetchall()) == self.model.totals()
                days = {day: (revision, retired) for day, revision, retired in connection.execute(LEDGER)}
                assert days == {day: (n, day in self.model.retired) for day, n in (+self.model.revisions).items()}
                kept = [
                    (day, raw_row(row))
                    for day in self.model.published.keys() - self.model.retired
                    for row in self.model.published[day]
                ]
                for breakdown in KNOWN:
                    counted = Counter(
                        (day, row["project"], key_of(breakdown, row))
                        for day, row in kept
                        if counts_for(breakdown.counted, row)
                    )
                    keys = ", ".join(key.name for key in breakdown.keys)
                    read = connection.execute(OF_VIEW.format(keys=keys, view=breakdown.view).encode())
                    assert {tuple(key): count for *key, count in read} == counted

    return Days


TOTALS = "SELECT project, total_downloads FROM pyzn.projects WHERE total_downloads <> 0"
OF_VIEW = "SELECT day, project, concat_ws(' ', {keys}), downloads FROM pyzn.{view}"
LEDGER = "SELECT day, revision, retired_at IS NOT NULL FROM pyzn.days"


def test_any_order_of_steps_leaves_the_tables_as_the_model_has_them(database: Database, store: Engine) -> None:
    few = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(database, store), settings=few)


def _with_one_more(document: str) -> str:
    """The document, or the array of counts, with one download more."""
    counts = json.loads(document)
    first = 0 if isinstance(counts, list) else next(iter(counts), "1")
    counts[first] = (counts[first] if counts else 0) + 1
    return json.dumps(counts, separators=(",", ":"))


def _killing(database: Database, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """`batches`; meanwhile the server process that receives them is killed."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    yield from batches
