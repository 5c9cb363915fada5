"""A joint distribution, from rows of BigQuery through Dagster and Postgres to the API: every marginal is equal."""

from collections import Counter
from collections.abc import Callable
from datetime import date

from pyzn_pipeline.breakdowns import KNOWN
from tests.days import Download
from tests.pipeline.conftest import Pipeline, api_after

DAY = date(2026, 7, 14)
JOINT = {  # downloads by project, cpu, Python and glibc of who downloads
    ("numpy", "x86_64", "3.12.1", "2.39"): 7,
    ("numpy", "x86_64", "3.12.4", "2.17"): 2,
    ("numpy", "aarch64", "3.14.0", "2.39"): 3,
    ("numpy", "ppc64le", None, "2.28"): 1,
    ("polars", "x86_64", "3.9.1", None): 4,
    ("polars", "aarch64", "3.12.1", "2.39"): 5,
    ("polars", None, "3.14.0", "2.41"): 1,
}
MARGINALS: dict[str, Callable[[str | None, str | None, str | None], str]] = {
    "cpus?": lambda cpu, _, __: cpu or "(unknown)",
    "pythons?version=1*": lambda _, python, __: ".".join(python.split(".")[:2]) if python else "(unknown)",
    "libcs?": lambda _, __, glibc: f"glibc {glibc}" if glibc else "glibc",
    "wheels?by=arch": lambda cpu, _, __: cpu or "riscv64",
}


def test_every_marginal_of_a_joint_distribution_reaches_the_api(pipeline: Pipeline) -> None:
    downloads = [
        Download(
            project,
            python=python,
            filename=f"{project}-1.0-cp39-abi3-manylinux_2_17_{cpu or 'riscv64'}.whl",
            times=times,
            libc=f"glibc {glibc or ''}",
            cpu=cpu,
        )
        for (project, cpu, python, glibc), times in JOINT.items()
    ]
    pipeline.load(downloads, DAY)
    names = [breakdown.name for breakdown in KNOWN]
    assert pipeline.with_settings(breakdowns=names).execute("daily_downloads", partition_key=str(DAY)).success
    with api_after(DAY, pipeline.database) as client:
        for route, key in MARGINALS.items():
            for project in ("numpy", "polars", *(["__all__"] * ("version" not in route))):
                right: Counter[str] = Counter()
                for (name, *keys), times in JOINT.items():
                    right[key(*keys)] += times * (project in {name, "__all__"})
                answer = client.get(f"/api/v4/projects/{project}/{route}&start={DAY}").json()["downloads"]
                (part,) = answer[0].keys() - {"period", "downloads"}
                assert {row[part]: row["downloads"] for row in answer} == +right, (route, project)
