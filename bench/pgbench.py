"""Runs one of the API's statements in pgbench, for random projects."""

import os
import re
import subprocess
import sys
from importlib.resources import files
from string import Template

from bench.database import Database
from pyzn_api.database import OF_PROJECT
from pyzn_api.windows import Window
from pyzn_local.postgres import binary


def reads_per_second(
    own: Database, name: str, window: Window, projects: int, seconds: float, connections: int = 8
) -> float:
    """Return the transactions a second of the statement `name`."""
    statement = files("pyzn_api").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    statement = Template(re.sub("--.*", "", statement)).safe_substitute(OF_PROJECT)
    statement = statement.replace("%(project)s", "('project-' || :number)")
    statement = statement.replace("%(ci)s", "true")
    for parameter, day in zip(("%(start)s", "%(end)s"), window, strict=True):
        statement = statement.replace(parameter, f"'{day}'")
    script = own.data.parent / "pgbench.sql"
    script.write_text(f"\\set number random(1, {projects})\n{statement};\n", encoding="utf-8")
    options = ["-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-T", str(max(1, round(seconds)))]
    done = subprocess.run(
        [binary("pgbench"), *options, "-f", str(script), own.api_url],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PGOPTIONS": "-c jit=off"},  # as the API sets it
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        sys.exit(f"pgbench said {done.stdout}")
    return float(found[1])
