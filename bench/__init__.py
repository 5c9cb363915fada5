"""The promised speeds, measured: `python -m bench`."""

import tests  # noqa: F401 - importing it removes the caller's settings from the environment
