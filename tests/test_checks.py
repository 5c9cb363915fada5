"""`make check` fails for what it is there to find: the mistakes are made in a copy of the tree."""

import re
import shutil
import subprocess

import pytest

from tests.deployment import survival
from tests.deployment.compose import ROOT

MISTAKES = {
    "an API module that imports the pipeline": (
        "check-imports", "pyzn_api/names.py", "from collections.abc import Sequence\n",
        "from collections.abc import Sequence\nfrom pyzn_pipeline.errors import PyznError  # noqa: F401\n",
        "pyzn_api is not allowed to import pyzn_pipeline",
    ),
    "a public function without a docstring": (
        "check-style", "pyzn_pipeline/names.py", "import re", "import re\n\n\ndef shout() -> None: ...\n", "D103",
    ),
    "a migration that drops a column": (
        "check-migrations", "pyzn_pipeline/store/migrations/versions/0001_the_schema.sql", "-- The ledger:",
        "ALTER TABLE pyzn.days DROP COLUMN downloads;\n-- The ledger:", "ban-drop-column",
    ),
    "a workflow with a key that is none of GitHub's": (
        "check-workflows", ".github/workflows/ci.yml", "timeout-minutes:", "timeout-minute:", "timeout-minute",
    ),
    "a workflow that runs what a stranger writes": (
        "check-workflows", ".github/workflows/ci.yml", "run: make check", 'run: echo "${{ github.head_ref }}"',
        "template-injection",
    ),
    "an action that is not pinned by its hash": (
        "check-workflows", ".github/workflows/ci.yml", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5",
        "unpinned-uses",
    ),
    "a link to a page that is not there": (
        "check-docs", "docs/scale.md", "# Scale", "# Scale\n\n[x](nowhere.md)", "nowhere.md",
    ),
    "a link from the README to a source file that is not there": (
        "check-docs", "README.md", "# PyZn", "# PyZn\n\n[x](pyzn_api/nowhere.py)", "pyzn_api/nowhere.py",
    ),
    "a link to a heading that is not there": (
        "check-docs", "docs/scale.md", "# Scale", "# Scale\n\n[x](api.md#nowhere)", "#nowhere",
    ),
}  # fmt: skip
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of the checks over a copy of the tree with all of the mistakes, each tool run to its end."""
    tree = tmp_path_factory.mktemp("tree")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    for _, name, right, wrong, _ in MISTAKES.values():
        text = (tree / name).read_text()
        assert right in text, name
        (tree / name).write_text(text.replace(right, wrong, 1))
    targets = {target for target, *_ in MISTAKES.values()}
    # The environment is taken as it is, whatever the times of the copied files are.
    command = ["make", "--ignore-errors", "--old-file", ".venv/complete", *targets]
    ran = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return ran.stdout


@pytest.mark.parametrize("mistake", MISTAKES)
def test_make_check_finds_it_and_fails(mistake: str, found: str) -> None:
    target, *_, message = MISTAKES[mistake]
    assert message in found
    assert re.search(rf"{target}\S* Error 1 \(ignored\)", found), found


def test_the_night_kills_its_parts_as_survive_takes_it() -> None:
    nightly = (ROOT / ".github" / "workflows" / "nightly.yml").read_text()
    ((days, kills),) = re.findall(r"make survive DAYS=(\d+) KILLS=(\d+)", nightly)
    survival.main.make_context("survive", ["--days", days, "--kills", kills])
