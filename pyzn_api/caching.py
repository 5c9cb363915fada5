"""Answers, rendered once: a cache bounded in bytes, one rendering at a time per answer, stale answers.

An answer's ETag is a hash of what identifies it (route and parameters), of the ledger's state over its
basis, and of the code that renders. Reading the state costs one small statement per second and process, so
a 304 and a cached answer touch neither the projects' rows nor, mostly, Postgres. The alternative, a hash of
the body, would need the body first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from weakref import WeakSet, ref

from cachetools import LRUCache
from fastapi import Request, Response
from prometheus_client import Counter

from pyzn_api.database import BusyError, Database, DatabaseAwayError
from pyzn_api.ledger import Basis, Ledger, LedgerReader
from pyzn_api.responses import JSON, SLICE, Answer, Form, full, has_already, not_modified
from pyzn_api.settings import MIB
from pyzn_api.snapshot import Snapshot

_LOOK_AGAIN = 1.0  # seconds
_LARGEST_SHARE = 4  # an answer that would take more than a quarter of the cache is not kept
_LARGE_BYTES = 256 * MIB  # of answers that are still being sent, beside those in the cache
CODE = ("pyzn_api", "natsort", "packaging", "pycountry", "webcolors")  # makes the bodies: versions, countries, colours
OVERHEAD = 600  # bytes of Python objects per cached answer, about
_RENDERINGS = 5  # of one answer at most, while the days it counts are being published

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make an answer."""

    key: Key  # the route and its parameters, normalised
    basis: Callable[[Ledger], Basis]  # all else that the body depends on
    render: Callable[[Snapshot], Awaitable[bytes]]
    form: Form = JSON


class Answers:
    """The rendered answers of this process; the least recently used go first."""

    def __init__(self, database: Database, reader: LedgerReader, max_bytes: int) -> None:
        self.outcomes = Counter("pyzn_api_answers_total", "Answers given.", ["outcome"], registry=None)
        # Each is told from the beginning.
        self._outcomes = {name: self.outcomes.labels(name) for name in ("hit", "miss", "stale", "not_modified")}
        self._database = database
        self._reader = reader
        self._max_bytes = max_bytes
        self._kept: LRUCache[Key, Answer] = LRUCache(max_bytes, _cost)
        self._alive: WeakSet[Answer] = WeakSet()  # kept, or still being sent
        self._flights: dict[Key, asyncio.Task[Answer]] = {}  # what is being made

    @property
    def kept_bytes(self) -> float:
        """Bytes that the cache takes; never more than `max_bytes`."""
        return self._kept.currsize

    async def respond(self, request: Request, recipe: Recipe) -> Response:
        """The response: 304, from the cache, rendered now, or stale while Postgres is away.

        Raises what rendering raises, and DatabaseAwayError when there is nothing stale to give.
        """
        ledger, fresh = await self._reader.read()
        basis = recipe.basis(ledger)
        kept = self._kept.get(recipe.key)
        # The usual case: nothing was published since, so it is the same tag.
        same = kept is not None and kept.made_of == (ref(ledger), basis)
        etag = kept.etag if kept is not None and same else _etag(recipe, ledger)
        if has_already(request, etag):
            self._outcomes["not_modified"].inc()
            return not_modified(etag, recipe.form)
        if kept is not None and kept.etag == etag:
            kept.made_of = (ref(ledger), basis)
            self._outcomes["hit"].inc()
            return await self._full(request, kept, recipe)
        try:
            answer = await self._render_once(recipe, ledger, etag, fresh=fresh)
        except DatabaseAwayError:
            if kept is None:
                raise
            self._outcomes["stale"].inc()
            return await self._full(request, kept, recipe)
        self._outcomes["miss"].inc()
        return await self._full(request, answer, recipe)

    async def _full(self, request: Request, answer: Answer, recipe: Recipe) -> Response:
        """200 with that answer, compressed first if this client is the first one to take it so."""
        if answer.lacks_gzip_for(request):
            await asyncio.shield(self._once(("gzip", id(answer)), lambda: self._compress(recipe.key, answer)))
        return full(request, answer, recipe.form)

    async def _compress(self, key: Key, answer: Answer) -> Answer:
        await answer.compress()
        if self._kept.get(key) is answer:
            self._keep(key, answer)  # it is larger now
        return answer

    def _once(self, flight: Key, make: Callable[[], Coroutine[None, None, Answer]]) -> asyncio.Task[Answer]:
        """The task that makes it, one for all who ask for the same meanwhile; if one of them hangs up, it goes on."""
        task = self._flights.get(flight)
        if task is None:
            task = self._flights[flight] = asyncio.create_task(make())
            task.add_done_callback(lambda _: self._flights.pop(flight, None))
        return task

    async def _render_once(self, recipe: Recipe, ledger: Ledger, etag: str, *, fresh: bool) -> Answer:
        """Everyone who asks for the same thing meanwhile waits for the same rendering."""
        if not fresh:
            raise DatabaseAwayError("the ledger could not be read, so nothing else is tried")
        task = self._once((recipe.key, etag), lambda: self._render(recipe, ledger, etag))
        # A server that hangs is noticed by the next look at the ledger, not by the statement's own limit.
        while not (await asyncio.wait({task}, timeout=_LOOK_AGAIN))[0]:
            _, fresh = await self._reader.read()
            if not fresh:
                raise DatabaseAwayError("the ledger could not be read while rendering")
        return task.result()

    async def _render(self, recipe: Recipe, ledger: Ledger, etag: str) -> Answer:
        body, etag = await self._body(recipe, ledger, etag)
        if len(body) > SLICE and sum(answer.size for answer in self._alive) > self._max_bytes + _LARGE_BYTES:
            raise BusyError("too many large answers are still being sent")
        answer = Answer(body, etag)
        self._alive.add(answer)
        self._keep(recipe.key, answer)
        return answer

    async def _body(self, recipe: Recipe, ledger: Ledger, etag: str) -> tuple[bytes, str]:
        """The body, and the ETag of what it was really made of: rendered again if that has changed meanwhile."""
        for _ in range(_RENDERINGS):
            snapshot = Snapshot(self._database, ledger, recipe.basis(ledger))
            body = await recipe.render(snapshot)
            if not snapshot.outdated:
                return body, etag
            ledger, fresh = await self._reader.read_again()
            if not fresh:
                raise DatabaseAwayError("the ledger could not be read after rendering")
            rendered, etag = etag, _etag(recipe, ledger)
            if etag == rendered:  # what has changed is not in this answer
                return body, etag
        raise BusyError(f"{recipe.key}: days are being published faster than they are counted")

    def _keep(self, key: Key, answer: Answer) -> None:
        if _cost(answer) > self._max_bytes // _LARGEST_SHARE:
            self._kept.pop(key, None)
        else:
            self._kept[key] = answer


def _cost(answer: Answer) -> int:
    return answer.size + OVERHEAD


def _etag(recipe: Recipe, ledger: Ledger) -> str:
    digest = blake2b(f"{recipe.key!r} {ledger.state(recipe.basis(ledger))}".encode(), digest_size=12, key=code(*CODE))
    return f'W/"{digest.hexdigest()}"'


@cache
def code(package: str, *libraries: str) -> bytes:
    """Return a hash of a package's files and of the libraries' versions.

    It is part of each ETag, so that two processes of different code never share one.
    """
    digest = blake2b(digest_size=16)
    for library in libraries:
        digest.update(f"{library} {version(library)};".encode())
    for file in sorted(Path(str(files(package))).rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.digest()
