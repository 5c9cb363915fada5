"""Breaks PyZn on purpose, with its real parts, and counts the wrong results: `python -m chaos --help`.

One file per check; all of them measure with `exactness`. Nothing here is shipped, and the product does not import
it: faults come from outside, by signals, a proxy, locks and triggers in Postgres, and the emulator's own faults.
"""

from importlib import import_module

import_module("tests")  # takes the settings of the caller out of the environment
