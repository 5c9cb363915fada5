"""Templates, which escape everything; their colours and addresses; the headers of pages."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Literal
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from pyzn_api.cache import ResponseSpec, Snapshot, code
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.state import state
from pyzn_site import texts

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

CODE = ("pyzn_site", "jinja2", "pycountry")  # what makes pages and charts, for their ETags

FONT = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif"  # of pictures
# What may be in an address that a page repeats, since the client chooses it: a name or an address, and a port.
_ORIGIN = re.compile(r"https?://([a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?")
_COLOR = re.compile(r"--([\w-]+): (#\w+);")

Theme = Literal["light", "dark"]
Make = Callable[[Snapshot], Awaitable[Mapping[str, object]]]
"""Return the values of a template."""


async def respond(
    request: Request, template: str, key: tuple[object, ...], basis: Callable[[Ledger], Basis], make: Make
) -> Response:
    """Return the page through the cache of answers; `key` is all that it shows beside its basis."""

    always = {"origin": origin_of(request), "synthetic": await synthetic(request)}

    async def render(snapshot: Snapshot) -> bytes:
        return html(template, {**always, **await make(snapshot)})

    spec = ResponseSpec((code(*CODE), template, *always.values(), *key), basis, render, HEADERS)
    return await state(request).answers.respond(request, spec)


async def synthetic(request: Request) -> bool:
    """Return whether a published day is none of PyPI's, which a page names above its first number."""
    return (await state(request).reader.read())[0].synthetic


def origin_of(request: Request) -> str:
    """Return the server's address as the client sees it, `https://pyzn.example`; nothing for an odd one.

    It is in a page, and so it is part of that page's key in the cache: nobody gets another client's.
    """
    address = str(request.base_url).removesuffix("/").lower()
    return address if _ORIGIN.fullmatch(address) else ""


def html(template: str, shown: Mapping[str, object]) -> bytes:
    """Return the page, escaped."""
    return environment().get_template(template).render(shown).encode()


@cache
def environment() -> Environment:
    """Return the templates, which escape everything."""
    made = Environment(
        loader=PackageLoader("pyzn_site"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # a release's templates do not change; each use would look at every file
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": "{:,}".format,
        "percent": texts.percent,
        "short": texts.written,
        "long_day": texts.long_day,
        "key": texts.key_text,
    }
    made.globals |= {"static": static_url, "query": query, "path": path_of, "css": _CssColors(), "font": FONT}
    return made


class _CssColors(dict[str, str]):
    """The colours of a page, which follow the reader's theme."""

    def __missing__(self, name: str) -> str:
        return f"var(--{name})"


@cache
def colors(theme: Theme) -> Mapping[str, str]:
    """Return the colours of a picture by name: those of the style sheet, which is their only place."""
    light, dark = (
        files(__package__)
        .joinpath("static/pages.css")
        .read_text("utf-8")
        .split("@media (prefers-color-scheme: dark)", 1)
    )
    found = dict(_COLOR.findall(light))
    return found if theme == "light" else found | dict(_COLOR.findall(dark))


@cache
def static_url(name: str) -> str:
    """Return the address of a file in static/, which changes with its content."""
    content = files(__package__).joinpath("static", name).read_bytes()
    return f"/static/{name}?v={blake2b(content, digest_size=6).hexdigest()}"


def path_of(*parts: str) -> str:
    """Return a path whose parts are quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def query(path: str, **parameters: object) -> str:
    """Return the path with those of the parameters that are not None or empty."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", (), [])}
    return f"{path}?{urlencode(given, doseq=True, quote_via=quote)}" if given else path
