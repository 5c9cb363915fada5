"""The process that draws charts: killed, hung, worn out and asked for too much, it costs no more than its charts."""

from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from pyzn_site.charts import process
from tests.api.conftest import serving, settings
from tests.conftest import Database
from tests.site.test_charts import BY, CHART, drawn


def drawing() -> list[psutil.Process]:
    """The processes that draw for servers of this test process."""
    return [each for each in psutil.Process().children() if "pyzn_site.charts.drawing" in each.cmdline()]


def test_a_process_that_is_killed_is_replaced_and_none_outlives_its_server(stocked: Database) -> None:
    others = set(drawing())
    with serving(settings(stocked.api_url, cache_bytes=0)) as client:
        assert not set(drawing()) - others  # there is none before the first chart
        drawn(client.get(CHART))
        (first,) = set(drawing()) - others
        first.kill()  # which nobody notices
        drawn(client.get(CHART))
        (second,) = set(drawing()) - others
        assert second.nice() > psutil.Process().nice()
    assert not second.is_running()


def test_a_process_that_hangs_costs_a_503_and_is_replaced(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    others = set(drawing())
    with serving(settings(stocked.api_url, cache_bytes=0)) as client:
        drawn(client.get(CHART))
        (hung,) = set(drawing()) - others
        hung.suspend()
        with monkeypatch.context() as impatient:
            impatient.setattr(process, "SECONDS", 0.5)
            response = client.get(CHART)
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert client.get("/badge/sampleproject").status_code == 200
        drawn(client.get(CHART))


def test_charts_are_drawn_by_a_new_process_now_and_then(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_DRAWN", 2)
    others, seen = set(drawing()), set()
    with serving(settings(stocked.api_url, cache_bytes=0)) as client:
        for _ in range(5):
            drawn(client.get(CHART))
            seen |= set(drawing()) - others
    assert len(seen) == 3


def test_too_many_charts_at_once_are_refused_and_the_others_drawn(
    stocked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_WAITING", 3)
    with serving(settings(stocked.api_url)) as client, ThreadPoolExecutor(10) as threads:
        queries = [f"{CHART}?by={by}&theme={theme}" for by in BY for theme in ("light", "dark")]
        statuses = [response.status_code for response in threads.map(client.get, queries)]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 3
