"""The pages in a real browser: they work, with and without JavaScript, and for people who see or type otherwise.

One browser for all of it. Whatever a page loads, logs or violates is noticed by every test.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests import browser as browsers
from tests.api.conftest import serving, settings

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
EVERY_PAGE = {  # with its status
    "/": 200,
    "/search?q=sampl": 200,
    "/search?q=zzz": 200,
    "/projects/sampleproject?share=1&ci=only": 200,
    "/projects/sampleproject/readme": 200,
    "/projects/__all__/wheels": 200,
    "/projects/no-such-project": 404,
    "/compare": 200,
    "/compare?name=sampleproject&name=busy&name=no-such-project": 200,
    "/days": 200,
    "/days?year=x": 400,
}
SEEN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
"""The rules of axe-core that depend on theme and width; all others look at the markup."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this module only: while Playwright runs, no other test of the process can start an event loop."""
    with browsers.browser() as browser:
        yield browser


@contextmanager
def opened(browser: Browser, client: httpx.Client, allowed: int = 0, **options: object) -> Iterator[Page]:
    """A page without a history. At its end nothing may have been asked of another host, logged, or violated.

    `allowed`: how many messages there may be, of answers that are errors on purpose.
    """
    context = browser.new_context(base_url=str(client.base_url), **{"viewport": WIDE, **options})  # type: ignore[arg-type]  # as given
    page = context.new_page()
    hosts: set[str] = set()
    problems: list[str] = []

    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert hosts <= {urlsplit(str(client.base_url)).netloc}
    assert len(problems) == allowed, problems


