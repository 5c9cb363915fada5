"""`make survive`: the production shape, its parts killed at random while days are asked for; in the end all are there.

Each service of docker-compose.yml is a process of its own (see processes.py), and is started again when it ends, as
the restart policy does. Every step waits a random time, kills a random part (in a tenth of the steps two at once)
with SIGKILL, and starts it again after a random time. Meanwhile backfills are asked for, and the schedules and
sensors go on. In the end every day that Dagster took a request for must be published and proven by `pyzn verify`,
none may be given up, and `pyzn check` must agree.

Prints the seed, a line a step and a figure a line; exits with 1 if a day is missing or wrong, or if the API
answered anything but 200 and 503.
"""

import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import psycopg
import requests

from pyzn_local.home import StackError
from pyzn_pipeline.backfills.dagster_client import DagsterError, ask
from pyzn_pipeline.backfills.launch import LAUNCH
from tests.deployment.processes import Processes

PARTS = ("code", "daemon", "webserver", "postgres", "bigquery", "api")
LONGEST_MOMENT = 30.0  # seconds between a part's start and the next kill
TWO_AT_ONCE = 0.1  # of the steps
SAMPLE_DAYS = 35  # of the emulator
BACKFILL_DAYS = 12  # at most, in one request
TIMEOUT = 45 * 60  # seconds after the last kill: a day that was hit four times waits 64 minutes, one hit thrice 16


class Survival:
    """The services, the days requested of them, and their outcome."""

    def __init__(self, folder: Path, days: int, seed: int) -> None:
        self.services = Processes(folder)
        self.random = random.Random(seed)  # noqa: S311 - for moments, not for secrets
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        self.days = [yesterday - timedelta(days=n) for n in reversed(range(days))]
        self.to_request = list(self.days)
        self.answers: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._finished = threading.Event()
        self._began = time.monotonic()

    def report(self, event: str) -> None:
        """Print a line with the time since the start and the number of published days."""
        click.echo(f"{time.monotonic() - self._began:6.0f} s  {self.count('pyzn.days')} days  {event}")

    def count(self, table: str) -> int | None:
        """Return the number of rows of a table; None while Postgres is away."""
        with suppress(psycopg.OperationalError):
            with psycopg.connect(self.services.environment("code")["PYZN_DATABASE_URL"], connect_timeout=2) as db:
                row = db.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            return None if row is None else int(row[0])
        return None

    def request_days(self) -> None:
        """Request a few of the remaining days. They remain if Dagster does not answer."""
        first = self.random.randrange(len(self.to_request))
        days = self.to_request[first : first + self.random.randint(1, BACKFILL_DAYS)]
        parameters = {"assetSelection": [{"path": ["project_days"]}], "partitionNames": list(map(str, days))}
        with suppress(DagsterError):
            if "backfillId" in ask(self.services.url(3000), LAUNCH, params=parameters)["launchPartitionBackfill"]:
                self.to_request = [day for day in self.to_request if day not in days]
                self.report(f"requested {len(days)} days from {days[0]}")

    def start(self, name: str) -> None:
        """Start a part; PostgreSQL refuses until the last process of its former self is gone."""
        for _ in range(20):
            with suppress(StackError):
                return self.services.start(name)
            time.sleep(0.5)
        return self.services.start(name)

    def wait(self, seconds: float) -> None:
        """Let that time pass, and restart services that end, as the restart policy does."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for name, service in list(self.services.running.items()):
                if service.process.poll() is not None:
                    self.ended[name] += 1
                    self.start(name)
            time.sleep(min(left, 0.5))

    def step(self, longest_outage: float) -> None:
        """Kill a part, or two, at a random moment, and start it again after a random time."""
        if self.to_request:
            self.request_days()
        self.wait(self.random.uniform(0, LONGEST_MOMENT))
        victims = self.random.sample(PARTS, 2 if self.random.random() < TWO_AT_ONCE else 1)
        outage = self.random.uniform(0, longest_outage)
        self.report(f"kill {' and '.join(victims)} for {outage:.0f} s")
        for victim in victims:
            self.kills[victim] += 1
            self.services.kill(victim)
        self.wait(outage)
        for victim in sorted(victims, key=PARTS.index, reverse=True):
            self.start(victim)

    def all_read(self, seconds: float) -> bool:
        """Return whether every day is published, and none is wanted any more, within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.wait(2)
            if self.to_request:
                self.request_days()
            elif self.count("pyzn.days") == len(self.days) and self.count("pyzn.wanted") == 0:
                return True
        return False

    def read(self) -> None:
        """Count the statuses of the answers to a reader until the end."""
        while not self._finished.wait(0.2):
            try:
                answer = requests.get(f"{self.services.url(5200)}/api/v4/top", timeout=10)
                self.answers[str(answer.status_code)] += 1
            except requests.RequestException:
                self.answers["no answer"] += 1

    def run(self, kills: int, longest_outage: float) -> bool:
        """Start, request, kill, wait, verify. Returns whether every promise held."""
        self.services.up()
        reader = threading.Thread(target=self.read)
        reader.start()
        self._began = time.monotonic()
        try:
            self.wait(5)
            while self.kills.total() < kills:
                self.step(longest_outage)
            complete = self.all_read(TIMEOUT)
        finally:
            self._finished.set()
            reader.join()
        seconds = time.monotonic() - self._began
        verified = self.services.run("pyzn", "pyzn", "verify", str(self.days[0]), str(self.days[-1]))
        checked = self.services.run("pyzn", "pyzn", "check")
        wrong = [line for line in checked.stdout.splitlines() if line.startswith("WRONG  days ")]
        click.echo(verified.stdout if verified.returncode else "")
        figures = {
            "days published": f"{self.count('pyzn.days')} of {len(self.days)}",
            "days proven by pyzn verify": "NOT all" if verified.returncode else "all",
            "days given up or still wanted": self.count("pyzn.wanted"),
            "pyzn check on what was asked for": wrong or "ok",
            "parts killed": f"{self.kills.total()}: {dict(self.kills)}",
            "parts that ended by themselves": dict(self.ended) or "none",
            "answers of the API meanwhile": dict(self.answers),
            "seconds": f"{seconds:.0f}",
        }
        for name, figure in figures.items():
            click.echo(f"{name:<36} {figure}")
        return complete and verified.returncode == 0 and not wrong and set(self.answers) <= {"200", "503", "no answer"}


@click.command(context_settings={"show_default": True})
@click.option("--days", type=click.IntRange(1, SAMPLE_DAYS), default=30, help="The days requested, until yesterday.")
@click.option("--kills", default=6, help="How many parts are killed.")
@click.option("--outage", default=120.0, help="The longest that a part is away, in seconds.")
@click.option("--seed", type=int, help="Chooses parts and moments; random unless given.")
def main(days: int, kills: int, outage: float, seed: int | None) -> None:
    """Kill parts at random while DAYS are requested."""
    seed = random.randrange(2**31) if seed is None else seed  # noqa: S311  # no secret
    click.echo(f"seed                                 {seed}")
    folder = Path(tempfile.mkdtemp(prefix="pyzn-survival-"))
    survival = Survival(folder, days, seed)
    try:
        well = survival.run(kills, outage)
    finally:
        survival.services.stop()
    if not well:
        click.echo(f"the logs are in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
