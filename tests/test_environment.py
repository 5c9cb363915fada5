"""No test sees the settings of whoever runs it, nor does anything that a test starts."""

import os
import subprocess
import sys

import pytest

from tests.deployment.compose import ROOT

HOSTILE = {
    "PYZN_API_PORT": "1",
    "PYZN_DATABASE_URL": "postgresql://the:callers@127.0.0.1:9/own",
    "PYZN_API_CACHE_BYTES": "-1",
    "pyzn_bigquery_project": "the-callers-own",
    "PYZN_BIGQUERY_LOCATION": "EU",
    "PYZN_HOME": "/nowhere",
    "DAGSTER_HOME": "/nowhere",
    "PGHOST": "127.0.0.1",
    "PGPORT": "9",
    "PGOPTIONS": "-c datestyle=SQL,DMY",
    "PGCLIENTENCODING": "LATIN1",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere",
    "GOOGLE_CLOUD_PROJECT": "the-callers-own",
    "CLOUDSDK_CONFIG": "/nowhere",
    "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9",
}


@pytest.mark.parametrize("module", ["tests", "tests.deployment.survival", "chaos", "bench"])
def test_no_setting_of_the_caller_is_seen(module: str) -> None:
    seen = subprocess.run(
        [sys.executable, "-c", f"import {module}, os; print(*os.environ.items(), sep='\\n')"],
        cwd=ROOT, env=os.environ | HOSTILE, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert [item for item in map(str, HOSTILE.items()) if item in seen] == []
