"""Publishes, exports or mirrors one day in its own process. Prints the seconds by stage and the memory, as JSON.

python -m bench.one_day publish OWNER_URL DAY FOLDER SIZE five|all
python -m bench.one_day export|mirror OWNER_URL DAY FOLDER
"""

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine

from bench.synthetic_day import SyntheticDay
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, export_days
from pyzn_pipeline.reading.day import ingest_day, publish_scan
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition


def publish_synthetic(store: Engine, synthetic: SyntheticDay, seconds: dict[str, float]) -> None:
    """Publish a synthetic day as `ingest_day` does after its scan."""
    ensure_partition(store, synthetic.day)
    with days_locked(store, synthetic.day, synthetic.day) as connection:
        publish_scan(connection, synthetic.scan(), "bench", seconds)


def _export(store: Engine, day: date, folder: str) -> None:
    (done,) = export_days(store, Folder(Path(folder)), day, day)
    if isinstance(done, ExportRefused):
        raise done


def main(action: str, url: str, text: str, folder: str, size: str = "", breakdowns: str = "") -> None:
    """Do it, measure and print."""
    store, day, seconds = engine(SecretStr(url)), date.fromisoformat(text), dict[str, float]()
    synthetic = SyntheticDay.at(day, float(size), Path(folder), breakdowns) if action == "publish" else None
    started = time.perf_counter()
    if synthetic:
        publish_synthetic(store, synthetic, seconds)
    elif action == "export":
        _export(store, day, folder)
    else:
        ingest_day(day, Mirror(folder), store, "bench")
    seconds["all"] = time.perf_counter() - started
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "rss": rss}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
