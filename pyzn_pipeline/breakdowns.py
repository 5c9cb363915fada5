"""The counts and breakdowns of a day. Each is described here once, and everything else follows from it.

To add a breakdown, add an entry to KNOWN and a migration: its column in `pyzn.project_days`, its view, and
`pyzn.day_checksum` with that column.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from pyzn_pipeline import keys

UNKNOWN = "(unknown)"
"""The key for NULL at the source. No real key contains parentheses."""

MIRRORS = ("bandersnatch", "z3c.pypimirror", "Artifactory", "devpi")
"""The installers that copy PyPI, as pypistats.org defines them."""


@dataclass(frozen=True)
class Count:
    """A number of a project's day: how many of its rows fulfil `condition`, BigQuery SQL that is never NULL."""

    name: str
    column: str
    condition: str

    @property
    def label(self) -> str:
        """The name in the UI and in messages."""
        return self.column.replace("_", " ").replace("ci ", "CI ")


DOWNLOADS = Count("downloads", "downloads", "TRUE")
PIP = Count("pip", "pip_downloads", "IFNULL(details.installer.name = 'pip', FALSE)")
CI = Count("ci", "ci_downloads", "IFNULL(details.ci, FALSE)")
WITHOUT_MIRRORS = Count(
    "without_mirrors",
    "downloads_without_mirrors",
    f"IFNULL(details.installer.name NOT IN ({', '.join(map(repr, MIRRORS))}), FALSE)",
)
FILES = Count("files", "files", r"IFNULL(REGEXP_CONTAINS(file.filename, r'(?i)\.(whl|tar\.gz|zip)$'), FALSE)")
"""PyPI's own rule for a download since 2026-08-24, on every day. A day that was read without file names lacks it."""
COUNTS = (DOWNLOADS, PIP, CI, WITHOUT_MIRRORS, FILES)
COUNT_COLUMNS = tuple(count.column for count in COUNTS)
FILES_WITHOUT_MIRRORS = Count(
    "files_without_mirrors", "files_without_mirrors", f"{FILES.condition} AND {WITHOUT_MIRRORS.condition}"
)
KNOWN_COUNTS = (*COUNTS, FILES_WITHOUT_MIRRORS)
"""The counts that a day can have. It has those of files only if needed, and if it is known what a file is."""


@dataclass(frozen=True)
class Key:
    """A key of a breakdown: its SQL over `file_downloads`, in BigQuery's dialect; NULL means unknown.

    The API can be asked for keys of the form `filters`, such as `example`, in which `*` is anything if there are
    `wildcard`s.
    """

    name: str
    description: str
    expression: str
    example: str
    filters: str = r"^[^\u0000]{0,100}$"
    wildcard: bool = False


@dataclass(frozen=True)
class Breakdown:
    """One way to divide a project's day: by a key, or by two.

    `counted` are the rows that count, and `subsets` are counted for each key as well. `common`: a key means the same
    for every project, so all of PyPI is divided by it too.
    """

    name: str
    plural: str
    description: str
    keys: tuple[Key, ...]
    counted: Count = DOWNLOADS
    subsets: tuple[Count, ...] = ()
    common: bool = True

    @property
    def expression(self) -> str:
        """BigQuery SQL for the text in documents, never NULL: the key, or two with a space between.

        The first of two has no space itself.
        """
        texts = [f"IFNULL({key.expression}, '{UNKNOWN}')" for key in self.keys]
        return texts[0] if len(texts) == 1 else f"CONCAT({texts[0]}, ' ', {texts[1]})"

    @property
    def counts(self) -> tuple[Count, ...]:
        """The count of each of its columns, the document first."""
        return (self.counted, *self.subsets)

    @property
    def document(self) -> str:
        """The column with {"key": downloads, …}, in code-point order of the keys."""
        return f"by_{self.name}"

    @property
    def columns(self) -> list[str]:
        """The document's column, and for each subset one with [downloads, …] in the order of the document's keys."""
        return [self.document, *(f"{subset.name}_by_{self.name}" for subset in self.subsets)]

    @property
    def view(self) -> str:
        """The tidy view in the schema `pyzn`; the asset has the same name."""
        return f"downloads_by_{self.name}"


VERSION = Breakdown(
    "version",
    "versions",
    "Downloads per UTC day, project and version: all of them, by pip, by CI, and of files.",
    (Key("version", "the release as PyPI spells it", "file.version", example="2.*", wildcard=True),),
    subsets=(PIP, CI, FILES),
    common=False,
)
COUNTRY = Breakdown(
    "country",
    "countries",
    "Downloads per UTC day, project and country (ISO 3166-1 alpha-2).",
    # ISO 3166-1 alpha-2; what Fastly and MaxMind add (T1, A1, **); nothing at all; a mark.
    (Key("country", "an ISO 3166-1 alpha-2 code", "country_code", "US", filters=r"^([^\u0000]{0,2}|\([a-z ]+\))$"),),
)
INSTALLER = Breakdown(
    "installer",
    "installers",
    "Downloads per UTC day, project and installer (pip, uv, bandersnatch, …).",
    (Key("installer", "the installer's name", "details.installer.name", example="pip"),),
)
PYTHON = Breakdown(
    "python",
    "pythons",
    "Downloads per UTC day, project and minor version of Python (3.12), without mirrors.",
    (
        Key(
            "python",
            "the minor version of Python",
            r"REGEXP_EXTRACT(details.python, r'^[0-9]+\.[0-9]+')",
            example="3.*",
            filters=r"^([0-9.*]{1,100}|\([a-z ]+\))$",
            wildcard=True,
        ),
    ),
    counted=WITHOUT_MIRRORS,
)
SYSTEM = Breakdown(
    "system",
    "systems",
    "Downloads per UTC day, project and operating system (Linux, Darwin, Windows, …), without mirrors.",
    (Key("system", "the operating system's name", "details.system.name", example="Linux"),),
    counted=WITHOUT_MIRRORS,
)
BREAKDOWNS = (VERSION, COUNTRY, INSTALLER, PYTHON, SYSTEM)
"""The breakdowns of a day, unless the deployment chooses others."""

