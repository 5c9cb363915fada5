"""The OpenAPI document and docs/api.md are exact: real examples, valid schemas, and nothing left out."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.api.conftest import hashed, serving, settings
from tests.conftest import Database

TEXT = Path(__file__).parents[2].joinpath("docs", "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```sh\ncurl '(?:http://127\.0\.0\.1:5200)([^'\n]+)'\n```\n\n```(\w+)\n(.*?)```", TEXT, re.DOTALL
)
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
QUERIES: dict[str, dict[str, str | list[str]]] = {
    "/api/v4/projects": {"name": ["SampleProject", "no-such-project"]},
    "/api/v4/days": {"start": "2026-07-17"},
    "/api/v4/series": {"name": ["sampleproject", "busy"], "start": "2026-07-17"},
    "/api/v4/events": {"start": "2026-08-21"},
}

PICTURES = ("/badge/", "/personalized-badge/", "/chart/")
NO_404 = tuple(f"/api/packages/{{project}}/{by}" for by in ("python_major", "python_minor", "system"))


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> Any:
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[str, Any]:
    """The documented operation of each path: all have but GET."""
    found = {path: operation["get"] for path, operation in document["paths"].items()}
    assert len(found) > 30
    return found


def test_every_schema_is_one_of_json_schema_as_openapi_3_1_wants(document: Any, operations: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemas = dict(document["components"]["schemas"])
    for path, operation in operations.items():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])
            schemas[f"{path} {parameter['name']}"] = parameter["schema"]
    assert len(schemas) > 40
    for name, schema in schemas.items():
        assert "nullable" not in schema, f"{name}: a word of OpenAPI 3.0"
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_route_has_a_summary_and_every_error_an_example(operations: dict[str, Any]) -> None:
    for path, operation in operations.items():
        responses = operation["responses"]
        assert operation["summary"], path
        assert {"200", "405"} <= set(responses), path
        assert "422" not in responses, path
        # pypistats.org has no data of an unknown project, instead of an error.
        known = "{project}" in path and not path.startswith(NO_404)
        assert ("404" in responses) == known, path
        for status in responses.keys() - {"200"}:
            content = responses[status]["content"]
            if status == "404" and path.startswith(PICTURES):
                assert list(content) == ["image/svg+xml"], path
            else:
                error = content["application/json"]
                assert error["schema"] == {"$ref": "#/components/schemas/Error"}, (path, status)
                assert error["example"]["error"] == int(status), path


def test_every_example_is_a_real_answer_and_fits_its_schema(
    client: httpx.Client, document: Any, operations: dict[str, Any]
) -> None:
    other = {"csv": "text/csv", "atom": "application/atom+xml"}
    for path, operation in operations.items():
        content = operation["responses"]["200"]["content"]
        if path.startswith(PICTURES):
            assert list(content) == ["image/svg+xml"]
        elif kind := other.get(path.rpartition(".")[2]):
            assert list(content) == [kind]
        elif not path.startswith("/api/v1/admin/"):  # closed here
            schema, example = (content["application/json"][part] for part in ("schema", "example"))
            answer = client.get(path.replace("{project}", "sampleproject"), params=QUERIES.get(path)).text
            assert answer == json.dumps(example, ensure_ascii=False, separators=(",", ":")), path  # in its order
            jsonschema.validate(example, {**schema, "components": document["components"]})


def test_the_documented_errors_are_real(client: httpx.Client, operations: dict[str, Any]) -> None:
    responses = operations["/api/v3/pro/projects/{project}/downloads"]["responses"]
    asked = {
        "400": client.get("/api/v3/pro/projects/sampleproject/downloads?timeRange=TWO_WEEKS"),
        "401": client.get("/api/v1/admin/projects/sampleproject"),
        "404": client.get("/api/v3/pro/projects/no-such-project/downloads"),
        "405": client.post("/api/v3/pro/projects/sampleproject/downloads"),
    }
    for status, response in asked.items():
        assert response.json() == responses[status]["content"]["application/json"]["example"]


def test_the_page_to_try_it_needs_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    files = [part for part in page.text.split('"') if part.startswith("docs/")]
    assert len(files) == 4
    for name in files:
        assert client.get(f"/{name}").status_code == 200, name
    assert "SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").text
    assert '"openapi.json"' in client.get("/docs/start.js").text


@pytest.mark.slow
def test_every_answer_is_as_documented(stocked: Database, operations: dict[str, Any], tmp_path: Path) -> None:
    """Schemathesis over the document, all phases, against a server on a socket; small, and always the same."""
    with serving(settings(stocked.api_url, admin_password_hash=hashed("open sesame"))) as client:
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
    assert f"{len(operations)} selected / {len(operations)} total" in tried.stdout


def test_every_example_is_what_the_server_answers(client: httpx.Client) -> None:
    assert len(EXAMPLES) >= 13
    for path, kind, shown in EXAMPLES:
        response = client.get(path)
        if kind == "json":
            assert response.json() == json.loads(shown), path
        else:
            assert response.text.splitlines() == shown.splitlines(), path


def test_the_example_of_the_status_has_its_members(client: httpx.Client) -> None:
    (shown,) = re.findall(r'```json\n(\{"ready".*?)```', TEXT, re.DOTALL)
    answer = client.get("/api/v4/status").json()
    assert list(json.loads(shown)) == list(answer)
    assert set(json.loads(shown)["missing"]) <= set(answer["missing"])


def test_every_route_is_documented_with_every_parameter_and_its_choices(operations: dict[str, Any]) -> None:
    for path in [*operations, "/metrics", "/docs", "/openapi.json"]:
        chapter = next(chapter for chapter in TEXT.split("\n## ") if f"`{path}" in chapter)
        words = set(re.split(r"\W+", " ".join(re.findall("`([^`\n]+)`", chapter))))
        for parameter in operations.get(path, {}).get("parameters", []):
            if parameter["in"] == "query":
                assert {parameter["name"], *parameter["schema"].get("enum", [])} <= words, path
