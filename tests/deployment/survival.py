"""`make survive DAYS=30`: the production shape, every part killed in turn while a backfill goes on.

Each service of docker-compose.yml is a process of its own (see compose.py), and is started again at once when it
ends, as the restart policy does. In the end every day must be published and proven by `pyzn verify`.
Prints a figure a line; exits with 1 if a day is missing or wrong, or if the API answered anything but 200 and 503.
"""

import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import psycopg
import requests

from tests.deployment.compose import Deployment

VICTIMS = ("code", "postgres", "daemon", "webserver", "bigquery", "api", "code", "postgres")
PATIENCE = 30 * 60  # seconds


class Survival:
    """A deployment, and what becomes of it."""

    def __init__(self, folder: Path) -> None:
        self.deployment = Deployment(folder)
        self.answers: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self._ended = threading.Event()

    def published(self) -> tuple[int, int]:
        """How many days are published, and how many are still tried; nothing while Postgres is away."""
        try:
            with psycopg.connect(self.deployment.environment("code")["PYZN_DATABASE_URL"]) as connection:
                row = connection.execute(
                    "SELECT (SELECT count(*) FROM pyzn.days), (SELECT count(*) FROM pyzn.attempts)"
                ).fetchone()
        except psycopg.OperationalError:
            return 0, 1
        assert row is not None
        return int(row[0]), int(row[1])

    def restart_what_ended(self) -> None:
        """The restart policy."""
        for name, service in list(self.deployment.running.items()):
            if service.process.poll() is not None:
                self.restarts[name] += 1
                self.deployment.start(name)

    def wait_for(self, days: int, seconds: float) -> bool:
        """Whether so many days are published, and none is tried any more, within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.restart_what_ended()
            published, tried = self.published()
            if published >= days and tried == 0:
                return True
            time.sleep(1)
        return False

    def read(self) -> None:
        """What a reader is answered, again and again."""
        while not self._ended.wait(0.2):
            try:
                answer = requests.get(f"{self.deployment.url(5200)}/api/v4/top", timeout=10)
                self.answers[str(answer.status_code)] += 1
            except requests.RequestException:
                self.answers["no answer"] += 1

    def run(self, days: int) -> bool:
        """Start, backfill, kill, wait, verify; whether all is well."""
        last = datetime.now(UTC).date() - timedelta(days=1)
        span = str(last - timedelta(days=days - 1)), str(last)
        self.deployment.start_all()
        reader = threading.Thread(target=self.read)
        reader.start()
        began = time.monotonic()
        with self.deployment.launch("code", "pyzn", "backfill", *span) as backfill:
            while self.published()[0] < 2:
                time.sleep(0.1)
            for victim in VICTIMS:
                click.echo(f"{time.monotonic() - began:5.0f} s  {self.published()[0]:3} days, killing {victim}")
                self.deployment.kill(victim)
                self.deployment.start(victim)
                self.wait_for(days, 40)
            complete = self.wait_for(days, PATIENCE)
            seconds = time.monotonic() - began
            backfill.terminate()
        self._ended.set()
        reader.join()
        verified = self.deployment.run("code", "pyzn", "verify", *span)
        click.echo(verified.stdout)
        click.echo(f"days published                       {self.published()[0]} of {days}")
        click.echo(f"days proven by pyzn verify           {'all' if verified.returncode == 0 else 'NOT all'}")
        click.echo(f"parts killed                         {len(VICTIMS)}")
        click.echo(f"parts that ended by themselves       {dict(self.restarts) or 'none'}")
        click.echo(f"answers of the API meanwhile         {dict(self.answers)}")
        click.echo(f"seconds                              {seconds:.0f}")
        return complete and verified.returncode == 0 and set(self.answers) <= {"200", "503", "no answer"}


@click.command()
@click.option("--days", default=30, show_default=True)
def main(days: int) -> None:
    """Kill every part in turn while a backfill of DAYS goes on."""
    folder = Path(tempfile.mkdtemp(prefix="pyzn-survival-"))
    survival = Survival(folder)
    try:
        well = survival.run(days)
    finally:
        survival.deployment.stop()
    if not well:
        click.echo(f"the logs are in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
