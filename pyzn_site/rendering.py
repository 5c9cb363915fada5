"""From what a page shows to its HTML: templates that escape everything, headers, how numbers and days are written."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from urllib.parse import quote, urlencode

import pycountry
from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from pyzn_api.cache import ResponseSpec, Snapshot, code
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.state import state
from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_site.charts.frame import written

# Nothing of another host, nothing inline.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    # A minute: readers of a page look for what is new. After that a 304 is cheap.
    "Cache-Control": "public, max-age=60, stale-if-error=3600",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

CODE = ("pyzn_site", "jinja2", "pycountry", "vl-convert-python")  # what makes pages and charts, for their ETags

Make = Callable[[Snapshot], Awaitable[Mapping[str, object]]]
"""Makes what the template shows."""


async def respond(
    request: Request, template: str, key: tuple[object, ...], basis: Callable[[Ledger], Basis], make: Make
) -> Response:
    """The page, through the cache of answers; `key` is everything that it depends on beside its basis."""

    async def render(snapshot: Snapshot) -> bytes:
        return await html(template, await make(snapshot))

    spec = ResponseSpec((code(*CODE), template, *key), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)


async def html(template: str, shown: Mapping[str, object]) -> bytes:
    """The page; in a thread, since a large one takes milliseconds, in which the event loop answers others."""
    return (await asyncio.to_thread(_environment().get_template(template).render, shown)).encode()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("pyzn_site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "short": written, "long_day": long_day, "country": country, "key": key_text}
    made.globals |= {"static": static_url, "query": query, "path": path_of}
    return made


def number(value: int) -> str:
    """1234567 is 1,234,567."""
    return f"{value:,}"


def long_day(day: date) -> str:
    """19 July 2026."""
    return f"{day.day} {day:%B %Y}"


def key_text(key: str) -> str:
    """A key of a breakdown as a person reads it."""
    return {UNKNOWN: "unknown", "": "(empty)"}.get(key, key)


@cache
def country(code: str) -> str:
    """The English name of a country; a code that ISO 3166-1 does not list stays what it is."""
    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else key_text(code)


@cache
def static_url(name: str) -> str:
    """The address of a file in static/, which changes with its content."""
    content = files(__package__).joinpath("static", name).read_bytes()
    return f"/static/{name}?v={blake2b(content, digest_size=6).hexdigest()}"


def path_of(*parts: str) -> str:
    """A path whose parts are quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def query(path: str, **parameters: object) -> str:
    """The path with those of the parameters that are not None or empty."""
    given = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path
