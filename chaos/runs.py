"""A run: a separate process that reads days and publishes them, with its own clients.

Processes are forked from a server that has imported everything and opened no connection. So a start takes
milliseconds, not the seconds of the imports.
"""

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection
from typing import Self

from pydantic import SecretStr

from chaos.exactness import Day
from chaos.source import TABLE, Source
from pyzn_pipeline.breakdowns import KNOWN
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import SILENCE, connect
from pyzn_pipeline.store.database import LIFETIME, engine
from pyzn_pipeline.store.publication import Publication
from pyzn_pipeline.wanted_days import wanted

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Target:
    """Addresses that a run connects to: the database with the owner's URL, and the emulator's two, or a mirror's.

    `lifetime` and `silence` are the limits of the pipeline's connections in seconds: those of production, unless a
    check makes them shorter.
    """

    database_url: str
    endpoint: str = ""
    storage_endpoint: str = ""
    lifetime: float = LIFETIME
    silence: float = SILENCE
    mirror_url: str = ""

    @classmethod
    def of(cls, database_url: str, source: Source) -> Self:
        """Return the target of a run that reads from `source`."""
        return cls(database_url, source.server.endpoint, source.server.storage_endpoint)


@dataclass
class Outcome:
    """The outcome of each day: published, or refused with a reason. `died`: how an unfinished run ended."""

    published: dict[date, Publication] = field(default_factory=dict)
    refused: dict[date, str] = field(default_factory=dict)
    died: str = ""

    def complaints(self) -> list[str]:
        """Return a line for everything that prevented a publication, for a run that should have published every day."""
        return [*self.refused.values(), *([f"the run: {self.died}"] if self.died else [])]


class Run:
    """A started run. It reads its days in the given order."""

    def __init__(self, target: Target, days: Iterable[Day]) -> None:
        self._receiver, sender = processes.Pipe(duplex=False)
        self._process = processes.Process(target=_run, args=(sender, target, [day.date for day in days]), daemon=True)
        self._process.start()
        sender.close()

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._process.kill()
        self._process.join()

    def outcome(self, timeout: float) -> Outcome:
        """Wait for the outcome. A run that has not ended within `timeout` seconds is killed: see `died`."""
        try:
            if not self._receiver.poll(timeout):
                self.kill()
                return Outcome(died=f"not ended after {timeout:.0f} s")
            outcome: Outcome = self._receiver.recv()
        except EOFError:
            outcome = Outcome(died="ended without an outcome")
        self._process.join()
        return outcome


def ingest(target: Target, *days: Day, timeout: float = 180) -> Outcome:
    """Start a run and wait for its outcome."""
    return Run(target, days).outcome(timeout)


def _run(sender: "Connection[Outcome, None]", target: Target, days: Sequence[date]) -> None:
    outcome = Outcome()
    store = engine(SecretStr(target.database_url), target.lifetime)
    with ExitStack() as stack:
        source = Mirror(target.mirror_url) if target.mirror_url else stack.enter_context(_bigquery(target))
        try:
            for day in days:
                try:
                    with wanted.attempt(store, day, "chaos"):
                        ingested = ingest_day(day, source, store, "chaos")
                    outcome.published[day] = ingested.publication
                except PyznError as error:
                    outcome.refused[day] = str(error)
        except Exception as error:  # noqa: BLE001 - an unexpected error, of any class, is a finding and must not end the check
            outcome.died = f"{type(error).__name__}: {error}".splitlines()[0]
        finally:
            sender.send(outcome)


@contextmanager
def _bigquery(target: Target) -> Iterator[BigQuery]:
    clients = connect("pyzn-chaos", "US", target.endpoint, target.storage_endpoint, target.silence)
    try:
        yield BigQuery(clients, TABLE, 2**40, breakdowns=KNOWN)
    finally:
        clients.close()
