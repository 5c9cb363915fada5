"""The process that draws charts, as the API sees it: begun when the first chart is asked for, replaced when it ends."""

import asyncio
import sys
from contextlib import suppress
from subprocess import PIPE, Popen
from typing import IO, cast

from pyzn_api.database import BusyError
from pyzn_site.charts.chart import LENGTH

MOST_WAITING = 64  # charts, the one that is being drawn included; one takes about a tenth of a second
MOST_DRAWN = 1000  # charts, until the process is replaced: V8 keeps some memory of each
SECONDS = 30.0  # for one chart; the first one takes one to two, and it is the last to get a core that others want

_PROGRAM = "pyzn_site.charts.drawing"  # not imported: it loads V8


class DrawingProcess:
    """Draws one chart after the other in a process of its own: one core is busy at most, and one V8 in memory."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None
        self._drawn = 0  # charts, by that process
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def draw(self, message: bytes) -> bytes:
        """The SVG of a packed chart.

        Raises BusyError when too many wait or it takes too long, RuntimeError when it cannot be drawn.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError(f"{self._waiting} charts wait to be drawn")
        self._waiting += 1
        try:
            async with self._turn:
                try:
                    return await self._draw(message)
                except EOFError:  # it was killed, maybe while it waited for this chart
                    return await self._draw(message)
        except EOFError as error:
            raise BusyError("the process that draws charts ended while it drew one, twice") from error
        except TimeoutError as error:
            raise BusyError(f"a chart was not drawn within {SECONDS} seconds") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._end(self._process)

    async def _draw(self, message: bytes) -> bytes:
        try:
            svg = await asyncio.wait_for(asyncio.to_thread(self._exchange, message), SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            if self._process is not None:
                self._process.kill()  # the thread, which still waits for it, then ends too
            self._process = None
            raise
        if not svg:
            raise RuntimeError("a chart could not be drawn; the reason is on standard error")
        return svg

    def _exchange(self, message: bytes) -> bytes:
        """The answer of the process to a message; in a thread. Raises EOFError when it ends."""
        process = self._process
        if process is None:
            # It ends with its standard input, and so with this process, however that ends.
            process = self._process = Popen([sys.executable, "-m", _PROGRAM], stdin=PIPE, stdout=PIPE)
            self._drawn = 0
        asked, drawn = cast("tuple[IO[bytes], IO[bytes]]", (process.stdin, process.stdout))  # None without PIPE only
        try:
            with suppress(BrokenPipeError):  # nothing can be read then
                asked.write(LENGTH.pack(len(message)) + message)
                asked.flush()
            svg = _read(drawn, LENGTH.unpack(_read(drawn, LENGTH.size))[0])
        except EOFError:
            self._end(process)
            raise
        self._drawn += 1
        if self._drawn >= MOST_DRAWN:
            self._end(process)
        return svg

    def _end(self, process: Popen[bytes]) -> None:
        if self._process is process:
            self._process = None
        process.kill()
        process.communicate()  # closes the pipes, and waits for its end


def _read(pipe: IO[bytes], size: int) -> bytes:
    """As many bytes. Raises EOFError when there are less."""
    read = pipe.read(size)
    if len(read) < size:
        raise EOFError
    return read
