"""Runs all benchmarks and prints one table.

    python -m bench SIZE [publishing|breakdowns|exchange|serving|charts|engines]...

SIZE is the fraction of a full day of PyPI: 1 for all of it, 0.01 to check that everything runs.
Without names: all benchmarks.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

import psutil

from bench import charts, engines, exchange, publishing, serving
from bench.figures import show

GIB = 2**30
PARTS = {
    "publishing": publishing.figures,
    "breakdowns": publishing.by_all_breakdowns,
    "exchange": exchange.figures,
    "serving": serving.figures,
    "charts": charts.figures,
    "engines": engines.figures,
}


def main(size: float, names: list[str]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        figures = []
        for name in names or PARTS:
            for figure in PARTS[name](size, Path(folder)):
                sys.stderr.write(", ".join(figure.cells()) + "\n")
                figures.append(figure)
    memory = psutil.virtual_memory().total / GIB
    show(figures, f"{size:g} of PyPI; {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
