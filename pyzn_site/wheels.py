"""/projects/{project}/wheels: what maintainers decide with: platforms, Pythons, the glibc of those who download."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from pyzn_api.cache import Snapshot
from pyzn_api.errors import UnknownProjectError
from pyzn_api.ledger import Basis, Ledger
from pyzn_api.names import ALL, known_form_or_all
from pyzn_api.routes.counts import MOST
from pyzn_api.state import state
from pyzn_api.wheels import GLIBC, NONE, tags_of
from pyzn_api.windows import Window
from pyzn_pipeline.breakdowns import CPU, IMPLEMENTATION, LIBC, PYTHON, SYSTEM, UNKNOWN, WHEEL, Breakdown
from pyzn_site.charts import chart_of
from pyzn_site.counting import by_key, of_project
from pyzn_site.periods import first_of
from pyzn_site.project import unknown_project
from pyzn_site.rendering import path_of, respond
from pyzn_site.switches import switches
from pyzn_site.texts import percent
from pyzn_site.view import WORDS, Scope, View, measure_of, possible

PATH = "/projects/{project}/wheels"
LARGEST = 12  # rows of a table
_WEEKS_BEFORE = 52  # in a chart, besides the last one
_TOLERABLE = 0.05  # of the downloads: the last step that loses no more has a sentence, and so has the next one
_ALIKE = 5  # kinds of wheels that have the same small count
_SMALL = 0.01  # of the files

# Any glibc can be a baseline (PEP 600). These have a policy in auditwheel; those of many systems are added.
_BASELINES = [(2, minor) for minor in (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 38, 39)]
_ALIASES = {version: f" (manylinux{alias})" for alias, version in GLIBC.items()}
_COMMON = 0.01  # of the downloads
_FAMILIES = {"any": "any platform", "macos": "macOS", "windows": "Windows", "android": "Android", "ios": "iOS"}
_FAMILIES |= {"sdist": "source archive", "other": "(other)"}
_32_BITS = re.compile(r"i[3-6]86|x86|arm|armv[5-8]l")

router = APIRouter(include_in_schema=False)

Sums = Counter[str]  # downloads by key
Version = tuple[int, int]


class Topic(NamedTuple):
    """A section of the page: a breakdown, and the name that its table and chart have for a key (None: left out).

    `whole` are the downloads that have a name. A sentence gives the share of them for which one of `facts` holds, and
    `remarks` are others. With `steps`, the versions that could be required, the table has what each would lose.
    """

    title: str
    heading: str  # of the table
    breakdown: Breakdown
    name: Callable[[str], str | None]
    whole: str
    facts: Mapping[str, Callable[[str], bool]] = {}
    remarks: Callable[[Sums], Iterable[str]] = lambda _: ()
    steps: Callable[[Counter[Version]], Mapping[Version, str]] | None = None
    unknown: str = ""  # why some downloads have no name


def _is_wheel(key: str) -> bool:
    return key.count("-") == 2


def _platform(key: str) -> str:
    tags = tags_of(key)
    arch = "" if tags.arch in {NONE, "any", UNKNOWN} else f" {tags.arch}"
    return _FAMILIES.get(tags.family, tags.family) + arch


def _interpreter(key: str) -> str | None:
    """Return a wheel's tag of Python, and its ABI unless that is the one of the Python, or none."""
    tags = tags_of(key)
    if not _is_wheel(key):
        return None
    return tags.python if tags.abi in {"none", "version"} else f"{tags.python} {tags.abi}"


def _version(key: str) -> Version | None:
    """Return (2, 39) for `glibc 2.39`, (3, 12) for `3.12`."""
    found = re.fullmatch(r"(?:glibc )?(\d{1,4})\.(\d{1,4})", key)
    return (int(found[1]), int(found[2])) if found else None


def _baseline(version: Version) -> str:
    return f"manylinux_{version[0]}_{version[1]}"


def _glibc(key: str) -> str | None:
    """Return the newest of the baselines that a glibc is enough for."""
    version = _version(key)
    return version and _baseline(max((each for each in _BASELINES if each <= version), default=_BASELINES[0]))


def _python(key: str) -> str | None:
    return key if _version(key) else None


