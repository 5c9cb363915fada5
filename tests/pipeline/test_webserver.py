"""The guard before Dagster's webserver: requests by HTTP and WebSocket, and a foreign page in a real browser."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from pyzn_local.ports import free_port
from pyzn_pipeline.backfills.dagster_client import ask
from pyzn_pipeline.environment import SettingsError
from pyzn_pipeline.settings import WebserverSettings, load
from tests.browser import browser
from tests.waiting import wait_until
from tests.web import WebServer

JOB = """
from dagster import Definitions, job, op

@op
def greet():
    pass

@job
def greeting():
    greet()

defs = Definitions(jobs=[greeting])
"""
JSON = "application/json"
CHANGE = 'mutation { setConcurrencyLimit(concurrencyKey: "%s", limit: 1) }'
CHANGED = "{ instance { concurrencyLimits { concurrencyKey } } }"
MUTATION = CHANGE % "attacked"
BODY = json.dumps({"query": MUTATION})
GET_MUTATION = f"/graphql?query={quote(MUTATION)}"
FOREIGN = "http://pages.example"


@dataclass(frozen=True)
class Webserver:
    """A running webserver."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> requests.Response:
        """Answer to a request with exactly these headers."""
        prepared = requests.Request(method, f"{self.url}{path}", data=body).prepare()
        prepared.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        with requests.Session() as session:
            return session.send(prepared, timeout=60)

    def changed(self) -> set[str]:
        """The keys that mutations have set."""
        return {limit["concurrencyKey"] for limit in ask(self.url, CHANGED)["instance"]["concurrencyLimits"]}

    def attacked(self, method: str, path: str, body: str = BODY, **headers: str) -> tuple[int, str]:
        """Answer to an attack, which changes nothing."""
        answer = self.ask(method, path, body, **headers)
        assert "attacked" not in self.changed()
        return answer.status_code, answer.text


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    """The webserver with one job, and the public name dagster.example.org."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    (home / "greeting.py").write_text(JOB)
    (home / "workspace.yaml").write_text("load_from:\n  - python_file: greeting.py\n")
    port = free_port()
    command = [sys.executable, "-m", "pyzn_pipeline.webserver", "--port", str(port), "--workspace", "workspace.yaml"]
    environment = os.environ | {"DAGSTER_HOME": str(home), "PYZN_DAGSTER_HOSTS": "dagster.example.org"}
    log = (home / "log").open("wb")
    with log, subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: process.poll() is not None or _answers(port))
            assert process.poll() is None, (home / "log").read_text()
            yield Webserver(port)
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/server_info", timeout=60).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("method", "content_type"),
    [
        ("GET", None),
        ("HEAD", None),
        ("POST", None),
        ("POST", "application/x-www-form-urlencoded"),
        ("POST", "text/plain; application/json"),
        ("POST", "application/graphql"),
    ],
)
def test_a_mutation_in_a_form_that_any_page_can_send_is_refused(
    webserver: Webserver, method: str, content_type: str | None
) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    body = MUTATION if content_type == "application/graphql" else BODY
    status, text = webserver.attacked(method, GET_MUTATION, body, **headers)
    assert status == (415 if method == "POST" else 405)
    assert method == "HEAD" or "application/json" in text


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "https://localhost", "http://[", ""])
def test_a_page_of_another_origin_changes_nothing(webserver: Webserver, origin: str) -> None:
    for path in ("/graphql", "/report_asset_check/attacked"):
        status, text = webserver.attacked("POST", path, Content_Type=JSON, Origin=origin)
        assert status == 403
        assert text.startswith(f"A page of {origin!r} may not use the Dagster UI at '127.0.0.1:{webserver.port}'")


@pytest.mark.parametrize("host", ["pages.example", "localhost.pages.example:3000", "127.0.0.1.pages.example", "x@y"])
def test_a_name_that_somebody_lets_lead_here_is_refused(webserver: Webserver, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/logs/a.out"), ("POST", "/graphql")):
        status, text = webserver.attacked(method, path, Host=host, Content_Type=JSON)
        assert status == 403
        assert text.startswith(f"The Dagster UI is not reached by the name {host!r}: use localhost")


def test_reports_of_assets_are_json_too(webserver: Webserver) -> None:
    for action in ("materialization", "observation", "check"):
        assert webserver.ask("POST", f"/report_asset_{action}/attacked").status_code == 415
    assert ask(webserver.url, "{ assetsOrError { ... on AssetConnection { nodes { id } } } }") == {
        "assetsOrError": {"nodes": []}
    }


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8000", None),
        ("localhost:8000", "http://localhost:8000"),  # ssh -L 8000:127.0.0.1:3000
        ("[::1]:3000", "http://[::1]:3000"),
        ("LOCALHOST:3000", "http://localhost:3000"),
        ("192.0.2.7", "https://192.0.2.7"),
        ("dagster.example.org", "https://dagster.example.org"),
        ("127.0.0.1:3000", "https://dagster.example.org"),  # a proxy that sends on another Host
    ],
)
def test_the_ui_and_programs_may_change_something(webserver: Webserver, host: str, origin: str | None) -> None:
    key = f"own {host} {origin}"
    headers = {"Origin": origin} if origin else {}
    body = json.dumps({"query": CHANGE % key})
    assert webserver.ask("POST", "/graphql", body, Host=host, Content_Type=JSON, **headers).status_code == 200
    assert key in webserver.changed()
    assert webserver.ask("GET", "/", Host=host, **headers).headers["X-Frame-Options"] == "SAMEORIGIN"


def test_the_page_to_try_queries_in_is_still_there(webserver: Webserver) -> None:
    _, text = webserver.attacked("GET", GET_MUTATION, Accept="text/html")
    assert "GraphiQL" in text


@pytest.mark.parametrize(
    ("origin", "status"), [(None, 101), ("http://127.0.0.1:{port}", 101), (FOREIGN, 403), ("null", 403)]
)
def test_a_web_socket_is_for_the_ui_and_for_programs(webserver: Webserver, origin: str | None, status: int) -> None:
    def opened() -> ClientConnection:
        own = Origin(origin.format(port=webserver.port)) if origin else None
        address = f"ws://127.0.0.1:{webserver.port}/graphql"
        return connect(address, proxy=None, subprotocols=[Subprotocol("graphql-ws")], origin=own)

    if status == 403:
        with pytest.raises(InvalidStatus) as error:
            opened()
        assert error.value.response.status_code == 403
        assert b"Dagster UI" in (error.value.response.body or b"")
    else:
        with opened() as connection:
            connection.send('{"type": "connection_init"}')
            assert json.loads(connection.recv(timeout=60)) == {"type": "connection_ack"}


def test_in_a_browser_the_ui_launches_a_run_and_a_foreign_page_does_not(webserver: Webserver) -> None:
    launched = "{ runsOrError { ... on Runs { results { pipelineName } } } }"
    with _foreign_page(webserver) as address, browser() as chromium:
        page = chromium.new_page()
        page.goto(address)
        expect(page.locator("#done")).to_have_text("image, form, text, JSON, socket: refused")
        expect(page.frame_locator("iframe[name=answer]").locator("body")).to_contain_text("may not use the Dagster UI")
        assert "attacked" not in webserver.changed()

        page.goto(f"{webserver.url}/locations/greeting.py/jobs/greeting/playground")
        page.get_by_role("button", name="Launch Run").click()
        expect(page.get_by_text("This run is queued")).to_be_visible()  # for the daemon, which does not run here
        assert ask(webserver.url, launched)["runsOrError"]["results"] == [{"pipelineName": "greeting"}]


ATTACK = """
<iframe name="answer"></iframe>
<form method="post" target="answer" action="URL/graphql?query=QUERY" enctype="text/plain"><input name="a"></form>
<p id="done"></p>
<script>
  const ended = [];
  const note = (name) => {
    ended.push(name);
    if (ended.length === 5) done.textContent = "image, form, text, JSON, socket: refused";
  };
  const image = new Image();
  image.onerror = () => note("image");
  image.src = "URL/graphql?query=QUERY";
  document.querySelector("iframe").onload = () => note("form");
  document.forms[0].submit();
  const query = JSON.stringify({query: decodeURIComponent("QUERY")});
  fetch("URL/graphql?query=QUERY", {method: "POST", mode: "no-cors", body: query}).then(() => note("text"));
  fetch("URL/graphql", {method: "POST", headers: {"Content-Type": "application/json"}, body: query})
    .catch(() => note("JSON"));
  new WebSocket("URL/graphql".replace("http", "ws"), "graphql-ws").onerror = () => note("socket");
</script>
"""


@contextmanager
def _foreign_page(webserver: Webserver) -> Iterator[str]:
    """Serve a page at another port of this machine that attacks the webserver when it is opened; yields its address."""
    page = ATTACK.replace("URL", webserver.url).replace("QUERY", quote(MUTATION)).encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

    with WebServer(Page) as server:
        yield f"{server.url}/"


@pytest.mark.parametrize("value", ["https://dagster.example.org", "dagster.example.org:443", "*", "a,*.example.org"])
def test_a_name_that_no_browser_sends_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PYZN_DAGSTER_HOSTS", value)
    with pytest.raises(SettingsError, match=r"PYZN_DAGSTER_HOSTS='.*': expected names such as"):
        load(WebserverSettings)


def test_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYZN_DAGSTER_HOSTS", "webserver, Dagster.example.org,")
    assert load(WebserverSettings).dagster_hosts == ["webserver", "dagster.example.org"]
