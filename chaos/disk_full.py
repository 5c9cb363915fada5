"""The disk of the tables becomes full during a load: the database's tablespace is on a small file system.

Postgres's WAL is on another one, as on a carefully set up server. If the WAL's disk is full, Postgres stops, and its
supervisor must start it again.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql

from chaos.exactness import Watched, defects, reader
from chaos.figures import Check, Figure, Rig, count_figure
from chaos.parts import migrated
from chaos.runs import Target, ingest

DAY = date(2026, 7, 14)
MIB = 2**20  # bytes
SIZE = 128 * MIB  # of the file system
NEEDED = MIB // 2  # about the bytes that a load of this day needs, for staging and then for its rows


def run(rig: Rig) -> list[Figure]:
    """Fill the disk except a random rest, load, look; make room, load again, look again."""
    if os.geteuid() != 0:
        return [Figure("disk full", "", "", "0", [], "only root can mount a small file system")]
    done = f"{rig.size:,} full disks"
    wrong: list[str] = []
    stuck: list[str] = []
    refused = 0
    with _small_disk(rig.parts.directory / "small") as disk, rig.parts.source() as source:
        database = migrated(rig.parts.postgres, _tablespace(rig, disk))
        target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
        day = Watched(database.api_url, DAY)
        day.expect(source.more(DAY, 10_000))
        stuck += ingest(target, DAY).complaints()
        wrong += day.look_for_the_newest()
        # Connected before, as the API is: on a full disk Postgres may be unable to write the cache of its catalog that
        # a new connection needs, and refuses it.
        connected = reader(database.api_url)
        for fill in range(rig.size):
            day.expect(source.more(DAY, 10))
            # Spread evenly, so that some loads run out of room while staging, and some while publishing.
            filler = _filled(disk, leaving=int(NEEDED * (fill + rig.random.random()) / rig.size))
            outcome = ingest(target, DAY)
            refused += bool(outcome.refused)
            stuck += [f"disk {fill}: the run {outcome.died}"] if outcome.died else []
            wrong += [f"disk {fill}, full: {line}" for line in day.look(connected)]
            filler.unlink()
            stuck += [f"disk {fill}, with room again: {line}" for line in ingest(target, DAY).complaints()]
            wrong += [f"disk {fill}, with room again: {line}" for line in day.look_for_the_newest()]
            rig.tick()
        connected.close()
        wrong += defects(database.api_url, {DAY: [source.content(DAY)]})
        _drop(rig, database.owner_url)
    if not refused:
        wrong.append("no load ever met the full disk")
    return [
        count_figure(
            "disk full during load", f"{done}, {refused:,} loads refused", "old days unreadable or wrong", wrong
        ),
        count_figure("with room again", done, "loads that needed help", stuck),
    ]


@contextmanager
def _small_disk(path: Path) -> Iterator[Path]:
    """A file system of SIZE bytes in memory that the server's user can reach."""
    path.mkdir()
    path.parent.chmod(0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=777", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def _tablespace(rig: Rig, disk: Path) -> str:
    """Create a tablespace on `disk` and return its name."""
    folder = disk / "tablespace"
    folder.mkdir()
    owner = rig.parts.postgres.data.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    with psycopg.connect(rig.parts.postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(folder))))
    return "small"


def _drop(rig: Rig, url: str) -> None:
    with psycopg.connect(rig.parts.postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.rpartition("/")[2])))
        connection.execute("DROP TABLESPACE small")


def _filled(disk: Path, leaving: int) -> Path:
    """A file that fills the disk except `leaving` bytes."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - leaving, 1))
    return filler


CHECK = Check("disk-full", "DISK_FULL", 3, 50, "loads on a full disk", run)
