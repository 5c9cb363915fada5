"""docs/api.md: every example is what the server answers, every route and setting is in it."""

import json
import re
from pathlib import Path

import httpx

TEXT = Path(__file__).parents[2].joinpath("docs", "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```sh\ncurl '(?:http://127\.0\.0\.1:5200)([^'\n]+)'\n```\n\n```(\w+)\n(.*?)```", TEXT, re.DOTALL
)


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


def test_every_route_is_documented(client: httpx.Client) -> None:
    for path in [*client.get("/openapi.json").json()["paths"], "/metrics", "/docs", "/openapi.json"]:
        assert f"`{path}" in TEXT, path


def test_every_parameter_and_its_choices_are_documented(client: httpx.Client) -> None:
    tried = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        chapter = next(chapter for chapter in TEXT.split("\n## ") if f"`{path}" in chapter)
        words = set(re.split(r"\W+", " ".join(re.findall("`([^`\n]+)`", chapter))))
        for parameter in operations["get"].get("parameters", []):
            if parameter["in"] == "query":
                for word in [parameter["name"], *parameter["schema"].get("enum", [])]:
                    assert word in words, (path, word)
                    tried += 1
    assert tried > 50
