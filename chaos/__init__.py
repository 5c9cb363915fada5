"""Breaks PyZn on purpose, with its real parts, and counts what came out wrong: `python -m chaos --help`.

One file per check; `exactness` is what they all measure with. Nothing here is shipped, and nothing in the product
knows of it: faults come from outside, by signals, a proxy, locks and triggers in Postgres, the stand-in's own faults.
"""

import tests  # noqa: F401 - whose import forgets the settings of the caller
