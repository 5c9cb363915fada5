"""Publishes one synthetic day in its own process. Prints the seconds by stage and the largest memory, as JSON.

python -m bench.publish_day OWNER_URL DAY SIZE FOLDER
"""

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

from pydantic import SecretStr

from bench.synthetic_day import SyntheticDay
from pyzn_pipeline.reading.day import publish_scan
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.locks import day_locked
from pyzn_pipeline.store.partitions import ensure_partition


def main(url: str, day: str, size: str, folder: str) -> None:
    """Publish like ingest_day after its scan."""
    synthetic = SyntheticDay.made(date.fromisoformat(day), float(size), Path(folder))
    store = engine(SecretStr(url))
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    ensure_partition(store, synthetic.day)
    with day_locked(store, synthetic.day) as connection:
        changed = publish_scan(connection, synthetic.scan(), "bench", seconds).publication.changed
    seconds["all"] = time.perf_counter() - started
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "rss": rss, "changed": changed}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
