"""From a rendered body to an HTTP response: ETag, 304, compression, caching headers."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

SMALLEST_COMPRESSED = 1000  # bytes; below a packet's size nothing is saved
AT_ONCE = 2**14  # bytes; up to these in the event loop, some tenths of a millisecond
QUICKLY_COMPRESSED = 2**20  # bytes; above, a twentieth more on the wire for half the time or less
SLICE = 2**18  # bytes
PATIENCE_SECONDS = 30.0  # how long a client may take for one slice


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of answer it is, and for how long others may keep it."""

    media_type: str
    cache_control: str
    headers: tuple[tuple[str, str], ...] = ()


JSON = Form("application/json", "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60")


@dataclass(slots=True, eq=False, weakref_slot=True)
class Answer:
    """A rendered body, and the same body compressed once somebody has asked for that and it is worth it."""

    body: bytes
    etag: str  # weak, since both bodies share it
    compressed: bytes | None = None
    heads: dict[bool, list[tuple[bytes, bytes]]] = field(default_factory=dict)  # the headers of both, once needed
    made_of: object = None  # the ledger and basis that the tag was last seen to be of

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.body) + len(self.compressed or b"")

    def lacks_gzip_for(self, request: Request) -> bool:
        """Whether the client is to get it compressed, and it is not yet."""
        return (
            self.compressed is None
            and len(self.body) >= SMALLEST_COMPRESSED
            and accepts_gzip(request.headers.get("accept-encoding", ""))
        )

    async def compress(self) -> None:
        """Once and for all; in a thread, unless it takes less than handing it to one."""
        size = len(self.body)
        if size < AT_ONCE:
            self.compressed = gzip.compress(self.body, 6, mtime=0)
        else:
            level = 6 if size < QUICKLY_COMPRESSED else 4
            self.compressed = await asyncio.to_thread(gzip.compress, self.body, level, mtime=0)


class Whole(Response):
    """A small body with headers that are written once for all who get it."""

    def __init__(self, body: bytes, raw_headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.background, self.raw_headers = 200, body, None, raw_headers


class Sliced(Response):
    """A body that is sent as fast as the client takes it; one that takes nothing is hung up on.

    Sent whole, it would stay in memory for as long as the client likes.
    """

    def __init__(self, answer: Answer, body: bytes, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(body, 200, headers, media_type)
        self._answer = answer  # alive until it is sent, see Answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """ASGI."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        size = len(self.body)
        for start in range(0, size, SLICE):
            part = {"type": "http.response.body", "body": self.body[start : start + SLICE]}
            try:
                await asyncio.wait_for(send({**part, "more_body": start + SLICE < size}), PATIENCE_SECONDS)
            except TimeoutError:
                return  # the server sees that it is not complete, and closes the connection


def has_already(request: Request, etag: str) -> bool:
    """Whether If-None-Match holds `etag`, by the weak comparison (RFC 9110 sections 8.8.3.2 and 13.1.2)."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    return etag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in asked.split(","))


def full(request: Request, answer: Answer, form: Form) -> Response:
    """200 with the body, compressed for a client that accepts gzip; 304 for `If-None-Match: *`, since there is one."""
    if request.headers.get("if-none-match", "").strip() == "*":
        return not_modified(answer.etag, form)
    compressed = answer.compressed is not None and accepts_gzip(request.headers.get("accept-encoding", ""))
    body = (compressed and answer.compressed) or answer.body
    if len(body) > SLICE:
        return Sliced(answer, body, _headers(answer.etag, form, compressed), form.media_type)
    if compressed not in answer.heads:
        whole = Response(body, 200, _headers(answer.etag, form, compressed), form.media_type)
        answer.heads[compressed] = whole.raw_headers
    return Whole(body, answer.heads[compressed])


def not_modified(etag: str, form: Form) -> Response:
    """304."""
    return Response(status_code=304, headers=_headers(etag, form))


def _headers(etag: str, form: Form, compressed: bool = False) -> dict[str, str]:
    encoding = {"Content-Encoding": "gzip"} if compressed else {}
    return encoding | {
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
