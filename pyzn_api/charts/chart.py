"""What a chart shows. It is made by the API and drawn by another process, so it is texts, numbers and lists only.

That process imports this module, and so nothing here or in how charts look may import the API's framework or driver.
"""

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

Kind = Literal["bars", "map"]
Range = Literal["month", "quarter", "year", "all"]
Theme = Literal["light", "dark"]
Fault = Literal["missing", "incomplete", "unfinished", "provisional", "suspect"]

LENGTH = struct.Struct("!I")  # of a message between the API and the process that draws, in bytes, before it


@dataclass(frozen=True, slots=True)
class Period:
    """A day, week or month of a chart, and why its number is not the last word, if it is not.

    `missing`: no day of it is published. `incomplete`: some are not. `unfinished`: it goes on after the last day.
    """

    start: str
    after: str  # the day after its last one
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn. `counts` are [first day of the period, key, downloads]; the key of the rest is NULL."""

    project: str
    by: str | None  # a breakdown's name
    kind: Kind
    theme: Theme
    granularity: str  # day, week or month
    start: str
    end: str
    periods: tuple[Period, ...]
    days: dict[Fault, int]  # how many are missing, provisional, suspect
    counts: list[tuple[str, str | None, int]] = field(default_factory=list)

    def packed(self, counts: bytes) -> bytes:
        """For `unpacked`, in another process; with the counts as Postgres has written them."""
        fields = {name: value for name, value in asdict(self).items() if name != "counts"}
        return b'%b,"counts":%b}' % (json.dumps(fields).encode().removesuffix(b"}"), counts)

    @classmethod
    def unpacked(cls, message: bytes) -> "Chart":
        """What was packed."""
        fields = json.loads(message)
        return cls(**fields | {"periods": tuple(Period(**period) for period in fields["periods"])})


def faults_in(periods: Iterable[Period]) -> set[Fault]:
    """All that is to be explained."""
    return {fault for period in periods for fault in period.faults}
