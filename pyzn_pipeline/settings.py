"""All settings of the pipeline, with types, read from the environment once.

No other module of this package reads `os.environ` for a setting of PyZn, and nothing is read at import.
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pyzn_pipeline import environment
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, VERSION
from pyzn_pipeline.days import DaysRefused, day_of
from pyzn_pipeline.environment import items, postgres_url

TIB = 2**40  # bytes; the unit that BigQuery prices

ReadFilenames: TypeAlias = Literal["auto", "always", "never"]

HINT = "`pyzn up` starts a stack with all settings; the other commands find it through $PYZN_HOME."

T = TypeVar("T", bound=BaseSettings)


PostgresUrl = Annotated[SecretStr, AfterValidator(postgres_url)]


def _web_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected https://HOST/PATH")
    return value


WebUrl = Annotated[SecretStr, AfterValidator(_web_url)]


STORAGES = ("http", "https", "file", "gs", "s3")


def storage_parts(url: str, schemes: Sequence[str] = STORAGES) -> SplitResult:
    """Return the parts of a path, or of a URL with one of the schemes. Raises ValueError, which never has the URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for what is none
    except ValueError:
        raise ValueError("it is not a URL: check brackets and port, and write %25 for %") from None
    if parts.scheme and parts.scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"{parts.scheme}:// is not known: expected a folder, or a URL with {known}")
    if parts.scheme in {"http", "https", "gs", "s3"} and not parts.hostname:
        raise ValueError(f"it names no host: expected {parts.scheme}://NAME/PATH")
    if parts.scheme == "file" and parts.netloc:
        raise ValueError("file:// does not reach another machine: expected file:///PATH")
    if parts.scheme in {"http", "https", "file"} and (parts.query or parts.fragment):
        raise ValueError("it has a query or fragment, and file names come after it: name the folder alone")
    return parts


def _storage(url: str, schemes: Sequence[str] = STORAGES) -> str:
    parts = storage_parts(url, schemes)
    if "@" in parts.netloc:
        raise ValueError("it has a password, which the UI would show: use the environment's credentials, or ~/.netrc")
    if parts.scheme in {"", "file"} and not Path(parts.path).is_absolute():
        raise ValueError("it depends on the working directory: expected an absolute path")
    return url


def _day(value: object) -> object:
    """Return the day that is written as YYYY-MM-DD; pydantic would take a number for seconds since 1970."""
    try:
        return day_of(value) if isinstance(value, str) else value
    except DaysRefused as error:
        raise ValueError(str(error)) from None


Day = Annotated[date, BeforeValidator(_day)]

MirrorUrl = Annotated[str, AfterValidator(_storage)]
ExportUrl = Annotated[str, AfterValidator(partial(_storage, schemes=("file", "gs", "s3")))]


def _breakdowns(names: list[str]) -> list[str]:
    if unknown := [name for name in names if name not in {breakdown.name for breakdown in KNOWN}]:
        raise ValueError(f"{', '.join(unknown)}: not known")
    if VERSION.name not in names:
        raise ValueError(f"{VERSION.name} is missing: totals and rankings need it")
    return names


