"""Answers, rendered once: a cache bounded in bytes, one rendering at a time per answer, stale answers.

An answer's ETag is a hash of what identifies it (route and parameters), of the ledger's state over its
basis, and of the code that renders. Reading the state costs one small statement per second and process, so
a 304 and a cached answer touch neither the projects' rows nor, mostly, Postgres. The alternative, a hash of
the body, would need the body first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from cachetools import LRUCache
from fastapi import Request, Response
from prometheus_client import Counter

from pyzn_api.database import ANSWER_SECONDS, Budget, BusyError, Database, DatabaseAwayError, Row
from pyzn_api.errors import UnknownProjectError
from pyzn_api.ledger import Basis, Ledger, LedgerReader
from pyzn_api.responses import JSON, SLICE, Answer, Headers, UnsentBodies, has_etag, not_modified
from pyzn_api.settings import MIB

CODE = ("pyzn_api", "natsort", "packaging", "pycountry", "pydantic", "webcolors")  # makes the bodies
OVERHEAD = 700  # bytes of Python objects per cached answer, about
_LARGEST_SHARE = 4  # an answer that would take more than a quarter of the cache is not kept
_UNSENT_BYTES = 256 * MIB  # that clients have not taken yet, beside those in the cache
_CHECK_SECONDS = 1.0  # between two checks that Postgres still answers while an answer is rendered
_RENDERINGS = 5  # of one answer at most, while the days it counts are being published


class ResponseSpec(NamedTuple):
    """The specification of a response: its identity, the data it depends on, and the function that renders its body."""

    key: tuple[object, ...]  # the route, and all that the body shows of the request
    basis: Callable[[Ledger], Basis]  # all else that the body depends on
    render: Callable[["Snapshot"], Awaitable[bytes]]
    headers: Headers = JSON


class Snapshot:
    """The data of one rendering: the ledger as far as the basis names it, and rows of the tables at the same moment."""

    def __init__(self, database: Database, ledger: Ledger, basis: Basis) -> None:
        self.window = basis.window
        self.ledger = ledger.shown(basis)
        self.outdated = False  # whether rows were read that are newer than the ledger
        self._snapshot_id = ledger.snapshot_id
        self._database = database
        self._budget = Budget(ANSWER_SECONDS)  # of all statements of the answer together

    async def rows(self, name: str, **parameters: object) -> Sequence[Row]:
        """Return the rows of sql/`name`.sql, which may use the window as `start` and `end`.

        Raises DatabaseAwayError.
        """
        rows = await self._database.rows(name, {**self.window._asdict(), **parameters}, self._budget)
        self.outdated |= any(row[-1] != self._snapshot_id for row in rows)
        return [row[:-1] for row in rows]

    async def project_row(self, name: str, project: str, **parameters: object) -> Row:
        """Return the row of sql/`name`.sql for the project. Raises UnknownProjectError when there is none."""
        rows = await self.rows(name, project=project, **parameters)
        if not rows:
            raise UnknownProjectError(project)
        return rows[0]


class AnswerCache:
    """The rendered answers of this process; the least recently used go first."""

    def __init__(self, database: Database, reader: LedgerReader, max_bytes: int) -> None:
        self.outcomes = Counter("pyzn_api_answers_total", "Answers given.", ["outcome"], registry=None)
        # Each is exported from the beginning.
        self._outcomes = {name: self.outcomes.labels(name) for name in ("hit", "miss", "stale", "not_modified")}
        self.unsent = UnsentBodies()
        self._database = database
        self._reader = reader
        self._answers: LRUCache[bytes, Answer] = LRUCache(max_bytes, _cost)
        self._tasks: dict[object, asyncio.Task[Answer]] = {}  # renderings and compressions under way

    @property
    def size(self) -> float:
        """Bytes that the cache takes; never more than `max_bytes`."""
        return self._answers.currsize

    async def respond(self, request: Request, spec: ResponseSpec) -> Response:
        """Return the response: 304, from the cache, rendered now, or stale while Postgres is away.

        Raises what rendering raises, and DatabaseAwayError when there is nothing stale to give.
        """
        ledger, fresh = await self._reader.read()
        key = blake2b(repr(spec.key).encode("utf-8", "surrogatepass"), digest_size=16, key=code(*CODE)).digest()
        etag = _etag(key, spec, ledger)
        if has_etag(request, etag):
            self._outcomes["not_modified"].inc()
            return not_modified(etag, spec.headers)
        answer, outcome = self._answers.get(key), "hit"
        if answer is None or answer.etag != etag:
            try:
                answer, outcome = await self._rendered(key, spec, ledger, etag, fresh=fresh), "miss"
            except DatabaseAwayError:
                if answer is None:
                    raise
                outcome = "stale"
        if answer.lacks_gzip_for(request):
            await asyncio.shield(self._once(id(answer), lambda: self._compress(key, answer)))
        self._outcomes[outcome].inc()
        return answer.response(request, self.unsent)

    async def _compress(self, key: bytes, answer: Answer) -> Answer:
        await answer.compress()
        if self._answers.get(key) is answer:
            self._keep(key, answer)  # it is larger now
        return answer

    def _once(self, name: object, make: Callable[[], Coroutine[None, None, Answer]]) -> asyncio.Task[Answer]:
        """Return the one task for all who ask for the same at a time; if one of them hangs up, it goes on."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(make())
            self._tasks[name].add_done_callback(lambda _: self._tasks.pop(name, None))
        return self._tasks[name]

    async def _rendered(self, key: bytes, spec: ResponseSpec, ledger: Ledger, etag: str, *, fresh: bool) -> Answer:
        task = self._once((key, etag), lambda: self._render(key, spec, ledger, etag)) if fresh else None
        # A server that hangs is noticed by the next look at the ledger, not by the statement's own limit.
        while task and not (await asyncio.wait({task}, timeout=_CHECK_SECONDS))[0]:
            task = task if (await self._reader.read())[1] else None
        if task is None:
            raise DatabaseAwayError("the ledger could not be read")
        return task.result()

    async def _render(self, key: bytes, spec: ResponseSpec, ledger: Ledger, etag: str) -> Answer:
        """Return the answer with the ETag of what it was made of: rendered again if that has changed meanwhile."""
        for _ in range(_RENDERINGS):
            snapshot = Snapshot(self._database, ledger, spec.basis(ledger))
            body = await spec.render(snapshot)
            if len(body) > SLICE and self.unsent.bytes + len(body) > _UNSENT_BYTES:
                raise BusyError("too many large answers are still being sent")
            rendered = etag
            if snapshot.outdated:
                ledger, fresh = await self._reader.read_again()
                if not fresh:
                    raise DatabaseAwayError("the ledger could not be read after rendering")
                etag = _etag(key, spec, ledger)
            if etag == rendered:  # nothing has changed, or nothing that is in this answer
                answer = Answer(body, etag, spec.headers)
                self._keep(key, answer)
                return answer
        raise BusyError(f"{spec.key}: days are being published faster than they are counted")

    def _keep(self, key: bytes, answer: Answer) -> None:
        if _cost(answer) > self._answers.maxsize // _LARGEST_SHARE:
            self._answers.pop(key, None)
        else:
            self._answers[key] = answer


def _cost(answer: Answer) -> int:
    return answer.size + OVERHEAD


def _etag(key: bytes, spec: ResponseSpec, ledger: Ledger) -> str:
    return f'W/"{blake2b(ledger.state(spec.basis(ledger)), digest_size=12, key=key).hexdigest()}"'


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
