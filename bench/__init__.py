"""The promised speeds, measured: `python -m bench`."""

import tests  # noqa: F401 - for its effect: the caller's settings are gone from the environment
