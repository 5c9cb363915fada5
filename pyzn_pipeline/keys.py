"""Keys of breakdowns that are more than a column: BigQuery SQL over `file_downloads`, NULL where the key is unknown."""

OTHER = "(other)"
"""The wheel key of a file whose name fits no rule. No real key contains parentheses."""

SDIST = "sdist"

_TAGS = r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*"

_WHEEL = rf"r'^[^-]+(?:-[^-]+)+-({_TAGS}-{_TAGS}-{_TAGS})\.whl$'"
_ARCHIVE = r"r'\.(?:tar\.gz|zip)$'"
_OF_A_PLATFORM = r"r'-[0-9][^-]*\.(?:linux|macosx|win)(?:-|32\.)'"

WHEEL = f"""COALESCE(
      (SELECT STRING_AGG(
         (SELECT STRING_AGG(DISTINCT tag, '.' ORDER BY tag) FROM UNNEST(SPLIT(part, '.')) AS tag), '-' ORDER BY place)
       FROM UNNEST(SPLIT(REGEXP_EXTRACT(file.filename, {_WHEEL}), '-')) AS part WITH OFFSET AS place),
      IF(REGEXP_CONTAINS(file.filename, {_ARCHIVE}) AND NOT REGEXP_CONTAINS(file.filename, {_OF_A_PLATFORM}),
         '{SDIST}', '{OTHER}'))"""  # noqa: S608 - made of the constants above
"""The tags of a wheel, `cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64`: those of each part once and in
code-point order, so that every way to write a compressed set is one key. SDIST for a source archive, which has no
platform in its name (bdist_dumb's does). OTHER for all else; no file is lost.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/. Build numbers do not matter. Names of
before the specification, which `packaging` refuses, have their tags at the end as well.
"""


def _with_version(name: str, version: str) -> str:
    """SQL for `pip 26.1`: the name and as many as two numbers of its version, or the name alone."""
    numbers = rf"REGEXP_EXTRACT({version}, r'^[0-9]+(?:\.[0-9]+)?')"
    return f"CONCAT({name}, IFNULL(CONCAT(' ', {numbers}), ''))"


LIBC = _with_version("details.distro.libc.lib", "details.distro.libc.version")
INSTALLER_VERSION = _with_version("details.installer.name", "details.installer.version")
DISTRO = _with_version("details.distro.name", "details.distro.version")
