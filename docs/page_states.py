"""Takes the pictures of pages in unusual states, for docs/pages.md: `make screenshots`. Starts what it needs itself.

With a folder as its argument it takes every state there, in both themes and two widths, for people to look at.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from playwright.sync_api import Browser
from pydantic import SecretStr

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.store.database import engine, with_driver
from pyzn_pipeline.store.schema import migrate
from tests.api.conftest import serving, settings
from tests.api.stock import publish
from tests.browser import browser
from tests.conftest import Database
from tests.days import Download
from tests.site import wheels

LAST = date(2026, 7, 19)  # the clock of `serving` says the day after
DAYS = 60
# Of the filled database: the name of the picture, and the page.
STATES = {
    "one-version": "/projects/lonely#downloads",
    "many-versions": "/projects/busy#by-version",
    "not-final": "/projects/usual#downloads",
    "calendar": "/days",
    "unknown": "/projects/no-such-project",
    "home": "/",
    "compare": "/compare?name=usual&name=busy&name=lonely",
    "readme": "/projects/usual/readme",
    "search": "/search?q=usu",
    "wheels": "/projects/compiled/wheels#platforms",
    "glibc": "/projects/compiled/wheels#glibc-of-those-who-download",
    "pythons": "/projects/compiled/wheels#python-of-those-who-download",
    "no-wheel": "/projects/never/wheels",
    "all-wheels": "/projects/__all__/wheels",
}
KEPT = {
    "one-version",
    "many-versions",
    "not-final",
    "unknown",
    "empty",
    "away",
    "wheels",
    "glibc",
    "pythons",
}  # in docs/images
IMAGES = Path(__file__).parent / "images"
COUNTRIES = ("US", "DE", "CN", "IN", "BR", "FR", "GB", "JP", "SG", "AU", "ZA", "CA")


def downloads(day: date) -> Iterator[Download]:
    """What is downloaded on a day: less at weekends, and a little more every week."""
    scale = int((3000 if day.weekday() < 5 else 2100) * (1 + day.toordinal() % 97 / 400))
    for major in range(5):
        for minor in range(30):
            for patch in range(10):
                number = 1 + scale * (major + 1) // (40 * (patch + 1))
                yield Download("busy", f"{major}.{minor}.{patch}", COUNTRIES[patch], times=number)
    for minor in range(6):
        left = scale // (8 - minor)
        for country in COUNTRIES:
            yield Download("usual", f"2.{minor}.0", country, ci=country == "DE", times=left // 3 + 1)
            left -= left // 3
    yield Download("usual-suspects", times=scale // 9)
    yield from (Download("lonely", "0.1", "NZ", times=2), Download("lonely", "0.1", "US", times=1 + day.day % 5))


def of_wheels(ago: int) -> Iterator[Download]:
    """Downloads of wheels, by fewer with new systems the longer ago it is."""
    for each in wheels.downloads():
        new = (each.libc or "") > "glibc 2.35" or (each.python or "") > "3.13"
        yield each._replace(times=max(each.times * (2 * DAYS - ago * new) // (2 * DAYS), 1))


def fill(owner: psycopg.Connection) -> None:
    """60 days: one is missing, one suspect, the last week is provisional."""
    for ago in range(DAYS):
        day = LAST - timedelta(days=ago)
        if ago != 12:
            publish(
                owner,
                day,
                [*downloads(day), *of_wheels(ago)],
                "provisional" if ago < 7 else "suspect" if ago == 19 else "final",
            )
    owner.execute(
        "UPDATE pyzn.days SET suspect_because = 'downloads: 31% fewer than weeks before' WHERE status = 'suspect'"
    )
    owner.commit()


@contextmanager
def databases() -> Iterator[tuple[Database, Database]]:
    """A filled database and an empty one."""
    with TemporaryDirectory() as folder:
        server = Postgres(Path(folder), free_port())
        with server.running():
            server.ensure_role("pyzn", "owner-password")
            made = []
            for name in ("filled", "empty"):
                server.ensure_database(name, "pyzn")
                urls = server.url(name, "pyzn", "owner-password"), server.url(name, "pyzn_api", "api-password")
                migrate(engine(SecretStr(urls[0])), with_driver(SecretStr(urls[1])))
                made.append(Database(*urls))
            with psycopg.connect(made[0].owner_url) as owner:
                fill(owner)
            rank(engine(SecretStr(made[0].owner_url)), LAST)
            yield made[0], made[1]


def take(chromium: Browser, url: str, name: str, everything: Path | None) -> None:
    """One picture for the documentation, or all four for people to look at."""
    sizes = {"wide": (1440, 900), "phone": (390, 844)} if everything else {"": (1100, 700)}
    for size, (width, height) in sizes.items():
        for theme in ("light", "dark") if everything else ("light",):
            context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(url, wait_until="networkidle")
            file = everything / f"{name}-{size}-{theme}.png" if everything else IMAGES / f"page-{name}.png"
            page.screenshot(path=file, full_page=everything is not None)
            sys.stdout.write(f"{file.name}: {math.ceil(file.stat().st_size / 1000)} KB\n")
            context.close()


def main(everything: Path | None) -> None:
    """Take every picture."""
    with databases() as (filled, empty), browser() as chromium:
        with serving(settings(filled.api_url)) as client:
            for name, path in STATES.items():
                if everything or name in KEPT:
                    take(chromium, f"{client.base_url}{path}", name, everything)
        with serving(settings(empty.api_url)) as client:
            take(chromium, str(client.base_url), "empty", everything)
        with serving(settings(f"postgresql://pyzn_api@127.0.0.1:{free_port()}/pyzn")) as client:
            take(chromium, f"{client.base_url}/projects/usual", "away", everything)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
