"""Badges: the right number, cut down; nothing a client sends gets into the SVG unescaped."""

from typing import NamedTuple
from xml.etree import ElementTree as ET

import httpx
import pytest
from PIL import ImageColor

from pyzn_api.badges import Units, abbreviated, parse_color, svg
from tests.site.pictures import SVG

PERSONALIZED = "/personalized-badge/sampleproject"
GREY_AND_BLUE, GREEN = ["#555", "#007ec6"], ["#008000", "#008000"]


class Badge(NamedTuple):
    """A badge as it is drawn: left and right."""

    texts: list[str | None]
    colors: list[str | None]
    text_colors: list[str | None]
    width: int


def parse(picture: str | bytes) -> Badge:
    root = ET.fromstring(picture)  # noqa: S314  # our own answer
    texts = [text for text in root.iter(f"{SVG}text") if text.get("aria-hidden") is None]  # without their shadows
    colors = [rect.get("fill") for rect in root.iter(f"{SVG}rect")][1:3]
    return Badge([text.text for text in texts], colors, [text.get("fill") for text in texts], int(root.attrib["width"]))


def badge(response: httpx.Response, status: int = 200) -> Badge:
    assert (response.status_code, response.headers["content-type"]) == (status, "image/svg+xml"), response.text
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["cache-control"] == ("public, max-age=86400" if status == 200 else "no-store")
    return parse(response.text)


@pytest.mark.parametrize(
    ("number", "units", "shown"),
    [
        (0, "international_system", "0"),
        (999, "international_system", "999"),
        (1_999, "international_system", "1k"),
        (999_999, "international_system", "999k"),
        (2_999_999_999, "international_system", "2G"),
        (2_999_999_999, "abbreviation", "2B"),
        (5 * 10**12, "international_system", "5T"),
        (7 * 10**15, "abbreviation", "7Q"),
        (7 * 10**18, "international_system", "7000P"),
        (1_234_567, "none", "1234567"),
    ],
)
def test_numbers_are_floored_to_the_prefix(number: int, units: Units, shown: str) -> None:
    assert abbreviated(number, units) == shown


OWN = f"{PERSONALIZED}?period=week&left_color=BLACK&right_color=F0A&left_text=last+week&units=none"
# As READMEs of the newer site write it.
NEWER = f"{PERSONALIZED}?period=monthly&units=INTERNATIONAL_SYSTEM&left_color=MAGENTA&right_color=BRIGHTGREEN"
# The text and colour of both sides.
BADGES = {
    "/badge/sampleproject": (["downloads", "319"], GREY_AND_BLUE),
    "/badge/sampleproject/month": (["downloads/month", "227"], GREY_AND_BLUE),
    "/badge/sampleproject/week": (["downloads/week", "215"], GREY_AND_BLUE),
    "/badge/busy": (["downloads", "10k"], GREY_AND_BLUE),
    "/badge/quiet/month": (["downloads/month", "0"], GREY_AND_BLUE),
    OWN: (["last week", "215"], ["#000000", "#f0a"]),
    NEWER: (["downloads/month", "227"], ["#ff00ff", "#4c1"]),
    PERSONALIZED: (["downloads/month", "319"], GREEN),
}
IN_ANY_CASE = {"period=Total": "319", "period=TOTAL": "319", "period=MONTH": "227", "period=Monthly": "227"}
IN_ANY_CASE |= {"period=week": "215", "period=WEEKLY": "215", "units=NONE": "319", "units=Abbreviation": "319"}
BADGES |= {f"{PERSONALIZED}?{query}": (["downloads/month", shown], GREEN) for query, shown in IN_ANY_CASE.items()}


@pytest.mark.parametrize("path", BADGES)
def test_a_badge_is_as_requested_in_any_case(client: httpx.Client, path: str) -> None:
    assert badge(client.get(path))[:2] == BADGES[path]


def test_a_colour_is_drawn_as_css_draws_it_or_else_as_shields_does() -> None:
    # PIL keeps a table of its own of the 148 names of CSS Color Level 4.
    assert len(ImageColor.colormap) == 148
    assert {name: parse_color(name.upper()) for name in ImageColor.colormap} == ImageColor.colormap
    others = {"f0a": "#f0a", "#F0A8": "#f0a8", "00ff00": "#00ff00", "#11223380": "#11223380", "transparent": "#0000"}
    others |= {"brightgreen": "#4c1", "Success": "#4c1", "important": "#fe7d37", "critical": "#e05d44"}
    others |= {"informational": "#007ec6", "inactive": "#9f9f9f"}
    assert {color: parse_color(color) for color in others} == others


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/badge/no-such-project", "downloads"),
        ("/badge/-/month", "downloads/month"),
        ("/badge/a%00b/week", "downloads/week"),
        ("/personalized-badge/<script>?left_text=ours", "ours"),
    ],
)
def test_the_badge_of_an_unknown_project_shows_that(client: httpx.Client, path: str, left: str) -> None:
    assert badge(client.get(path), 404)[:2] == ([left, "unknown project"], ["#555", "#9f9f9f"])


@pytest.mark.parametrize(
    "text",
    ["<&>\"'", "</text><script>alert(1)</script>", "{0} %s ]]>", "\U0001f40d é \U0001f469\u200d\U0001f4bb"],
)
def test_any_text_is_shown_as_it_is(client: httpx.Client, text: str) -> None:
    response = client.get(PERSONALIZED, params={"left_text": text})
    assert badge(response).texts[0] == text
    assert "<script" not in response.text


def test_a_text_is_readable_on_any_colour() -> None:
    for light, dark in (("#fff", "#000"), ("#0001", "#00000080")):
        assert parse(svg("a", "1", light, dark)).text_colors == ["#333", "#fff"]


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("\u00e9t\u00e9", "ete"),
        ("e\u0301te\u0301", "ete"),
        ("\u0441\u043a\u0430\u0447", "aaaa"),  # Cyrillic
        ("\u4e0b\u8f7d", "MMM"),  # Chinese, wider than any Latin letter
    ],
)
def test_a_badge_is_as_wide_as_its_texts_of_any_alphabet(text: str, like: str) -> None:
    narrow, wide, expected = (parse(svg(each, "1", "#555", "#555")).width for each in ("i", text, like))
    assert narrow < wide
    assert abs(wide - expected) <= 6
