"""Takes the pictures in docs/images from a running stack with the sample: `make screenshots`.

Reads what `pyzn env` prints; takes the pictures that the arguments name, or all. Needs Chromium: Debian's (apt-get
install chromium), or Playwright's own.
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import requests
from playwright.sync_api import Page, expect, sync_playwright

# Of the API's pages: the path, how wide and high the picture is, and the theme.
PAGES: dict[str, tuple[str, tuple[int, int], Literal["light", "dark"]]] = {
    "page-project": ("/projects/requests", (1200, 900), "light"),
    "page-compare": ("/compare?name=flask&name=django&name=fastapi&range=month", (1200, 820), "light"),
    "page-days": ("/days", (1200, 820), "dark"),
    "page-phone": ("/", (390, 844), "dark"),
}

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1440, 900  # pixels
LARGEST = 200_000  # bytes; the repository keeps every version of a picture for ever

NEWEST = """
{
  partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } }
  assetNodes { assetKey { path } partitionKeys }
}
"""
PRICE = """
mutation($config: RunConfigData!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "pyzn", repositoryName: "__repository__", jobName: "price_backfill"}
    runConfigData: $config
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    """The data of Dagster's GraphQL answer."""
    answer = requests.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    data: dict[str, Any] = answer["data"]
    return data


def priced(url: str, start: str, end: str) -> str:
    """Run the job `price_backfill` to its end and return the run's id."""
    config = {"ops": {"price_a_backfill": {"config": {"start": start, "end": end}}}}
    run_id: str = ask(url, PRICE, config=config)["launchRun"]["run"]["runId"]
    while ask(url, STATUS, id=run_id)["runOrError"]["status"] not in {"SUCCESS", "FAILURE"}:
        time.sleep(1)
    return run_id


def plots(page: Page) -> None:
    """Turn the metadata of an asset into plots over its partitions."""
    page.get_by_text("Plots", exact=True).click()
    expect(page.locator("canvas").first).to_be_visible()


def chart(page: Page) -> None:
    """Show the chart among the metadata of an asset; it must not be cut at the right."""
    image = page.locator("img[src*='/chart/']")
    image.evaluate("image => image.scrollIntoView({block: 'end'})")
    expect(image).to_be_in_viewport(ratio=0.99)


def keep(page: Page, name: str) -> None:
    """Take the picture `name` of what the page shows."""
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file)
    size = file.stat().st_size
    sys.stdout.write(f"{file.name}: {size:,} bytes\n")
    if size > LARGEST:
        sys.exit(f"{file.name} has more than {LARGEST:,} bytes: take less of the page")


def main(url: str, api: str, chosen: set[str]) -> None:
    """Take the chosen pictures, or all."""
    newest = ask(url, NEWEST)
    (backfill,) = newest["partitionBackfillsOrError"]["results"]
    days = next(node["partitionKeys"] for node in newest["assetNodes"] if node["partitionKeys"])
    days_asset = "/assets/project_days"
    # Of the Dagster UI: the path, a text that must be there, and what is done before the picture is taken.
    pages: dict[str, tuple[str, str, Callable[[Page], None] | None]] = {
        "asset-graph": ("/asset-groups/", "file_downloads", None),
        "asset-plots": (days_asset, "Plots", plots),
        "asset-partition": (f"{days_asset}?view=partitions&partition={days[-2]}", "seconds to scan", None),
        "asset-checks": (f"{days_asset}?view=checks", "sum_equals_source", None),
        "daily-totals": ("/assets/daily_totals", "downloads a week before", chart),
        "top-projects": ("/assets/top_projects", "top movers", None),
        "backfill": (f"/runs/b/{backfill['id']}", backfill["id"], None),
        "backfill-price": (f"/runs/{priced(url, days[-60], days[-1])}", "days published already", None),
        "automation": ("/automation", "packing_schedule", None),
    }
    known = PAGES.keys() | pages.keys()
    if unknown := chosen - known:
        sys.exit(f"no such picture: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    chosen = chosen or known
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in chosen & PAGES.keys():
            path, (width, height), theme = PAGES[name]
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(api + path, wait_until="networkidle")
            keep(page, name)
            context.close()
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name in chosen & pages.keys():
            path, text, act = pages[name]
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            page.goto(url + path)
            expect(page.get_by_text(text).first).to_be_visible(timeout=60_000)
            page.wait_for_timeout(4000)  # the UI keeps polling, so the network is never idle
            expect(page.get_by_text("Loading")).to_have_count(0, timeout=60_000)
            if act:
                act(page)
                page.wait_for_timeout(2000)
            keep(page, name)
        browser.close()


if __name__ == "__main__":
    settings = dict(line.rstrip("\n").split("=", 1) for line in sys.stdin)
    main(settings["PYZN_DAGSTER_URL"], settings["PYZN_API_URL"], set(sys.argv[1:]))
