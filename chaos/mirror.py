"""Everything between an exporter and its mirror breaks: processes, connections, files, and the mirror's sense of time.

A stalled connection is not here: it ends after ten seconds of silence, and the check `network` has its like.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

from pydantic import SecretStr

from chaos.exactness import Watched
from chaos.figures import Check, Figure, Rig, count_figure
from chaos.proxy import Fault, Kind, Proxy
from chaos.runs import Run, Target, ingest, processes
from chaos.source import Source
from pyzn_pipeline.exports.index import INDEX
from pyzn_pipeline.exports.places import Folder
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.upkeep.export import export_days

FIRST = date(2026, 7, 6)
DAYS = 3


@dataclass
class Side:
    """The exporter with its source and folder, and the mirror that reads the folder through a proxy."""

    source: Source
    exporter: Target
    mirror: Target
    folder: Path
    proxy: Proxy
    days: list[Watched]
    random: Random
    wrong: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def grow(self) -> Watched:
        """One day gets late rows, and the exporter reads them."""
        day = self.random.choice(self.days)
        day.expect(self.source.more(day.day, 10))
        self.wrong += ingest(self.exporter, day.day).complaints()
        return day

    def export(self) -> None:
        """Export everything, in this process."""
        _export(self.exporter.database_url, str(self.folder))

    def refused(self, day: Watched, what: str) -> None:
        """The mirror must not take what there is now."""
        if ingest(self.mirror, day.day).published:
            self.taken.append(f"{what}: {day.day} was published")


def run(rig: Rig) -> list[Figure]:
    """Break one thing; look at the mirror and at the export; let both go on; compare with the source exactly."""
    kinds: list[Callable[[Side, Watched], str]] = [
        _exporter_killed, _mirror_killed, _connection_broken, _bit_flipped, _file_cut, _back_in_time,
    ]  # fmt: skip
    with (
        rig.parts.source() as source,
        rig.parts.database() as exporter,
        rig.parts.database() as mirror,
        _served(rig.parts.directory / "export") as proxy,
    ):
        folder = rig.parts.directory / "export"
        side = Side(
            source,
            Target(exporter.owner_url, source.server.endpoint, source.server.storage_endpoint),
            Target(mirror.owner_url, "", "", mirror_url=f"http://{proxy.address}"),
            folder,
            proxy,
            [Watched(mirror.api_url, FIRST + timedelta(days=n)) for n in range(DAYS)],
            rig.random,
        )
        for day in side.days:
            day.expect(source.more(day.day, 2000))
        side.wrong += ingest(side.exporter, *(day.day for day in side.days)).complaints()
        side.export()
        side.wrong += ingest(side.mirror, *(day.day for day in side.days)).complaints()
        for n in range(rig.size):
            day = side.grow()
            name = kinds[n % len(kinds)](side, day)
            side.wrong += [f"{name}: {line}" for line in [*day.look(), *_broken_promises(folder)]]
            proxy.arm(None)
            side.export()
            side.wrong += [f"{name}, again: {line}" for line in ingest(side.mirror, day.day).complaints()]
            side.wrong += [f"{name}, again: {line}" for line in day.look_for_the_newest()]
            rig.tick()
    done = f"{rig.size:,} faults of {len(kinds)} kinds"
    return [
        count_figure("mirrors and exports broken", done, "wrong days", side.wrong),
        count_figure("damaged or older mirrors", done, "days taken", side.taken),
    ]


def _exporter_killed(side: Side, _: Watched) -> str:
    seconds = side.random.uniform(0, 1)
    exporting = processes.Process(target=_export, args=(side.exporter.database_url, str(side.folder)), daemon=True)
    exporting.start()
    time.sleep(seconds)
    exporting.kill()
    exporting.join()
    return f"exporter killed after {seconds:.3f} s"


def _export(url: str, folder: str) -> None:
    list(export_days(engine(SecretStr(url)), Folder(Path(folder))))


def _mirror_killed(side: Side, day: Watched) -> str:
    side.export()
    seconds = side.random.uniform(0, 1)
    started = Run(side.mirror, [day.day])
    time.sleep(seconds)
    started.kill()
    return f"mirror killed after {seconds:.3f} s"


def _connection_broken(side: Side, day: Watched) -> str:
    side.export()
    kind = side.random.choice([Kind.CUT, Kind.RESET])
    fault = Fault(kind, upwards=False, after=side.random.randrange(sum(map(len, _files(side.folder, day).values()))))
    side.proxy.arm(fault)
    ingest(side.mirror, day.day)
    return f"connection {kind} at byte {fault.after:,}"


def _bit_flipped(side: Side, day: Watched) -> str:
    def flipped(content: bytes) -> bytes:
        place = side.random.randrange(len(content))
        return content[:place] + bytes([content[place] ^ 1 << side.random.randrange(8)]) + content[place + 1 :]

    return _damaged(side, day, "bit flipped", flipped)


def _file_cut(side: Side, day: Watched) -> str:
    return _damaged(side, day, "cut short", lambda content: content[: side.random.randrange(len(content))])


def _damaged(side: Side, day: Watched, what: str, damage: Callable[[bytes], bytes]) -> str:
    side.export()
    files = _files(side.folder, day)
    path = side.random.choice(sorted(files))
    name = f"{what}: {path}"
    side.folder.joinpath(path).write_bytes(damage(files[path]))
    side.refused(day, name)
    side.folder.joinpath(path).write_bytes(files[path])
    return name


def _back_in_time(side: Side, day: Watched) -> str:
    old = side.folder.joinpath(INDEX).read_bytes()
    side.export()
    side.wrong += ingest(side.mirror, day.day).complaints()
    new = side.folder.joinpath(INDEX).read_bytes()
    side.folder.joinpath(INDEX).write_bytes(old)
    side.refused(day, "back in time")
    side.folder.joinpath(INDEX).write_bytes(new)
    return "back in time"


def _files(folder: Path, day: Watched) -> dict[str, bytes]:
    """Every file that the mirror reads for the day, by path."""
    index = json.loads(folder.joinpath(INDEX).read_bytes())
    (line,) = [line for line in index["days"] if line["day"] == str(day.day)]
    paths = [INDEX, *(file["path"] for file in _named(line, folder))]
    return {path: folder.joinpath(path).read_bytes() for path in paths}


def _named(line: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    yield line["file"]
    said = json.loads(folder.joinpath(line["file"]["path"]).read_bytes())
    yield said["projects"]
    yield from (held["file"] for held in said["breakdowns"].values())


def _broken_promises(folder: Path) -> list[str]:
    """The files that the index names and that are not there, or not whole."""
    found = []
    for line in json.loads(folder.joinpath(INDEX).read_bytes())["days"]:
        for file in _named(line, folder):
            content = b""
            with suppress(FileNotFoundError):
                content = folder.joinpath(file["path"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                found.append(f"the index names {file['path']}, which is not what it says")
    return found


@contextmanager
def _served(folder: Path) -> Iterator[Proxy]:
    """A web server over the folder, behind a proxy."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def copyfile(self, source: Any, outputfile: Any) -> None:
            with suppress(OSError):  # the mirror was killed, or its connection broken
                super().copyfile(source, outputfile)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with Proxy("127.0.0.1", server.server_port) as proxy:
            yield proxy
        server.shutdown()


CHECK = Check("mirror", "MIRROR_FAULTS", 18, 600, "kills, cuts, damaged files and steps back in time", run)
