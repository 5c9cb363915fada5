"""An exporter and its mirror are killed at any moment. What is damaged or older is refused in tests/exports."""

import time
from datetime import date, timedelta
from pathlib import Path

from pydantic import SecretStr

from chaos.exactness import Watched
from chaos.figures import Check, Figure, Rig
from chaos.runs import Run, Target, ingest, processes
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.index import existing_index, read_day, read_file
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import export_days
from pyzn_pipeline.store.database import engine

FIRST = date(2026, 7, 6)
DAYS = 3


def run(rig: Rig) -> list[Figure]:
    """Kill one of them; look at mirror and export; let both go on; compare the mirror with the source exactly."""
    folder = rig.parts.directory / "export"
    wrong: list[str] = []
    with rig.parts.source() as source, rig.parts.database() as ours, rig.parts.database() as theirs:
        exporter = Target(ours.owner_url, source.server.endpoint, source.server.storage_endpoint)
        mirror = Target(theirs.owner_url, "", "", mirror_url=str(folder))
        days = [Watched(theirs.api_url, FIRST + timedelta(days=n)) for n in range(DAYS)]
        for day in days:
            day.expect(source.more(day.day, 2000))
        wrong += ingest(exporter, *(day.day for day in days)).complaints()
        _export(ours.owner_url, folder)
        wrong += ingest(mirror, *(day.day for day in days)).complaints()
        for n in range(rig.size):
            day = rig.random.choice(days)
            day.expect(source.more(day.day, 10))
            wrong += ingest(exporter, day.day).complaints()
            seconds = rig.random.uniform(0, 1)
            if n % 2:
                killed = processes.Process(target=_export, args=(ours.owner_url, folder), daemon=True)
                killed.start()
                time.sleep(seconds)
                killed.kill()
                killed.join()
            else:
                _export(ours.owner_url, folder)
                started = Run(mirror, [day.day])
                time.sleep(seconds)
                started.kill()
            name = f"{'exporter' if n % 2 else 'mirror'} killed after {seconds:.3f} s"
            wrong += [f"{name}: {line}" for line in [*day.look(), *_broken_promises(folder)]]
            _export(ours.owner_url, folder)
            wrong += [f"{name}, again: {line}" for line in ingest(mirror, day.day).complaints()]
            wrong += [f"{name}, again: {line}" for line in day.look_for_the_newest()]
    return [Figure("exporters and mirrors killed", f"{rig.size:,} kills", "wrong days", wrong)]


def _export(url: str, folder: Path) -> None:
    list(export_days(engine(SecretStr(url)), Folder(folder)))


def _broken_promises(folder: Path) -> list[str]:
    """Return the errors of files that the index names and that are missing or different."""
    storage, found = Folder(folder), []
    for entry in existing_index(storage).days:
        try:
            for file in read_day(storage, entry).by_view().values():
                read_file(storage, file)
        except PyznError as error:
            found.append(str(error))
    return found


CHECK = Check("mirror", "MIRROR_FAULTS", 18, "kills of an exporter and its mirror", run)
