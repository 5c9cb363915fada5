"""A chart for the UI, as an image in Markdown: Dagster's own plots show neither missing nor suspect days.

It is about 35 lines of SVG, written by hand: a chart library would add tens of megabytes. It is kept short, because
Dagster hides Markdown of 1,000 characters or more behind a link.
"""

from datetime import date, timedelta
from urllib.parse import quote

import pandas as pd
from dagster import MarkdownMetadataValue, MetadataValue

DAYS = 35
COLOURS = {"final": "#4f46e5", "provisional": "#818cf8", "suspect": "#f59e0b", "missing": "#ef4444"}
HEIGHT = 12  # of the tallest line; a day is 1 wide


def downloads_by_day(totals: pd.DataFrame, last: date) -> MarkdownMetadataValue:
    """The downloads of the five weeks that end with `last`: one line a day, coloured by status.

    `totals` comes from store.rankings.totals. A day that is not in it is a red mark on the axis.
    """
    first = last - timedelta(days=DAYS - 1)
    statuses, heights = dict.fromkeys(range(DAYS), "missing"), dict.fromkeys(range(DAYS), 0.3)
    tallest = int(totals["downloads"].max())
    for row in totals.to_dict("records"):
        place = (row["day"] - first).days
        statuses[place], heights[place] = str(row["status"]), HEIGHT * int(row["downloads"]) / tallest
    paths = "".join(
        f"<path stroke='{colour}' d='{''.join(strokes)}'/>"
        for status, colour in COLOURS.items()
        if (strokes := [f"M{n + 1},{HEIGHT}V{HEIGHT - heights[n]:.3g}" for n in range(DAYS) if statuses[n] == status])
    )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {DAYS + 1} {HEIGHT}' width='420' stroke-width='.8'>"
        f"{paths}</svg>"
    )
    counts = pd.Series(statuses).value_counts().to_dict()
    key = ", ".join(f"{counts[status]} {status}" for status in COLOURS if status in counts)
    picture = "data:image/svg+xml," + quote(svg, safe="'/:=,.")
    return MetadataValue.md(
        f"![downloads by day]({picture})\n\n{first} to {last}\n\n{key}\n\nmost on a day: {tallest:,}"
    )
