"""A newcomer's two commands: a PyZn that follows a mirror over HTTP, without any setting of BigQuery."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.days import Download
from tests.exports.conftest import exported
from tests.stack.conftest import Pyzn, pyzn_at
from tests.store.publishing import publish, rows
from tests.web import WebServer, serving_folder

pytestmark = pytest.mark.slow

DAYS = [datetime.now(UTC).date() - timedelta(days=n) for n in range(37, 0, -1)]
DOWNLOADS = {day: 1000 + day.toordinal() % 7 for day in DAYS}


@pytest.fixture
def web(store: Engine, tmp_path: Path) -> Iterator[WebServer]:
    """A web server with 37 exported days."""
    for day in DAYS:
        publish(store, day, [Download("requests", times=DOWNLOADS[day])])
    exported(store, tmp_path / "export")
    with serving_folder(tmp_path / "export") as served:
        yield served


@pytest.fixture
def up(web: WebServer, tmp_path: Path) -> Iterator[Pyzn]:
    """A stack that was started with the mirror alone."""
    command = pyzn_at(tmp_path / "home")
    started = command("up", "--detach", PYZN_MIRROR_URL=web.url)
    assert started.returncode == 0, started.stderr
    assert f"backfilling 35 days of {web.url} through Dagster" in started.stdout
    assert "SYNTHETIC" not in started.stdout
    yield command
    command("down")


def test_a_mirror_is_all_that_a_newcomer_needs(up: Pyzn, store: Engine, web: WebServer) -> None:
    assert not [name for name in up.settings if "BIGQUERY" in name]
    downloads = up.get("/api/v2/projects/requests")["downloads"]
    assert downloads == {str(day): {"1.0": DOWNLOADS[day]} for day in DAYS[-35:]}
    content = "SELECT day, revision, downloads, checksum FROM pyzn.days ORDER BY day"
    assert up.rows(content) == rows(store, content)[-35:]
    assert up.rows("SELECT DISTINCT source, bytes_billed FROM pyzn.days") == [(web.url, 0)]
    checked = up("check").stdout
    assert f"ok     source      {web.url} has 37 days, {DAYS[0]} to {DAYS[-1]}" in checked
    assert "a mirror bills nothing" in checked
    assert up("verify", str(DAYS[2]), str(DAYS[-1])).stdout.endswith("35 of 35 days proven\n")
