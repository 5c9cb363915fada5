"""The tally of a scan: adds up its rows while they stream to Postgres. Does not use Postgres.

It counts the same batches that are sent to Postgres, so it counts the documents that readers will see. It is not
done in SQL because Postgres needed 6 seconds for a full day, while the other core was idle.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from string import Template
from typing import Self

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pyzn_pipeline.breakdowns import Breakdown, Contents
from pyzn_pipeline.reading.checksum import Checksum
from pyzn_pipeline.source.scan import BY_HOUR, REPLACED
from pyzn_pipeline.store.database import text_of

TOP_PROJECTS = 10
_TOP_COLUMNS = ["project", "downloads", "pip_downloads", "ci_downloads"]

Numbers = dict[str, int]


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The DuckDB of this process, empty, as it takes longer to open than to count a small day.

    One thread: a batch is too small for DuckDB to divide.
    """
    return duckdb.connect(config={"threads": 1, "enable_external_access": False})


@dataclass
class DocumentSums:
    """The sums over the documents of one breakdown; `sums` has one number for each of its columns, see tally.sql."""

    projects: int = 0
    keys: int = 0
    ragged: int = 0
    nuls: int = 0
    sums: Counter[str] = field(default_factory=Counter)


class Tally:
    """Adds up batches of `source.scan.schema`. A context manager, because it counts with a connection to DuckDB.

    `rows` counts all rows, `projects` those of a project. `of_projects` are the sums of the projects' counts, `of_day`
    the source's own counts of the day, both by column; `packed` is by breakdown. `pypi_totals` has all of PyPI by key,
    for each breakdown that is common, as JSON text; `by_hour` the same by UTC hour. `replaced_rows` counts the source's
    rows with text that Postgres cannot store, and that the scan replaced. Only the `contents` are counted.
    """

    def __init__(self, contents: Contents) -> None:
        self._duckdb = _database().cursor()  # a connection of its own
        self._columns = contents.count_columns
        self._query = " UNION ALL ".join(map(_of_breakdown, contents.breakdowns))  # each statement has its cost
        self._counted = {b.name: [count.column for count in b.counts] for b in contents.breakdowns}
        self._checksum = Checksum(contents)
        self._top: list[pa.Table] = []
        self.rows = 0
        self.projects = 0
        self.of_projects: Counter[str] = Counter()
        self.of_day: Numbers = dict.fromkeys(self._columns, 0)
        self.packed = {breakdown.name: DocumentSums() for breakdown in contents.breakdowns}
        self.pypi_totals = {breakdown.name: "{}" for breakdown in contents.breakdowns if breakdown.common}
        self.by_hour = "{}"
        self.replaced_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count one batch."""
        self.rows += batch.num_rows
        of_project = pc.is_valid(batch["project"])
        projects = batch.filter(of_project)
        self.projects += projects.num_rows
        self.of_projects.update({name: pc.sum(projects[name], min_count=0).as_py() for name in self._columns})
        self._duckdb.register("projects", projects)
        self._count()
        self._checksum.add(self._duckdb)
        self._duckdb.unregister("projects")
        self._add_top(projects)
        for day in batch.filter(pc.invert(of_project)).to_pylist():
            self.of_day = {name: day[name] or 0 for name in self._columns}
            self.pypi_totals = {name: day[f"by_{name}"] for name in self.pypi_totals}
            self.by_hour = day[BY_HOUR]
            self.replaced_rows = day[REPLACED]

    @property
    def checksum(self) -> str:
        """The checksum that pyzn.day_checksum(day) returns once these rows are published."""
        return self._checksum.value

    @property
    def top(self) -> pd.DataFrame:
        """The most downloaded projects: project, downloads, pip_downloads, ci_downloads."""
        return pa.concat_tables(self._top).to_pandas() if self._top else pd.DataFrame(columns=_TOP_COLUMNS)

    def _count(self) -> None:
        for name, projects, keys, ragged, nuls, sums in self._duckdb.execute(self._query).fetchall():
            packed = self.packed[name]
            packed.projects += projects
            packed.keys += int(keys)
            packed.ragged += ragged
            packed.nuls += nuls
            packed.sums.update(dict(zip(self._counted[name], map(int, sums), strict=True)))

    def _add_top(self, projects: pa.RecordBatch) -> None:
        both = pa.concat_tables([*self._top, pa.Table.from_batches([projects.select(_TOP_COLUMNS)])])
        self._top = [both.sort_by([("downloads", "descending"), ("project", "ascending")]).slice(0, TOP_PROJECTS)]


def _of_breakdown(breakdown: Breakdown) -> str:
    """The SQL of tally.sql for a breakdown."""
    columns = list(enumerate(breakdown.columns))
    is_right = (
        # The cast alone rounds 1.5: its text must be the original's.
        f"numbers_{n}::VARCHAR[] = entries_{n} AND len(numbers_{n}) = len(numbers_0) AND sum_{n} = {count.column}"
        for n, count in enumerate(breakdown.counts)
    )
    template = Template(text_of("tally", __file__).decode())
    return template.substitute(
        name=breakdown.name,
        document=breakdown.document,
        entries=", ".join(
            f"TRY(json_extract({column}, '{'$[*]' if n else '$.*'}'))::VARCHAR[] AS entries_{n}"
            for n, column in columns
        ),
        numbers=", ".join(f"TRY_CAST(entries_{n} AS BIGINT[]) AS numbers_{n}" for n, _ in columns),
        list_sums=", ".join(f"coalesce(list_sum(numbers_{n}), 0) AS sum_{n}" for n, _ in columns),
        is_right=" AND ".join(is_right),
        sums=", ".join(f"coalesce(sum(sum_{n}), 0)" for n, _ in columns),
    )
