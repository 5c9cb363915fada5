"""Requests of `pyzn` to this machine go through no proxy; all others do."""

import pytest
from requests.utils import get_environ_proxies

import pyzn_cli
from tests.local.conftest import Connected, connected

PROXY = "http://127.0.0.1:9"  # nothing listens there


@pytest.mark.parametrize("given", ["", "intranet.example"])
def test_loopback_is_asked_directly_and_google_by_the_proxy(
    bq: Connected, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "grpc_proxy"):
        monkeypatch.setenv(name, PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, given)

    pyzn_cli.bypass_proxy_on_loopback()

    with connected(bq.server) as fresh:
        rows = fresh.query("SELECT 7 AS n").result()
        assert rows.to_arrow(bqstorage_client=fresh.storage).to_pylist() == [{"n": 7}]
    assert get_environ_proxies("https://bigquery.googleapis.com")["https"] == PROXY
    assert not given or not get_environ_proxies(f"http://{given}")