def numbers(drawn: Locator, attribute: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", drawn.get_attribute(attribute) or "")]


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """The violations that axe-core finds, a line for each; by all of its rules, or those."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{page.url} {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_from_the_search_to_a_project_and_its_markdown(
    browser: Browser, client: httpx.Client, javascript: bool
) -> None:
    with opened(browser, client, java_script_enabled=javascript) as page:
        page.goto("/")
        page.get_by_label("Name of a project").fill("sampl")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="sampleproject").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("sampleproject")
        page.get_by_role("link", name="1 year").click()
        expect(page.get_by_role("link", name="1 year")).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("region", name="Versions").get_by_role("row", name="1.10.x ").first).to_be_visible()
        expect(page.get_by_role("region", name="Downloads by week").get_by_text("missing").first).to_be_visible()

        page.get_by_label("Colour right").fill("tomato")
        page.get_by_label("Divided by").select_option("country")
        if javascript:
            page.keyboard.press("Tab")
        else:
            page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("Markdown of the badge", exact=True)).to_contain_text("right_color=tomato")
        expect(page.get_by_label("Markdown of the chart", exact=True)).to_contain_text("by=country")
        assert ("/readme" in page.url) is not javascript
        expect(page.get_by_role("button", name="Copy")).to_have_count(2 if javascript else 0)


def test_the_markdown_is_copied_or_selected_where_the_clipboard_is_closed(
    browser: Browser, client: httpx.Client
) -> None:
    with opened(browser, client, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto("/projects/sampleproject/readme")
        page.get_by_role("button", name="Copy the Markdown of the badge").click()
        expect(page.get_by_role("status")).to_have_text("Copied to the clipboard.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.get_by_label("Markdown of the badge", exact=True).inner_text()
        assert copied.startswith("[![Downloads](http://127.0.0.1:")

        page.evaluate("delete Navigator.prototype.clipboard")  # as without HTTPS
        page.get_by_role("button", name="Copy the Markdown of the chart").click()
        expect(page.get_by_role("status")).to_contain_text("Selected")
        selected = page.evaluate("String(getSelection())")
        assert selected == page.get_by_label("Markdown of the chart", exact=True).inner_text()


def test_projects_are_compared_by_keyboard_alone(browser: Browser, client: httpx.Client) -> None:
    with opened(browser, client) as page:
        page.goto("/compare")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Up to 8 names")).to_be_focused()
        page.keyboard.type("sampleproject busy")
        page.keyboard.press("Enter")
        table = page.get_by_role("region", name="Table of totals")
        expect(table.get_by_role("row")).to_have_count(3)
        expect(page.get_by_role("group", name="sampleproject, busy: downloads by day")).to_be_visible()


def test_a_chart_is_read_by_pointer_and_keyboard_and_a_click_on_the_legend_hides_a_series(
    browser: Browser, client: httpx.Client
) -> None:
    with opened(browser, client) as page:
        page.goto("/projects/sampleproject?start=2026-07-17&end=2026-07-19&count=downloads")
        section = page.get_by_role("region", name="Versions", exact=True)
        plot, reading = section.get_by_role("group"), section.locator(".reading")
        expect(reading).to_be_hidden()
        section.get_by_role("img", name="2026-07-17").hover()
        expect(reading).to_have_text(re.compile("2026-07-17: 95 downloads, suspect.*1.10.x.*95", re.DOTALL))
        section.get_by_role("img", name="2026-07-18").hover()
        expect(reading).to_have_text("2026-07-18: missing")
        page.get_by_role("heading", level=1).hover()
        expect(reading).to_be_hidden()

        plot.focus()
        page.keyboard.press("End")
        expect(reading).to_contain_text("2026-07-19: 120 downloads, provisional")
        spoken = "2026-07-19: 120 downloads, provisional; 2.0.x 4; 1.10.x 101"
        expect(page.get_by_role("status")).to_contain_text(spoken)
        page.keyboard.press("ArrowLeft")
        expect(reading).to_have_text("2026-07-18: missing")
        page.keyboard.press("Escape")
        expect(reading).to_be_hidden()

        bars, stripes = plot.locator(".strokes path").nth(1), plot.locator(".provisional")  # of 1.10.x; of the day
        before, height = numbers(bars, "d"), numbers(stripes, "height")[0]
        entry = section.get_by_role("button", name="1.10.x")
        entry.click()
        expect(entry).to_have_attribute("aria-pressed", "false")
        expect(bars).to_have_attribute("d", "")
        assert numbers(stripes, "height") == [pytest.approx(height * 19 / 120, rel=0.02)]
        plot.focus()
        page.keyboard.press("End")
        expect(reading).not_to_contain_text("1.10.x")
        entry.click()
        expect(entry).to_have_attribute("aria-pressed", "true")
        assert numbers(bars, "d") == pytest.approx(before, abs=0.1)


def test_the_switches_are_links_to_the_same_page_in_another_view(browser: Browser, client: httpx.Client) -> None:
    with opened(browser, client, java_script_enabled=False) as page:
        page.goto("/projects/sampleproject")
        for name in ("3 months", "Week", "Without CI", "Shares"):
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "true")
        assert page.url.endswith("/projects/sampleproject?range=quarter&granularity=week&ci=exclude&share=1")
        page.get_by_label("From", exact=True).fill("2026-07-13")
        page.get_by_label("to", exact=True).fill("2026-07-19")
        page.get_by_role("button", name="Apply").click()
        assert page.url.endswith("/projects/sampleproject?ci=exclude&share=1&start=2026-07-13&end=2026-07-19")
        expect(page.get_by_text("135 downloads without CI, 13 July 2026 to 19 July 2026")).to_be_visible()


def test_a_wide_chart_on_a_phone_begins_at_its_new_end(browser: Browser, client: httpx.Client) -> None:
    with opened(browser, client, viewport=PHONE) as page:
        page.goto("/compare?name=sampleproject&name=busy")
        newest, oldest = (page.get_by_role("img", name=day).bounding_box() for day in ("2026-07-19", "2026-04-21"))
        axis = page.locator(".axis").get_by_text("1k").bounding_box()
        assert newest
        assert oldest
        assert axis
        assert oldest["x"] < 0 < axis["x"] < newest["x"] < PHONE["width"] - newest["width"]


def test_names_are_offered_while_one_is_typed(browser: Browser, client: httpx.Client) -> None:
    with opened(browser, client) as page:
        page.goto("/")
        page.get_by_label("Name of a project").press_sequentially("samp")
        expect(page.locator("datalist option")).to_have_text(["sampleproject"])


def test_axe_finds_no_violation_in_both_themes_and_two_widths_and_nothing_is_wider_than_the_screen(
    browser: Browser, client: httpx.Client, wheels_client: httpx.Client
) -> None:
    views = (("light", WIDE, None), ("dark", PHONE, SEEN))
    for served, paths in ((client, EVERY_PAGE), (wheels_client, {"/projects/compiled/wheels": 200})):
        errors = sum(status >= 400 for status in paths.values())
        with opened(browser, served, allowed=errors, reduced_motion="reduce") as page:
            for path, status in paths.items():
                answer = page.goto(path, wait_until="domcontentloaded")  # charts take their time; another test waits
                assert answer is not None
                assert answer.status == status
                for theme, size, rules in views:
                    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of two words
                    page.set_viewport_size(size)
                    assert violations(page, rules) == []
                    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path


def test_an_empty_database_and_one_that_is_away_have_pages_without_violations(
    browser: Browser, own_client: httpx.Client
) -> None:
    with opened(browser, own_client) as page:
        for path in ("/", "/days", "/compare"):
            page.goto(path)
            assert violations(page) == []
    away = settings("postgresql://nobody@127.0.0.1:1/nothing")
    with serving(away) as client, opened(browser, client, allowed=1) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("The numbers are out of reach")
        assert violations(page) == []
