"""What PyZn uses of Dagster that is not public: tried with this version, to be read again with another."""

from importlib.metadata import version

from tests.deployment.compose import ROOT

TRIED_WITH = "1.13.27"
"""Read for it: instance.py (what Dagster asks a class of instances first), run_launcher.py (how a code server names its
runs), run_coordinator.py (who submits and cancels), wanted_days/defs.py (the states of a backfill, and its days),
webserver/ (which requests change something, and how the webserver starts), and that the daemon still reads
DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR."""


def test_private_parts_of_dagster_were_read_for_the_version_in_the_lock() -> None:
    assert version("dagster") == TRIED_WITH
    users = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "pyzn_pipeline").rglob("*.py")
        if "dagster._" in path.read_text(encoding="utf-8")
    }
    assert users == {
        "pyzn_pipeline/instance/instance.py",
        "pyzn_pipeline/instance/run_coordinator.py",
        "pyzn_pipeline/instance/run_launcher.py",
        "pyzn_pipeline/wanted_days/defs.py",
        "pyzn_pipeline/webserver/__main__.py",
    }
