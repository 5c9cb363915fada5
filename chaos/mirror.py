"""An exporter and its mirror are killed at any moment. What is damaged or older is refused in tests/exports."""

import time
from pathlib import Path

from pydantic import SecretStr

from chaos.exactness import first_days
from chaos.rig import Figure, Rig
from chaos.runs import Run, Target, ingest, processes
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.index import existing_index, read_day, read_file
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import export_days
from pyzn_pipeline.store.database import engine

DAYS = 3


def run(rig: Rig) -> list[Figure]:
    """Kill one of them; look at mirror and export; let both go on; compare the mirror with the source exactly."""
    folder = rig.directory / "export"
    ours, theirs = rig.database(), rig.database()
    with rig.source() as source:
        exporter, mirror = Target.of(ours.owner_url, source), Target(theirs.owner_url, mirror_url=str(folder))
        days = first_days(theirs.api_url, DAYS)
        for day in days:
            source.more(day, 2000)
        wrong = ingest(exporter, *days).complaints()
        _export(ours.owner_url, folder)
        wrong += ingest(mirror, *days).complaints()
        for n in range(rig.size):
            day = rig.random.choice(days)
            source.more(day, 10)
            wrong += ingest(exporter, day).complaints()
            seconds = rig.random.uniform(0, 1)
            if n % 2:
                killed = processes.Process(target=_export, args=(ours.owner_url, folder), daemon=True)
                killed.start()
                time.sleep(seconds)
                killed.kill()
                killed.join()
            else:
                _export(ours.owner_url, folder)
                started = Run(mirror, [day])
                time.sleep(seconds)
                started.kill()
            found = day.defects() + _broken_promises(folder)
            _export(ours.owner_url, folder)
            found += ingest(mirror, day).complaints() + day.newest_defects()
            wrong += [f"{'exporter' if n % 2 else 'mirror'} killed after {seconds:.3f} s: {line}" for line in found]
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
