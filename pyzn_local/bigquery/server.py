"""The emulator as one object: the database, the jobs, and the REST and gRPC servers."""

import datetime as dt
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import uvicorn

from pyzn_local import sample
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.jobs import Jobs
from pyzn_local.bigquery.loads import conform
from pyzn_local.bigquery.rest import Rest
from pyzn_local.bigquery.storage_read import StorageRead
from pyzn_local.bigquery.tables import FILE_DOWNLOADS
from pyzn_local.bigquery.warehouse import Warehouse

_SAMPLE_INTERVAL = 300.0  # seconds between two checks for a new day


class Server:
    """A running emulator; a context manager that starts and stops it.

    `data_dir` keeps tables over restarts; results and jobs end with the server. Port 0 means any free port.
    With `with_sample`, each day from sample.first_day() to yesterday (UTC) without rows gets synthetic ones, also when
    new days begin while the server runs. `/healthz` answers 200 when they are there.

    Raises, from `start`:
        OSError: a port is in use.
        duckdb.IOException: another server has the data directory open.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        storage_port: int = 0,
        with_sample: bool = False,
    ) -> None:
        self._data_dir = Path(data_dir)
        self._host = host
        self._port = port
        self._storage_port = storage_port
        self._with_sample = with_sample
        self._ready = threading.Event()
        self._stopping = threading.Event()

    @property
    def endpoint(self) -> str:
        """The `api_endpoint` for `google.cloud.bigquery.Client`."""
        return f"http://{self._host}:{self._port}"

    @property
    def storage_endpoint(self) -> str:
        """The target of an insecure gRPC channel for `BigQueryReadClient`."""
        return f"{self._host}:{self._storage_port}"

    def start(self) -> Self:
        """Open the data and serve it. Returns when requests are answered."""
        _bound(self._host, self._storage_port).close()  # raises the reason; gRPC only prints it on stderr
        listening = _bound(self._host, self._port)
        self._port = listening.getsockname()[1]
        try:
            self._warehouse = Warehouse(self._data_dir)
        except Exception:  # raised again below; the port must be released
            listening.close()
            raise
        results = self._data_dir / "results"
        shutil.rmtree(results, ignore_errors=True)  # of an earlier run
        results.mkdir(parents=True)
        self._jobs = Jobs(self._warehouse, results)
        self._storage = StorageRead(self._jobs)
        self._storage_port = self._storage.start(self._host, self._storage_port)
        config = uvicorn.Config(
            Rest(self._jobs, self._ready.is_set).application(self._host),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._http = uvicorn.Server(config)
        self._threads = [
            threading.Thread(target=self._http.run, args=([listening],), name="rest", daemon=True),
            threading.Thread(target=self._keep_sample, name="sample", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        while not self._http.started:
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Cancel the running jobs and close the ports. The loaded rows stay on disk."""
        self._stopping.set()
        self._storage.stop()
        self._jobs.stop()
        self._http.should_exit = True
        for thread in self._threads:
            thread.join()
        self._warehouse.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_ready(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `/healthz` would answer 200. Returns whether it would."""
        return self._ready.wait(timeout)

    def load(self, rows: pa.Table) -> int:
        """Append rows to `file_downloads`, and return how many. Raises BigQueryError for rows that do not fit it."""
        batches = conform(rows.combine_chunks().to_batches(), rows.schema, FILE_DOWNLOADS)
        return self._warehouse.load(batches)

    def forget(self, day: dt.date) -> None:
        """Delete the rows of one UTC day of `file_downloads`."""
        self._warehouse.forget(day)

    def reset(self) -> None:
        """Delete all rows and faults: as a new server, but with its ports and its finished jobs."""
        self._warehouse.forget()
        self.inject({})

    def inject(self, document: Mapping[str, Any]) -> None:
        """Replace all faults with those of `document`, see faults.py. Raises ValidationError."""
        self._jobs.faults = Faults.model_validate(document)

    def _keep_sample(self) -> None:
        while self._with_sample and not self._stopping.is_set():
            first, today = sample.first_day(), dt.datetime.now(dt.UTC).date()
            days = [first + dt.timedelta(days=n) for n in range((today - first).days)]
            present = self._warehouse.days()
            missing = [day for day in days if day not in present]
            for start in range(0, len(missing), 7):  # loading a week at once takes half the time of seven days
                if not self._stopping.is_set():
                    self.load(pa.concat_tables(map(sample.day, missing[start : start + 7])))
            self._ready.set()
            self._stopping.wait(_SAMPLE_INTERVAL)
        self._ready.set()


def _bound(host: str, port: int) -> socket.socket:
    """A socket on `port`, or on a free port if it is 0.

    Raises:
        OSError: the port is in use; the message names it.
    """
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return found
