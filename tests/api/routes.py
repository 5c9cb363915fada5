"""Every documented route, with each parameter that changes the data of its answer."""

VARIANTS = {
    "/api/projects/{project}": [""],
    "/api/v2/projects/{project}": [""],
    "/api/v3/pro/projects/{project}/downloads": ["", "?timeRange=FOUR_MONTHS", "?includeCIDownloads=false"],
    "/service-api/v1/pro/projects/{project}/downloads": [""],
    "/api/v3/pro/projects/{project}/country-downloads": [""],
    "/api/v1/admin/projects/{project}": ["?password=secret"],
    "/badge/{project}": [""],
    "/badge/{project}/month": [""],
    "/badge/{project}/week": [""],
    "/personalized-badge/{project}": ["", "?period=month", "?period=week&units=none"],
    "/chart/{project}.svg": [
        "",
        "?by=version&range=quarter&theme=dark",
        "?by=country&range=year&kind=map",
        "?by=system&range=all",
    ],
    "/api/packages/{project}/recent": ["", "?period=day", "?period=week"],
    "/api/packages/{project}/overall": ["", "?mirrors=true", "?mirrors=false"],
    "/api/packages/{project}/python_major": ["", "?version=3"],
    "/api/packages/{project}/python_minor": ["", "?version=3.12"],
    "/api/packages/{project}/system": ["", "?os=linux"],
    "/api/v4/projects": ["?name={project}&name=no-such-project", "?name={project}&format=csv"],
    "/api/v4/projects/{project}": ["", "?format=csv"],
    "/api/v4/projects/{project}/downloads": ["", "?start=2026-07-01&granularity=week", "?format=csv"],
    "/api/v4/series": ["?name={project}&name=other", "?name={project},no-such-project&format=csv"],
    "/api/v4/projects/{project}/versions": [
        "",
        "?count=files",
        "?start=2026-07-01&end=2026-07-20",
        "?format=csv",
        "?granularity=month",
    ],
    "/api/v4/projects/{project}/countries": ["", "?format=csv&country=US"],
    "/api/v4/projects/{project}/installers": ["", "?start=2026-07-18"],
    "/api/v4/projects/{project}/pythons": ["", "?python=3.*"],
    "/api/v4/projects/{project}/systems": ["", "?system=linux"],
    "/api/v4/days": ["", "?start=2026-07-01", "?format=csv"],
    "/api/v4/events": ["", "?start=2026-07-01&end=2026-07-31", "?kind=definition&format=csv"],
    "/events.atom": [""],
    "/top-pypi-packages.min.json": [""],
    "/top-pypi-packages.json": [""],
    "/top-pypi-packages-30-days.min.json": [""],
    "/top-pypi-packages-30-days.json": [""],
    "/top-pypi-packages.csv": [""],
    "/api/v4/top": ["", "?period=week", "?period=month&format=csv"],
}
CHOSEN = {
    "/api/v4/projects/{project}/wheels": ["", "?format=csv&by=family"],
    "/api/v4/projects/{project}/libcs": ["?libc=glibc*"],
    "/api/v4/projects/{project}/cpus": ["?cpu=x86_64"],
    "/api/v4/projects/{project}/implementations": ["?implementation=CPython"],
    "/api/v4/projects/{project}/installer-versions": ["?installer_version=pip*"],
    "/api/v4/projects/{project}/distros": ["?distro=Ubuntu*"],
}
"""The routes of breakdowns that are not read by default: 404 unless a day has them."""

NEVER_KEPT = ["/health-check", "/api/v4/status"]  # no ETag, and no-store
DOCUMENTATION = ["/openapi.json", "/docs", "/docs/swagger-ui.css", "/docs/start.js"]


def urls(project: str, *, chosen: bool = False) -> list[str]:
    """The URLs of all routes about one project, or about none; those of CHOSEN only if they are."""
    routes = VARIANTS | (CHOSEN if chosen else {})
    found = [path + variant for path, variants in routes.items() for variant in variants]
    return [url.replace("{project}", project) for url in found]


def urls_of_all_of_pypi() -> list[str]:
    """The URLs of the routes that take `__all__`."""
    found = [path.replace("{project}", "__all__") for path in VARIANTS if path.startswith("/api/packages/")]
    found += ["/api/v4/projects/__all__/downloads", "/api/v4/series?name=__all__"]
    return [*found, "/chart/__all__.svg", "/chart/__all__.svg?by=country&range=all"]
