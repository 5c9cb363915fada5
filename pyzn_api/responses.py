"""HTTP responses of rendered bodies: 304, ranges, compression, and bodies as fast as the client takes them."""

import asyncio
import gzip
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

SMALLEST_COMPRESSED = 1000  # bytes; below a packet's size nothing is saved
COMPRESSED_AT_ONCE = 2**14  # bytes; up to these in the event loop, some tenths of a millisecond
QUICKLY_COMPRESSED = 2**20  # bytes; above, a twentieth more on the wire for half the time or less
SLICE = 2**16  # bytes; what the server keeps for a connection without waiting for the client
TIMEOUT_SECONDS = 15.0  # for a client to take a slice

Headers = Mapping[str, str]
CACHE_CONTROL = "public, max-age=3600, stale-if-error=3600, stale-while-revalidate=60"
JSON: Headers = {"Content-Type": "application/json", "Cache-Control": CACHE_CONTROL}


class Answer:
    """A rendered body, and the same body compressed once a client has asked for that and it is worth it."""

    def __init__(self, body: bytes, etag: str, headers: Headers) -> None:
        self.body = body
        self.etag = etag  # weak, since both bodies share it
        self.headers = headers
        self.gzip = b""
        self._raw: dict[bool, list[tuple[bytes, bytes]]] = {}  # the headers of both, once needed

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.body) + len(self.gzip)

    def lacks_gzip_for(self, request: Request) -> bool:
        """Return whether the client is to get it compressed, and it is not yet."""
        return not self.gzip and len(self.body) >= SMALLEST_COMPRESSED and _accepts_gzip(request)

    async def compress(self) -> None:
        """Compress the body; in a thread, unless it takes less than handing it to one."""
        if len(self.body) < COMPRESSED_AT_ONCE:
            self.gzip = gzip.compress(self.body, 6, mtime=0)
        else:
            level = 6 if len(self.body) < QUICKLY_COMPRESSED else 4
            self.gzip = await asyncio.to_thread(gzip.compress, self.body, level, mtime=0)

    def response(self, request: Request, unsent: "UnsentBodies") -> Response:
        """Return what this client gets of it: 200, 206 of a range, 416, or 304 for `If-None-Match: *`."""
        if request.headers.get("if-none-match", "").strip() == "*":
            return not_modified(self.etag, self.headers)
        if "range" in request.headers and (partial := self._range(request)):
            return partial
        compressed = bool(self.gzip) and _accepts_gzip(request)
        body = self.gzip if compressed else self.body
        if compressed not in self._raw:
            encoding = {"Content-Encoding": "gzip"} if compressed else {}
            self._raw[compressed] = Response(body, 200, _headers(self.etag, self.headers) | encoding).raw_headers
        return AnswerResponse(body, self._raw[compressed], unsent)

    def _range(self, request: Request) -> Response | None:
        """Return one range of the body; None where all of it is due. The tag is weak, so `If-Range` never holds."""
        asked = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.headers["range"].replace(" ", ""), re.ASCII)
        if not asked or not any(asked.groups()) or "if-range" in request.headers:
            return None
        size = len(self.body)
        first = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
        last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
        if first >= size or first > last:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"})
        headers = _headers(self.etag, self.headers) | {"Content-Range": f"bytes {first}-{last}/{size}"}
        return Response(self.body[first : last + 1], 206, headers)


class UnsentBodies:
    """The bytes of large bodies that clients have not taken yet; a body that several take counts once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._responses: Counter[int] = Counter()  # by the identity of the body

    @contextmanager
    def of(self, body: bytes) -> Iterator[None]:
        """Count `body` while it is being sent."""
        self._responses[id(body)] += 1
        self.bytes += len(body) if self._responses[id(body)] == 1 else 0
        try:
            yield
        finally:
            self._responses[id(body)] -= 1
            if not self._responses[id(body)]:
                del self._responses[id(body)]
                self.bytes -= len(body)


class AnswerResponse(Response):
    """An answer with headers that are written once for all who get it.

    A large one is sent as fast as the client takes it; one that takes nothing is hung up on. Sent at once, it would
    stay in memory for as long as the client likes.
    """

    def __init__(self, body: bytes, raw_headers: list[tuple[bytes, bytes]], unsent: UnsentBodies) -> None:
        self.status_code, self.body, self.background, self.raw_headers = 200, body, None, raw_headers
        self._body = body
        self._unsent = unsent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        size = len(self._body)
        if size <= SLICE:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._unsent.of(self._body):
            for start in range(0, size + SLICE, SLICE):  # the last one is empty: it waits for those before
                part = {"type": "http.response.body", "body": self._body[start : start + SLICE]}
                try:
                    async with asyncio.timeout(TIMEOUT_SECONDS):
                        await send({**part, "more_body": start < size})
                except TimeoutError:
                    return  # the server sees that it is not complete, and closes the connection


def has_etag(request: Request, etag: str) -> bool:
    """Return whether If-None-Match holds `etag`, by the weak comparison (RFC 9110 sections 8.8.3.2 and 13.1.2)."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    return etag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in asked.split(","))


def not_modified(etag: str, headers: Headers) -> Response:
    """Return the 304 of that answer."""
    return Response(status_code=304, headers=_headers(etag, headers))


def _headers(etag: str, headers: Headers) -> dict[str, str]:
    return {"ETag": etag, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff", **headers}


def _accepts_gzip(request: Request) -> bool:
    """Return whether the client admits gzip (RFC 9110 section 12.5.3): named or by `*`, and not with weight 0."""
    weights = weighted(request.headers.get("accept-encoding", ""))
    return weights.get("gzip", weights.get("*", 0)) > 0


def weighted(header: str) -> dict[str, float]:
    """Return the weight of each item of an Accept header, in lower case: `Text/CSV;q=0.5, */*` is 0.5 and 1."""
    weights: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
        weights[name] = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight, re.ASCII) else 1
    return weights
