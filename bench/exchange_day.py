"""Exports or mirrors one day in its own process. Prints the seconds and the largest memory, as JSON.

python -m bench.exchange_day export|mirror OWNER_URL DAY FOLDER
"""

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

from pydantic import SecretStr

from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, export_days
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.store.database import engine


def main(what: str, url: str, day: str, folder: str) -> None:
    """Do it."""
    store, of_day = engine(SecretStr(url)), date.fromisoformat(day)
    started = time.perf_counter()
    if what == "export":
        (done,) = export_days(store, Folder(Path(folder)), of_day, of_day)
        if isinstance(done, ExportRefused):
            raise done
    else:
        ingest_day(of_day, Mirror(folder), store, "bench")
    seconds = time.perf_counter() - started
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "rss": rss}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
