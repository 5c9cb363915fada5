"""The promised speeds, measured: `python -m bench`."""

from importlib import import_module

import_module("tests")  # takes the settings of the caller out of the environment
