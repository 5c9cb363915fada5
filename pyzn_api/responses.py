"""From a rendered body to an HTTP response: ETag, 304, compression, caching headers."""

import asyncio
import gzip
from dataclasses import dataclass

from fastapi import Request, Response

SMALLEST_COMPRESSED = 1000  # bytes; below a packet's size nothing is saved


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of answer it is, and for how long others may keep it."""

    media_type: str
    cache_control: str
    headers: tuple[tuple[str, str], ...] = ()


JSON = Form("application/json", "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60")


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered body, and the same body compressed when that is worth it."""

    body: bytes
    compressed: bytes | None
    etag: str  # weak, since both bodies share it

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.body) + len(self.compressed or b"")


async def prepare(body: bytes, etag: str) -> Answer:
    """The answer with that body, compressed once and for all, in a thread."""
    if len(body) < SMALLEST_COMPRESSED:
        return Answer(body, None, etag)
    return Answer(body, await asyncio.to_thread(gzip.compress, body, 6, mtime=0), etag)


def has_already(request: Request, etag: str) -> bool:
    """Whether If-None-Match holds `etag`, by the weak comparison (RFC 9110 sections 8.8.3.2 and 13.1.2)."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    return etag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in asked.split(","))


def full(request: Request, answer: Answer, form: Form) -> Response:
    """200 with the body, compressed for a client that accepts gzip."""
    if answer.compressed is None or not accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(answer.body, 200, _headers(answer.etag, form), form.media_type)
    headers = _headers(answer.etag, form) | {"Content-Encoding": "gzip"}
    return Response(answer.compressed, 200, headers, form.media_type)


def not_modified(etag: str, form: Form) -> Response:
    """304."""
    return Response(status_code=304, headers=_headers(etag, form))


def _headers(etag: str, form: Form) -> dict[str, str]:
    return {
        "ETag": etag,
        "Cache-Control": form.cache_control,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        **dict(form.headers),
    }


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header admits gzip (RFC 9110 section 12.5.3): named or by `*`, and not with weight 0."""
    admitted: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        weight = parameters.replace(" ", "").removeprefix("q=")
        admitted[coding.strip()] = weight.strip("0.") != "" or not parameters
    return admitted.get("gzip", admitted.get("*", False))
