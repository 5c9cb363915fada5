"""What a chart shows. It is made by the API and drawn by another process, so it is texts, numbers and lists only.

That process imports this module, and so nothing here or in how charts look may import the API's framework or driver.
"""

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import Literal

from pyzn_api.windows import Granularity

Kind = Literal["bars", "map"]
Range = Literal["month", "quarter", "year", "all"]
Theme = Literal["light", "dark"]
Fault = Literal["missing", "provisional", "suspect"]  # why a day's number is not the last word

LENGTH = struct.Struct("!I")  # of a message between the API and the process that draws, in bytes, before it


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn. `counts` are [first day of the period, key, downloads]; the key of the rest is NULL."""

    project: str
    by: str | None  # a breakdown's name
    kind: Kind
    theme: Theme
    granularity: Granularity
    start: str
    end: str
    faults: dict[Fault, list[str]]  # the days with each, oldest first
    counts: list[tuple[str, str | None, int]] = field(default_factory=list)

    def packed(self, counts: bytes) -> bytes:
        """For `unpacked`, in another process; with the counts as Postgres has written them."""
        fields = {name: value for name, value in asdict(self).items() if name != "counts"}
        return b'%b,"counts":%b}' % (json.dumps(fields).encode().removesuffix(b"}"), counts)

    @classmethod
    def unpacked(cls, message: bytes) -> "Chart":
        """What was packed."""
        return cls(**json.loads(message))
