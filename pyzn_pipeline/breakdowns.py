"""The breakdowns of a day. Each is described here once; scan, staging, audits and assets are generated from it.

To add one, add an entry here and a migration that creates `packed_by_<name>` and its view.
"""

from dataclasses import dataclass

UNKNOWN = "(unknown)"
"""The key for NULL at the source. No version or country contains parentheses, so it is never a real one."""


@dataclass(frozen=True)
class Breakdown:
    """One way to divide a project's day.

    `expression` is BigQuery SQL over `file_downloads`; NULL means unknown.
    `counts` names the subsets of downloads ("pip", "ci") that its packed table counts as well.
    """

    name: str
    expression: str
    counts: tuple[str, ...]
    description: str

    @property
    def table(self) -> str:
        """The packed table, in the schema `pyzn`."""
        return f"packed_by_{self.name}"

    @property
    def columns(self) -> list[str]:
        """The columns of a scan's row that go into its packed table."""
        subsets = [f"{count}_{kind}" for count in self.counts for kind in ("downloads", "counts")]
        return ["project", "downloads", "document", *subsets]

    @property
    def view(self) -> str:
        """The tidy view in the schema `pyzn`; the asset has the same name."""
        return f"downloads_by_{self.name}"


VERSION = Breakdown(
    name="version",
    expression="file.version",
    counts=("pip", "ci"),
    description="Downloads per UTC day, project and version: all of them, by pip, and by CI.",
)
COUNTRY = Breakdown(
    name="country",
    expression="country_code",
    counts=(),
    description="Downloads per UTC day, project and country (ISO 3166-1 alpha-2).",
)
BREAKDOWNS = (VERSION, COUNTRY)
