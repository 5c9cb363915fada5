"""The embedded PostgreSQL starts wherever its programs lie."""

import shutil
from pathlib import Path

import pytest

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres, binary


def test_it_starts_from_a_folder_that_only_its_user_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "private"  # as /root is, where root has cloned the project
    private.mkdir(mode=0o700)
    package = Path(binary("postgres")).parents[2]
    for folder in (package.name, f"{package.name}.libs"):
        if (package.parent / folder).exists():  # the libraries are beside the package on Linux alone
            shutil.copytree(package.parent / folder, private / folder, ignore=shutil.ignore_patterns("pginstall"))
    monkeypatch.syspath_prepend(private)

    with Postgres(private / "home", free_port()).running() as server:
        assert server.is_ready()
    assert private.stat().st_mode & 0o777 == 0o700