WHEEL = Breakdown(
    "wheel",
    "wheels",
    "Files per UTC day, project and tags of the wheel (cp312-cp312-win_amd64), or sdist, without mirrors.",
    (
        Key(
            "wheel",
            "the tags of a wheel, sdist or (other)",
            keys.WHEEL,
            example="cp39-abi3-*",
            filters=r"^([A-Za-z0-9_.*-]{1,300}|\([a-z ]+\))$",
            wildcard=True,
        ),
    ),
    counted=FILES_WITHOUT_MIRRORS,
)
LIBC = Breakdown(
    "libc",
    "libcs",
    "Files per UTC day, project and C library of who downloads (glibc 2.39), without mirrors.",
    (Key("libc", "the C library and its version", keys.LIBC, example="glibc 2.*", wildcard=True),),
    counted=FILES_WITHOUT_MIRRORS,
)
CPU = Breakdown(
    "cpu",
    "cpus",
    "Files per UTC day, project and architecture of who downloads (x86_64, aarch64, …), without mirrors.",
    (Key("cpu", "the processor's architecture", "details.cpu", example="aarch64"),),
    counted=FILES_WITHOUT_MIRRORS,
)
IMPLEMENTATION = Breakdown(
    "implementation",
    "implementations",
    "Files per UTC day, project and implementation of Python (CPython, PyPy, …), without mirrors.",
    (Key("implementation", "the implementation of Python", "details.implementation.name", example="PyPy"),),
    counted=FILES_WITHOUT_MIRRORS,
)
INSTALLER_VERSION = Breakdown(
    "installer_version",
    "installer-versions",
    "Files per UTC day, project and minor version of the installer (pip 26.1).",
    (Key("installer_version", "the installer and its version", keys.INSTALLER_VERSION, "pip 26.*", wildcard=True),),
    counted=FILES,
)
DISTRO = Breakdown(
    "distro",
    "distros",
    "Files per UTC day, project and distribution of who downloads (Ubuntu 24.04), without mirrors.",
    (Key("distro", "the distribution and its version", keys.DISTRO, example="Ubuntu *", wildcard=True),),
    counted=FILES_WITHOUT_MIRRORS,
)
VERSION_PYTHON = Breakdown(
    "version_python",
    "version-pythons",
    "Files per UTC day, project, version and minor version of Python, without mirrors.",
    (*PYTHON.keys, *VERSION.keys),
    counted=FILES_WITHOUT_MIRRORS,
    common=False,
)
KNOWN = (*BREAKDOWNS, WHEEL, LIBC, CPU, IMPLEMENTATION, INSTALLER_VERSION, DISTRO, VERSION_PYTHON)
"""The breakdowns that a deployment can choose (PYZN_BREAKDOWNS)."""


def known(names: Collection[str]) -> tuple[Breakdown, ...]:
    """Return the breakdowns of these names."""
    return tuple(breakdown for breakdown in KNOWN if breakdown.name in names)


def needs_files(breakdowns: Collection[Breakdown]) -> bool:
    """Return whether one of the breakdowns counts files, so that file names are read where they are needed."""
    return any(breakdown.counted in (FILES, FILES_WITHOUT_MIRRORS) for breakdown in breakdowns)


@dataclass(frozen=True)
class Contents:
    """The counts and breakdowns that a day has: all, unless it was read without file names or before one existed.

    The breakdowns have only such subsets as the day has.
    """

    counts: tuple[Count, ...] = COUNTS
    breakdowns: tuple[Breakdown, ...] = field(default_factory=lambda: BREAKDOWNS)

    @classmethod
    def of(cls, numbers: Mapping[str, object], breakdowns: Collection[str]) -> Self:
        """The contents of a day with these `numbers` by column (None is lacking), and breakdowns of these names."""
        counts = tuple(count for count in KNOWN_COUNTS if numbers.get(count.column) is not None)
        return cls(
            counts,
            tuple(
                replace(breakdown, subsets=tuple(subset for subset in breakdown.subsets if subset in counts))
                for breakdown in known(breakdowns)
            ),
        )

    @property
    def count_columns(self) -> list[str]:
        """The column of each count."""
        return [count.column for count in self.counts]

    @property
    def columns(self) -> list[str]:
        """The columns of a project's row: its name, its counts, its documents."""
        documents = [column for breakdown in self.breakdowns for column in breakdown.columns]
        return ["project", *self.count_columns, *documents]