def _known(key: str) -> str | None:
    return None if key in {"", UNKNOWN} else key


def _has_32_bits(arch: str) -> bool:
    return all(map(_32_BITS.fullmatch, arch.split(".")))


def _about_wheels(sums: Sums) -> Iterable[str]:
    wheels = {key: count for key, count in sums.items() if _is_wheel(key)}
    if not wheels:
        yield "Nobody downloaded a wheel: each file was built where it was installed."
    elif all(tags_of(key).family == "any" for key in wheels):
        yield "Every wheel is for any platform: there is none to build besides, and none to drop."
    alike = Counter(count for count in wheels.values() if count <= _SMALL * sums.total()).most_common(1)
    for count, kinds in alike:
        if kinds >= _ALIKE:
            yield (
                f"{kinds} of {len(wheels)} kinds of wheels have the same small count, {count:,}: by chance, or "
                "by robots that fetch every file. Numbers of this size are no users."
            )


def _baselines(known: Counter[Version]) -> Mapping[Version, str]:
    common = {version for version, count in known.items() if count >= _COMMON * known.total()}
    return {version: _baseline(version) + _ALIASES.get(version, "") for version in sorted({*_BASELINES, *common})}


def _requirements(known: Counter[Version]) -> Mapping[Version, str]:
    found = sorted(version for version, count in known.items() if count >= _COMMON / 10 * known.total())
    return {version: f"requires-python >={version[0]}.{version[1]}" for version in found[1:] or found}


TOPICS = (
    Topic(
        "Platforms",
        "Files",
        WHEEL,
        _platform,
        "files",
        {
            "are wheels": _is_wheel,
            "are source archives": lambda key: tags_of(key).family == "sdist",
            "are wheels for 32 bits": lambda key: _has_32_bits(tags_of(key).arch),
        },
        _about_wheels,
    ),
    Topic(
        "Python and ABI of the wheels",
        "Wheels",
        WHEEL,
        _interpreter,
        "wheels",
        {
            "are abi3, which later versions of Python take too": lambda key: tags_of(key).abi == "abi3",
            "are for free-threaded Python": lambda key: tags_of(key).abi in {"free-threaded", "abi3t"},
            "are for PyPy": lambda key: tags_of(key).python.startswith("pp"),
        },
    ),
    Topic(
        "glibc of those who download",
        "Baseline",
        LIBC,
        _glibc,
        "downloads with a known glibc",
        steps=_baselines,
        unknown="no glibc is known: pip and uv alone report it, Windows and macOS have none, and musl is hardly ever "
        "reported (the musllinux wheels show it)",
    ),
    Topic(
        "Python of those who download",
        "Requirement",
        PYTHON,
        _python,
        "downloads with a known Python",
        steps=_requirements,
        unknown="no Python is known: pip, uv and setuptools alone report it. Whether a Python is free-threaded is not "
        "reported (its wheels show it)",
    ),
    Topic(
        "Systems of those who download",
        "System",
        SYSTEM,
        _known,
        "downloads with a known system",
        unknown="no system is known: pip, uv and poetry alone report it",
    ),
    Topic(
        "Machines of those who download",
        "Machine",
        CPU,
        _known,
        "downloads with a known machine",
        {"are for 32 bits": _has_32_bits},
        unknown="no machine is known: pip and uv alone report it",
    ),
    Topic(
        "Implementation of their Python",
        "Implementation",
        IMPLEMENTATION,
        _known,
        "downloads with a known implementation",
        {"are by PyPy": lambda key: key == "PyPy"},
        unknown="no implementation is known: pip, uv, poetry, pdm and twine alone report it",
    ),
)


