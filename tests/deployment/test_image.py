"""The Dockerfile installs the lock's versions of everything that production needs, and every file of the packages."""

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deployment.compose import ROOT

LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.12", "python_full_version": "3.12"}


def locked() -> set[str]:
    """Return the names in requirements.lock."""
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Return the names of everything that `name` with `extras` brings on the image's platform, itself included."""
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    found = {name}
    for requirement in map(Requirement, requires(name) or []):
        if requirement.marker is None or any(
            requirement.marker.evaluate(LINUX | {"extra": extra}) for extra in extras | {""}
        ):
            found |= needed(canonicalize_name(requirement.name), frozenset(requirement.extras), seen)
    return found


@pytest.mark.parametrize(
    "extras", [frozenset[str](), frozenset({"k8s"}), frozenset({"local"})], ids=["production", "k8s", "demo"]
)
def test_the_lock_pins_everything_that_the_image_installs(extras: frozenset[str]) -> None:
    # The lock is given to uv as constraints: a name that is not in it would come in any version.
    brought = needed("pyzn", extras, set()) - {"pyzn"}
    assert len(brought) > 50
    assert brought <= locked()
    assert ("sqlglot" in brought) == ("local" in extras)
    assert ("dagster-k8s" in brought) == ("k8s" in extras)
    assert "pytest" not in brought


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "pyzn_*"], cwd=ROOT, capture_output=True, text=True, check=True)
    packaged = tracked.stdout.split()
    for name in ["pyproject.toml", "README.md", "LICENSE", *packaged]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(
        [Path(sys.executable).with_name("uv"), "build", "--quiet", "--offline", "--no-build-isolation", "--wheel",
         "--python", sys.executable, "--out-dir", "dist"],
        cwd=tmp_path,
        check=True,
    )  # fmt: skip
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert set(packaged) - set(zipfile.ZipFile(wheel).namelist()) == set()


@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [(["up"], 2, "No such command 'up'"), (["--help"], 0, "migrate")],
)
def test_without_the_embedded_stack_the_command_has_no_part_in_it(
    arguments: list[str], status: int, output: str
) -> None:
    production, _, demo = (ROOT / "Dockerfile").read_text().partition("AS build-demo")
    assert "pyzn_local" not in production
    assert "COPY pyzn_local" in demo
    script = "import sys; sys.modules['pyzn_local'] = None; import pyzn_cli; pyzn_cli.main()"
    ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert (ran.returncode, output in ran.stdout + ran.stderr) == (status, True), ran
    assert "embedded" not in ran.stdout
    assert "Start PyZn" not in ran.stdout
