"""Schemathesis over the OpenAPI document, all phases, against a server on a socket; small, and always the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.conftest import hashed, serving, settings
from tests.conftest import Database

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def test_every_answer_is_as_documented(stocked: Database, tmp_path: Path) -> None:
    with serving(settings(stocked.api_url, admin_password_hash=hashed("open sesame"))) as client:
        documented = len(client.get("/openapi.json").json()["paths"])
        tried = subprocess.run(
            [
                Path(sys.executable).with_name("st"), "--config-file", CONFIGURATION,
                "run", f"{client.base_url}/openapi.json", "--seed", "1", "--max-examples", "3", "--workers", "1",
                "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all",
            ],
            cwd=tmp_path,  # it keeps its findings there
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )  # fmt: skip
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert f"{documented} selected / {documented} total" in tried.stdout