def _figures(topic: Topic, sums: Sums) -> tuple[list[str], list[tuple[str, int]], int]:
    """Return the sentences, the rows of the table, and what these are parts of."""
    named, known = Sums(), Counter[Version]()
    for key, count in sums.items():
        if (name := topic.name(key)) is not None:
            named[name] += count
            if topic.steps and (version := _version(key)):
                known[version] += count
    total, rows = named.total(), named.most_common()
    holding = {fact: sum(count for key, count in sums.items() if holds(key)) for fact, holds in topic.facts.items()}
    sentences = [f"{percent(count, total)} of the {topic.whole} {fact}." for fact, count in holding.items() if total]
    if topic.steps:
        rows = [
            (name, sum(count for version, count in known.items() if version < step))
            for step, name in topic.steps(known).items()
        ]
        few = sum(lost <= _TOLERABLE * total for _, lost in rows)
        lose = [f"{name} would lose {percent(lost, total)} of the {topic.whole}" for name, lost in rows]
        sentences += [f"{each}." for each in lose[max(few - 1, 0) : few + 1] if total]
    sentences += topic.remarks(sums)
    if topic.unknown and total < sums.total():
        sentences.append(f"For {percent(sums.total() - total, sums.total())} of the downloads {topic.unknown}.")
    return sentences, rows, total


@router.get(PATH)
async def wheels(request: Request, project: str, view: Annotated[View, Query()]) -> Response:
    """Return the page of a project, or of ALL; for an unknown one, a page that helps to find it."""
    today, days = state(request).today, view.model_dump(include={"range", "start", "end"})
    view = View.model_construct(**days).ranged("month")  # the others change nothing here

    def year_before(window: Window) -> Window:
        return Window(first_of(window.end, "week") - timedelta(weeks=_WEEKS_BEFORE), window.end)

    def basis(ledger: Ledger) -> Basis:
        window = view.window(ledger, today)
        return Basis(Window(min(window.start, year_before(window).start), window.end), totals=True, days=True)

    async def make(snapshot: Snapshot) -> Mapping[str, object]:
        ledger, scope = snapshot.ledger, view.scope(snapshot.ledger, today)
        published, year = ledger.within(scope.window), year_before(scope.window)
        all_downloads, by_ci = [
            sum((await of_project(snapshot, name, scope._replace(measure=measure))).values())
            for measure in ("downloads", "ci")
        ]

        async def section(topic: Topic) -> Mapping[str, object]:
            """Return a topic with its numbers; without a total or a chart if there is too much to count."""
            by, measure = topic.breakdown, measure_of(topic.breakdown, scope.measure)
            found = await by_key(snapshot, name, scope, by, MOST["day"], every=True)
            sums = Counter(dict(found.keys))
            if rest := found.downloads - sums.total():
                sums[""] = rest  # of the keys that are too many
            sentences, rows, total = _figures(topic, sums)
            first = next((day.day for day in ledger.within(year) if by.name in day.breakdowns), year.start)
            since = Window(max(first, year.start), year.end)
            trend = Scope(since, possible(since)[0], measure)
            counted = await by_key(snapshot, name, trend, by, MOST[trend.granularity], every=True)
            named = ((period, topic.name(key) if key else None, number) for period, key, number in counted.counts or ())
            counts = [each for each in named if each[1]]
            return {
                "topic": topic,
                "words": WORDS[measure],  # what is counted
                "sentences": sentences,
                "rows": rows if topic.steps else rows[:LARGEST],
                "number": len(rows),
                "total": None if found.counts is None else total,
                "trend": trend,  # of the chart
                "chart": chart_of(f"{title}, {topic.title}", trend, ledger, counts, by, share=True) if counts else None,
                "lacking": sum(by.name not in day.breakdowns for day in published),  # days not read by the breakdown
            }

        held = {each for day in published for each in day.breakdowns}
        return {
            "project": name,
            "title": title,
            "everything": name == ALL,
            "view": view,
            "scope": scope,
            "switches": switches(path, view, scope, ledger)[:1],
            "not_final_days": ledger.uncertain(scope.window),
            "downloads": all_downloads,
            "by_ci": by_ci,
            "sections": [await section(topic) for topic in TOPICS if topic.breakdown.name in held],
            "lacking": sorted({topic.breakdown.name for topic in TOPICS} - held) if published else [],
            "canonical": path,
        }

    try:
        name = known_form_or_all(project)
        path, title = path_of("projects", name, "wheels"), "all of PyPI" if name == ALL else name
        return await respond(request, "wheels.html", (name, view), basis, make)
    except UnknownProjectError:
        return await unknown_project(request, project)
