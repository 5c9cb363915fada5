"""Downloads of a project with 80 wheels, of a pure one, and of one that nobody downloads as a wheel."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tests.days import Download


class Platform(NamedTuple):
    """A platform tag, and who downloads it: how many of ten thousand by C library."""

    tag: str
    system: str
    cpu: str
    libcs: dict[str | None, int]


PYTHONS = {  # the tags, and their share in a hundred
    "cp310-cp310": 12, "cp311-cp311": 20, "cp312-cp312": 31, "cp313-cp313": 22, "cp313-cp313t": 1, "cp314-cp314": 12,
    "cp314-cp314t": 2, "pp311-pypy311_pp73": 0,
}  # fmt: skip
X86: dict[str | None, int] = {
    "glibc 2.17": 90,
    "glibc 2.28": 500,
    "glibc 2.31": 900,
    "glibc 2.35": 1800,
    "glibc 2.36": 2300,
    "glibc 2.39": 1500,
}
PLATFORMS = [
    Platform("manylinux2014_x86_64.manylinux_2_17_x86_64", "Linux", "x86_64", X86),
    Platform("manylinux2014_aarch64.manylinux_2_17_aarch64", "Linux", "aarch64", {"glibc 2.26": 60, "glibc 2.41": 900}),
    Platform("manylinux_2_28_ppc64le", "Linux", "ppc64le", {}),
    Platform("manylinux2014_i686.manylinux_2_17_i686", "Linux", "i686", {}),
    Platform("musllinux_1_2_x86_64", "Linux", "x86_64", {None: 310}),
    Platform("musllinux_1_2_aarch64", "Linux", "aarch64", {None: 90}),
    Platform("macosx_11_0_arm64", "Darwin", "arm64", {None: 520}),
    Platform("macosx_10_13_x86_64", "Darwin", "x86_64", {None: 100}),
    Platform("win_amd64", "Windows", "AMD64", {None: 640}),
    Platform("win32", "Windows", "x86", {None: 40}),
]
DAYS = 3
ROBOTS = 7  # downloads of each file


def of_compiled() -> Iterator[Download]:
    """Downloads of a project with a wheel for each Python and platform: users, and robots that fetch every file."""
    for (python, share), platform in product(PYTHONS.items(), PLATFORMS):
        file = Download(
            "compiled",
            python=f"{python[2]}.{python[3:5]}.4",
            system=platform.system,
            filename=f"compiled-1.0-{python}-{platform.tag}.whl",
            cpu=platform.cpu,
            implementation="PyPy" if python.startswith("pp") else "CPython",
        )
        for libc, number in platform.libcs.items():
            times = number * share // 100
            yield file._replace(libc=libc, ci=True, times=times // 3)
            yield file._replace(libc=libc, times=times - times // 3)
        yield Download("compiled", installer="requests", filename=file.filename, times=ROBOTS)
    old = Download("compiled", python="3.9.2", system="Linux", filename="compiled-1.0.tar.gz", cpu="x86_64")
    yield old._replace(libc="glibc 2.17", implementation="CPython", times=180)


def downloads() -> list[Download]:
    """Downloads of a day."""
    pure = Download("pure", python="3.12", system="Linux", filename="pure-1.0-py3-none-any.whl", libc="glibc 2.36")
    found = [
        *of_compiled(),
        pure._replace(times=400),
        pure._replace(filename="pure-1.0.tar.gz", times=30),
        Download("never", "1", python="3.8", filename="never-1.tar.gz", times=20),
        Download("never", "1", installer="bandersnatch", filename="never-1-py3-none-any.whl", times=5),
    ]
    return [each for each in found if each.times]
