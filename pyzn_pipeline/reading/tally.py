"""The tally of a scan: adds up its rows while they stream to Postgres. Does not use Postgres.

It counts the same batches that are sent to Postgres, so it counts the documents that readers will see. It is not
done in SQL because Postgres needed 6 seconds for a full day, while the other core was idle.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, fields
from functools import cache
from hashlib import md5
from importlib.resources import files
from typing import Self

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pyzn_pipeline.breakdowns import VERSION

TOP_PROJECTS = 10
_TOP_COLUMNS = ["project", "downloads", "pip_downloads", "ci_downloads"]


@dataclass(frozen=True)
class Counts:
    """The sums over the rows of one breakdown; `packed_*` are counted inside the documents."""

    rows: int = 0
    keys: int = 0
    downloads: int = 0
    pip_downloads: int = 0
    ci_downloads: int = 0
    packed_keys: int = 0
    packed_downloads: int = 0
    packed_pip_downloads: int = 0
    packed_ci_downloads: int = 0
    ragged: int = 0
    nuls: int = 0


class Tally:
    """Adds up batches of `source.scan.SCHEMA`. A context manager, because it opens a DuckDB to count with."""

    def __init__(self) -> None:
        # One thread: a batch is too small for DuckDB to divide.
        self._duckdb = duckdb.connect(config={"threads": 1, "enable_external_access": False})
        self._sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(fields(Counts)))
        self._checksum = 0
        self._of_day: dict[str, str] = {}
        self._top: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count one batch."""
        self._duckdb.register("batch", batch)
        for breakdown, *sums, checksum in self._duckdb.execute(_query()).fetchall():
            self._sums[breakdown] = [int(a + b) for a, b in zip(self._sums[breakdown], sums, strict=True)]
            self._checksum += int(checksum)
        self._duckdb.unregister("batch")
        self._add_top(batch)
        of_day = batch.filter(pc.starts_with(batch["breakdown"], "day_")).select(["breakdown", "document"])
        self._of_day |= {row["breakdown"].removeprefix("day_"): row["document"] for row in of_day.to_pylist()}

    @property
    def counts(self) -> dict[str, Counts]:
        """The counts by breakdown, 'day' among them."""
        return {breakdown: Counts(*sums) for breakdown, sums in self._sums.items()}

    @property
    def checksum(self) -> str:
        """The checksum that pyzn.day_checksum(day) returns once these rows are published."""
        return md5(str(self._checksum).encode(), usedforsecurity=False).hexdigest()

    @property
    def profile(self) -> dict[str, str]:
        """The documents of the whole day, as JSON text: 'by_country' and 'by_hour'."""
        return {name: self._of_day.get(name, "{}") for name in ("by_country", "by_hour")}

    @property
    def replaced_rows(self) -> int:
        """How many rows of the source had text that Postgres cannot store, and that the scan replaced."""
        return int(json.loads(self._of_day.get("by_replaced", "{}")).get("true", 0))

    @property
    def top(self) -> pd.DataFrame:
        """The most downloaded projects: project, downloads, pip_downloads, ci_downloads."""
        return pa.concat_tables(self._top).to_pandas() if self._top else pd.DataFrame(columns=_TOP_COLUMNS)

    def _add_top(self, batch: pa.RecordBatch) -> None:
        rows = batch.filter(pc.equal(batch["breakdown"], VERSION.name)).select(_TOP_COLUMNS)
        both = pa.concat_tables([*self._top, pa.Table.from_batches([rows])])
        self._top = [both.sort_by([("downloads", "descending"), ("project", "ascending")]).slice(0, TOP_PROJECTS)]


@cache
def _query() -> str:
    return files(__package__).joinpath("tally.sql").read_text(encoding="utf-8")