class StoreSettings(BaseSettings):
    """The settings of the store. Each field is read from the variable PYZN_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="PYZN_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: PostgresUrl = Field(
        description="the schema owner's connection, postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
    api_database_url: PostgresUrl | None = Field(
        default=None,
        description="the API's connection to the same database; `pyzn migrate` creates its read-only role",
    )
    breakdowns: Annotated[list[str], NoDecode, BeforeValidator(items), AfterValidator(_breakdowns)] = Field(
        default=[breakdown.name for breakdown in BREAKDOWNS],
        description=f"by what days are read, separated by commas, of {', '.join(each.name for each in KNOWN)}; each "
        "that is not read by default has its price, which `pyzn check` shows",
    )
    first_day: Day = Field(default=date(2016, 1, 22), description="the first partition, a UTC day")
    repair_from: Day | None = Field(
        default=None,
        description="the UTC day from which missing days are asked for automatically; "
        "unset: the day before PyZn first published anything, at most 31 days back",
    )
    retention_days: int | None = Field(
        default=None,
        ge=366,  # the API serves a year by day
        le=100_000,
        description="how many days are kept by day, at least 366; older months are dropped and stay in the totals; "
        "unset: all",
    )
    packed_tablespace: str = Field(
        default="",
        description="the tablespace of packed months and their indexes, in which the owner may create; "
        "unset: the database's own",
    )
    export_url: ExportUrl | None = Field(
        default=None,
        description="where published days are exported to as Parquet files, each as soon as it changes: a folder, "
        "gs://BUCKET/… or s3://BUCKET/…; unset: only when you ask",
    )


class Settings(StoreSettings):
    """Settings of a pipeline run: the store and the source, which is a mirror or BigQuery."""

    mirror_url: MirrorUrl | None = Field(
        default=None,
        description="read days that another PyZn has exported, not BigQuery, and without any of its settings: "
        "https://HOST/PATH, gs://BUCKET/…, s3://BUCKET/…, or a folder",
    )
    bigquery_project: str = Field(
        default="",
        validate_default=True,
        description="the Google Cloud project that runs the queries and is billed for them; required unless "
        "PYZN_MIRROR_URL is set",
    )
    bigquery_location: str = Field(default="US", description="where the queried dataset is; PyPI's is in US")
    bigquery_table: str = Field(
        default="bigquery-public-data.pypi.file_downloads",
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\.\w+\.\w+$",
        description="the source table, PROJECT.DATASET.TABLE",
    )
    bigquery_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+:\d+/?$",
        description="http://HOST:PORT of a BigQuery emulator; unset means Google",
    )
    bigquery_storage_endpoint: str | None = Field(
        default=None,
        pattern=r"^[^\s/]+:\d+$",
        description="HOST:PORT of the emulator's Storage Read service; set with PYZN_BIGQUERY_ENDPOINT",
    )
    maximum_bytes_billed: int = Field(
        default=TIB,
        gt=0,
        lt=2**63,  # as BigQuery has it
        description="bytes that one day's scan may bill; a day of all PyPI is about 0.2 TiB, before 2026-08-24 0.3, or "
        "0.6 with file names",
    )
    read_filenames: ReadFilenames = Field(
        default="auto",
        description="whether file names are read, to count files apart from other downloads, which about doubles the "
        "price of a day: auto (2023-05-11 to 2026-08-24), always (up to 2026-08-24) or never; later days need none",
    )
    usd_per_tib: float = Field(
        default=6.25, ge=0, allow_inf_nan=False, description="US dollars per TiB billed, BigQuery on demand"
    )
    alert_webhook_url: WebUrl | None = Field(
        default=None, description='takes alerts as a POST of {"text": …}, as Slack\'s incoming webhooks do'
    )
    heartbeat_url: WebUrl | None = Field(
        default=None,
        description="gets a GET when a new day is published in time; a monitor raises an alarm when none comes",
    )
    api_url: str = Field(
        default="http://127.0.0.1:5200",
        pattern=r"^https?://[^\s()]*[^\s()/]$",
        description="the API's address, without a slash at its end: the charts in the Dagster UI come from there",
    )
    dagster_public_url: str = Field(
        default="http://127.0.0.1:3000",
        pattern=r"^https?://[^\s/]",
        description="the Dagster UI's address in the links of alerts",
    )

    @field_validator("bigquery_project")
    @classmethod
    def _one_source(cls, project: str, others: ValidationInfo) -> str:
        if not project and others.data.get("mirror_url", "") is None:
            raise PydanticCustomError("missing", "not set")
        if project and others.data.get("mirror_url"):
            raise ValueError("PYZN_MIRROR_URL is set too: a mirror or BigQuery, not both; unset one")
        return project

    @model_validator(mode="after")
    def _both_endpoints_or_neither(self) -> Self:
        if (self.bigquery_endpoint is None) != (self.bigquery_storage_endpoint is None):
            raise ValueError(
                "PYZN_BIGQUERY_ENDPOINT and PYZN_BIGQUERY_STORAGE_ENDPOINT go together: set both for an emulator, "
                "neither for Google"
            )
        return self


class CommandSettings(StoreSettings):
    """The settings of commands that talk to a running Dagster."""

    dagster_url: str = Field(
        default="http://127.0.0.1:3000", pattern=r"^https?://[^\s/]", description="where the Dagster webserver answers"
    )


class DeploymentSettings(Settings, CommandSettings):
    """The settings of `pyzn check`: all of them."""

    dagster_home: Path = Field(
        default=Path(), validation_alias="DAGSTER_HOME", description="the folder whose disk keeps the logs of runs"
    )


def _host_name(value: str) -> str:
    value = value.lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", value):
        raise ValueError("expected names such as dagster.example.org, without https://, port or *")
    return value


class WebserverSettings(BaseSettings):
    """The settings of the Dagster UI's webserver."""

    model_config = SettingsConfigDict(env_prefix="PYZN_", env_ignore_empty=True, frozen=True, extra="ignore")

    dagster_hosts: Annotated[list[Annotated[str, AfterValidator(_host_name)]], NoDecode, BeforeValidator(items)] = (
        Field(
            default=[],
            description="names by which browsers reach the Dagster UI, separated by commas; localhost and IP addresses "
            "need no entry",
        )
    )


def load(kind: type[T]) -> T:
    """Return the settings of that class from the environment. Raises SettingsError with a line for each wrong one."""
    return environment.load(kind, HINT)
