"""Breaks PyZn on purpose, with its real parts, and counts the wrong results: `python -m chaos --help`.

One file per check; all of them measure with `exactness`. Nothing here is shipped, and the product does not import
it: faults come from outside, by signals, a proxy, locks and triggers in Postgres, and the emulator's own faults.
"""

import tests  # noqa: F401 - for its effect: the caller's settings are gone from the environment
