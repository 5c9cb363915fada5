"""Badges: the right number, cut down; nothing a client sends gets into the SVG unescaped."""

from xml.etree import ElementTree as ET

import httpx
import pytest
from PIL import ImageColor

from pyzn_api.badges import Units, abbreviated, parse_color, svg

SVG = "{http://www.w3.org/2000/svg}"
PERSONALIZED = "/personalized-badge/sampleproject"


def texts(response: httpx.Response, status: int = 200) -> list[str | None]:
    """The texts that the badge shows, left and right, without their shadows."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(response.text)  # noqa: S314  # our own answer
    return [text.text for text in root.iter(f"{SVG}text") if text.get("aria-hidden") is None]


def colors(response: httpx.Response) -> list[str | None]:
    root = ET.fromstring(response.text)  # noqa: S314  # our own answer
    return [rect.get("fill") for rect in root.iter(f"{SVG}rect")][1:3]


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


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/badge/sampleproject", ["downloads", "319"]),
        ("/badge/sampleproject/month", ["downloads/month", "227"]),
        ("/badge/sampleproject/week", ["downloads/week", "215"]),
        ("/badge/busy", ["downloads", "10k"]),
        ("/badge/quiet/month", ["downloads/month", "0"]),
    ],
)
def test_a_badge_shows_its_period(client: httpx.Client, path: str, shown: list[str]) -> None:
    response = client.get(path)
    assert texts(response) == shown
    assert colors(response) == ["#555", "#007ec6"]
    assert response.headers["cache-control"] == "public, max-age=86400"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"


GREEN = ["#008000", "#008000"]


@pytest.mark.parametrize(
    ("query", "shown", "drawn"),
    [
        ("", ["downloads/month", "319"], GREEN),
        (
            "period=week&left_color=BLACK&right_color=F0A&left_text=last+week&units=none",
            ["last week", "215"],
            ["#000000", "#f0a"],
        ),
        # As READMEs of the newer site write it.
        (
            "period=monthly&units=INTERNATIONAL_SYSTEM&left_color=MAGENTA&right_color=BRIGHTGREEN&left_text=downloads",
            ["downloads", "227"],
            ["#ff00ff", "#4c1"],
        ),
        *((f"period={period}", ["downloads/month", "319"], GREEN) for period in ("Total", "TOTAL")),
        *((f"period={period}", ["downloads/month", "227"], GREEN) for period in ("MONTH", "Monthly")),
        *((f"period={period}", ["downloads/month", "215"], GREEN) for period in ("week", "WEEKLY")),
        *((f"units={units}", ["downloads/month", "319"], GREEN) for units in ("NONE", "Abbreviation")),
    ],
)
def test_a_personalized_badge_is_as_requested_in_any_case(
    client: httpx.Client, query: str, shown: list[str], drawn: list[str]
) -> None:
    response = client.get(f"{PERSONALIZED}?{query}")
    assert (texts(response), colors(response)) == (shown, drawn)


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
def test_the_badge_of_an_unknown_project_says_so(client: httpx.Client, path: str, left: str) -> None:
    response = client.get(path)
    assert texts(response, 404) == [left, "unknown project"]
    assert colors(response) == ["#555", "#9f9f9f"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"left_color": "url(#x)"},
            "left_color='url(#x)': expected 3, 4, 6 or 8 hexadecimal digits, a name of CSS, or",
        ),
        ({"right_color": "#12345"}, "right_color='#12345': expected 3, 4, 6 or 8"),
        ({"right_color": "\u0661\u0662\u0663"}, "right_color='\u0661\u0662\u0663': expected 3, 4, 6 or 8"),
        ({"left_text": "x" * 65}, "left_text='" + "x" * 65 + "': expected at most 64 characters that can be shown"),
        ({"left_text": "\u202e"}, "left_text='\ufffd': expected at most 64"),
        ({"units": "roman"}, "units='roman': expected 'international_system', 'abbreviation' or 'none'"),
        ({"period": "year"}, "period='year': expected 'total', 'month' or 'week'"),
    ],
)
def test_what_a_badge_cannot_show_is_400(client: httpx.Client, query: dict[str, str], message: str) -> None:
    response = client.get(PERSONALIZED, params=query)
    assert response.status_code == 400
    assert response.json()["message"].startswith(message)


@pytest.mark.parametrize(
    "text",
    ["<&>\"'", "</text><script>alert(1)</script>", "{0} %s ]]>", "\U0001f40d é \U0001f469\u200d\U0001f4bb"],
)
def test_any_text_is_shown_as_it_is(client: httpx.Client, text: str) -> None:
    response = client.get(PERSONALIZED, params={"left_text": text})
    assert texts(response)[0] == text
    assert "<script" not in response.text


def test_a_badge_is_as_wide_as_its_texts_and_readable_on_light_colours() -> None:
    narrow, wide = (ET.fromstring(svg(text, "1", "#fff", "#000")) for text in ("i", "WWWW"))  # noqa: S314  # our own
    assert int(narrow.attrib["width"]) < int(wide.attrib["width"])
    fills = [text.get("fill") for text in wide.iter(f"{SVG}text") if text.get("aria-hidden") is None]
    assert fills == ["#333", "#fff"]
    sheer = ET.fromstring(svg("a", "1", "#0001", "#00000080"))  # noqa: S314  # our own
    fills = [text.get("fill") for text in sheer.iter(f"{SVG}text") if text.get("aria-hidden") is None]
    assert fills == ["#333", "#fff"]


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("\u00e9t\u00e9", "ete"),
        ("e\u0301te\u0301", "ete"),
        ("\u0441\u043a\u0430\u0447", "aaaa"),  # Cyrillic
        ("\u4e0b\u8f7d", "MMM"),  # Chinese, wider than any Latin letter
    ],
)
def test_other_alphabets_are_given_the_room_they_take(text: str, like: str) -> None:
    found, expected = (int(ET.fromstring(svg(each, "1", "#555", "#555")).attrib["width"]) for each in (text, like))  # noqa: S314  # our own
    assert abs(found - expected) <= 6
