"""What nobody sends by accident, on every route: never a 5xx, and never an SVG that does anything."""

from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.api.hostile import PARTS

SVG = "{http://www.w3.org/2000/svg}"
BADGE = {SVG + name for name in ("svg", "title", "linearGradient", "stop", "clipPath", "rect", "g", "text")}
CHART = {SVG + name for name in ("svg", "title", "g", "path", "line", "rect", "text")}


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> dict[str, list[str]]:
    """Every documented path, and the names of its query parameters."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    found = {
        path: [each["name"] for each in item["get"].get("parameters", []) if each["in"] == "query"]
        for path, item in paths.items()
    }
    return found | {"/metrics": [], "/docs": [], "/openapi.json": [], "/docs/{project}": [], "/{project}": []}


def assert_harmless(response: httpx.Response) -> None:
    """The client's error or an answer; an SVG of drawing elements only, an error in the envelope."""
    where = str(response.url)[:300]
    assert response.status_code < 500, where
    assert "x-injected" not in response.headers, where
    if response.headers.get("content-type") == "image/svg+xml":
        elements = CHART if response.url.path.startswith("/chart/") else BADGE
        for element in ET.fromstring(response.text).iter():  # noqa: S314  # our own answer
            assert element.tag in elements, where
            assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")], where
    elif response.status_code >= 400:
        assert response.json()["error"] == response.status_code, where


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_any_name_on_every_route(client: httpx.Client, operations: dict[str, list[str]], part: int) -> None:
    for path in operations:
        if "{project}" in path:
            assert_harmless(client.get(path.replace("{project}", PARTS[part])))


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_any_value_of_every_parameter_repeated(
    client: httpx.Client, operations: dict[str, list[str]], part: int
) -> None:
    for path, names in operations.items():
        sample = path.replace("{project}", "sampleproject")
        for name in names:
            assert_harmless(client.get(f"{sample}?{name}={PARTS[part]}&{name}={PARTS[part]}"))
        assert_harmless(client.get(f"{sample}?{PARTS[part]}&x={PARTS[part]}&&=&"))


@pytest.mark.parametrize("start", ["0001-01-01", "1970-01-01", "2026-07-19", "9999-12-31"])
def test_huge_and_reversed_ranges(client: httpx.Client, operations: dict[str, list[str]], start: str) -> None:
    ranged = [path.replace("{project}", "sampleproject") for path, names in operations.items() if "start" in names]
    assert len(ranged) == 1 + len(BREAKDOWNS)
    for path in ranged:
        for end in ("0001-01-01", "1970-01-01", "2026-07-19", "9999-12-31"):
            for granularity in ("day", "week", "month"):
                assert_harmless(client.get(f"{path}?start={start}&end={end}&granularity={granularity}"))
        assert_harmless(client.get(f"{path}?start={start}&" + "end=2026-07-19&" * 500))
