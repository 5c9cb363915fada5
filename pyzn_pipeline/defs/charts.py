"""A chart for the UI, as a picture inside Markdown: Dagster's own plots show no weekdays, gaps or doubts.

A few dozen rectangles, so SVG by hand: matplotlib would be 60 MB of image for it.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd
from dagster import MarkdownMetadataValue, MetadataValue

WEEKS = 5
BAR, GAP, HEIGHT, MARGIN = 14, 4, 160, 22  # pixels
COLOURS = {"final": "#4f46e5", "provisional": "#818cf8", "suspect": "#f59e0b", "missing": "#ef4444"}


def downloads_by_day(totals: pd.DataFrame, last: date) -> MarkdownMetadataValue:
    """The downloads of the five weeks that end with `last`, a bar a day; `totals` as store.rankings.totals gives it.

    Weekends are faded, a day that is not published is a red mark on the axis.
    """
    svg = "".join(_drawing(totals, [last - timedelta(days=ago) for ago in reversed(range(7 * WEEKS))]))
    key = ", ".join(f"{status} {count}" for status, count in _statuses(totals).items() if count)
    picture = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return MetadataValue.md(f"![downloads of PyPI by day]({picture})\n\n{7 * WEEKS} days: {key}")


def _statuses(totals: pd.DataFrame) -> dict[str, int]:
    counts = {str(status): int(count) for status, count in totals["status"].value_counts().items()}
    return counts | {"missing": 7 * WEEKS - len(totals)}


def _drawing(totals: pd.DataFrame, days: list[date]) -> Iterator[str]:
    width = len(days) * (BAR + GAP) + GAP
    published = {row["day"]: row for row in totals.to_dict("records")}
    tallest = max([int(row["downloads"]) for row in published.values()], default=1)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 2 * MARGIN}" '
        f'font-family="sans-serif" font-size="11" fill="#6b7280">'
        f'<text x="{GAP}" y="14">most on a day: {tallest:,}</text>'
    )
    for place, day in enumerate(days):
        x, base = GAP + place * (BAR + GAP), HEIGHT + MARGIN
        status = published[day]["status"] if day in published else "missing"
        height = max(round(HEIGHT * int(published[day]["downloads"]) / tallest), 1) if day in published else 4
        faded = ' opacity="0.55"' if day.isoweekday() > 5 else ""
        yield f'<rect x="{x}" y="{base - height}" width="{BAR}" height="{height}" fill="{COLOURS[status]}"{faded}/>'
        if day.isoweekday() == 1:
            yield f'<text x="{x}" y="{base + 14}">{day:%d %b}</text>'
    yield "</svg>"
