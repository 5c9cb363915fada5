"""A check's real parts, its size and its random numbers; and the figures that it reports."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from bench.database import Database, migrated
from chaos.source import Source
from pyzn_local.bigquery import Server
from pyzn_local.postgres import Postgres

_numbers = count(1)


@dataclass(frozen=True)
class Figure:
    """One line of the report: the action and how often, and the defects found, a line each; there must be none."""

    name: str
    done: str
    noun: str
    """The kind of the defects, in the plural."""
    defects: Sequence[str]


@dataclass(frozen=True)
class Rig:
    """The input of a check. All checks share the server, and a directory for files of their own."""

    postgres: Postgres
    directory: Path
    size: int
    random: Random

    def database(self) -> Database:
        """Create a database."""
        return migrated(self.postgres, f"chaos_{next(_numbers)}")

    @contextmanager
    def source(self) -> Iterator[Source]:
        """Yield a new, empty emulator."""
        with Server(self.directory / f"bigquery-{next(_numbers)}") as server:
            yield Source(server)
