"""Steps of a day in the benchmarks, each in its own process, so that its memory is its own."""

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from pydantic import SecretStr
from sqlalchemy import Engine

from bench.synthetic_day import SyntheticDay
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, export_days
from pyzn_pipeline.maintenance.packing import pack_settled
from pyzn_pipeline.reading.day import ingest_day, publish_scan
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition

P = ParamSpec("P")
T = TypeVar("T")


class Run(NamedTuple):
    """The seconds of a process by stage, and in "all" of its work; and the most memory that it had, in bytes."""

    seconds: dict[str, float]
    memory: int


@contextmanager
def process() -> Iterator[ProcessPoolExecutor]:
    """Yield a new process, which shares no memory with this one."""
    with ProcessPoolExecutor(1, get_context("spawn")) as own:
        yield own


def in_a_process(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return the result of `work` in a process of its own."""
    with process() as own:
        return own.submit(work, *arguments, **options).result()


def publish(owner_url: str, day: date, size: float, folder: Path, breakdowns: str = "five") -> Run:
    """Publish a synthetic day, which another process makes beforehand."""
    return in_a_process(publish_made, owner_url, in_a_process(SyntheticDay.make, day, size, folder, breakdowns))


def publish_made(owner_url: str, day: SyntheticDay) -> Run:
    """Publish a synthetic day as `ingest_day` does after its scan."""
    return _measured(owner_url, lambda store, seconds: publish_scanned(store, day, seconds))


def publish_scanned(store: Engine, synthetic: SyntheticDay, seconds: dict[str, float]) -> None:
    """Publish a synthetic day in this process."""
    ensure_partition(store, synthetic.day)
    with days_locked(store, synthetic.day, synthetic.day) as connection:
        publish_scan(connection, synthetic.scan(), datetime.now(UTC), "bench", seconds)


def export(owner_url: str, day: date, folder: Path, last: date | None = None) -> Run:
    """Export a day, or the days until `last`, into a folder."""

    def work(store: Engine, _: dict[str, float]) -> None:
        for done in export_days(store, Folder(folder), day, last or day):
            if isinstance(done, ExportRefused):
                raise done

    return _measured(owner_url, work)


def mirror(owner_url: str, day: date, folder: Path) -> Run:
    """Publish the day that is exported in a folder."""
    return _measured(owner_url, lambda store, _: ingest_day(day, Mirror(str(folder)), store, "bench"))


def pack(owner_url: str, today: date) -> Run:
    """Pack the settled days."""
    return _measured(owner_url, lambda store, _: list(pack_settled(store, today)))


def _measured(owner_url: str, work: Callable[[Engine, dict[str, float]], object]) -> Run:
    store, seconds = engine(SecretStr(owner_url)), dict[str, float]()
    started = time.perf_counter()
    work(store, seconds)
    seconds["all"] = time.perf_counter() - started
    return Run(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
