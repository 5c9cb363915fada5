"""Every setting of the API, typed, read from the environment once.

Nothing reads `os.environ` elsewhere in this package, and nothing reads it at import.
"""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pyzn_pipeline import environment
from pyzn_pipeline.environment import items, postgres_url

KIB, MIB = 2**10, 2**20  # bytes


def _pbkdf2_hash(value: SecretStr | None) -> SecretStr | None:
    form = r"pbkdf2:(sha256:[1-9]\d{0,7}\$[^$]+\$[0-9a-f]{64}|sha512:[1-9]\d{0,7}\$[^$]+\$[0-9a-f]{128})"
    if value is not None and not re.fullmatch(form, value.get_secret_value()):
        raise ValueError("expected pbkdf2:sha256:ITERATIONS$SALT$HEX, with all 64 digits of HEX")
    return value


def _key(value: SecretStr) -> SecretStr:
    """Return a key as a header can carry it. Raises ValueError for any other."""
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("a key has a space or a letter that no header carries: expected printable ASCII")
    return value


def _origin(value: str) -> str:
    """Return an origin as browsers send it. Raises ValueError for a text that no browser sends."""
    if value != "*" and not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d+)?", value.lower()):
        raise ValueError(f"{value!r} can match no origin: expected https://HOST or https://HOST:PORT, without a path")
    return value.lower()


def _proxy(value: str) -> str:
    """Return an address or a network. Raises ValueError for a text that is neither, such as a name."""
    try:
        return value if value == "*" else str(ip_network(value, strict=False))
    except ValueError as error:
        raise ValueError(f"{value!r} can match no proxy: expected an IP address or a network, 10.0.0.0/8") from error


class Settings(BaseSettings):
    """Settings of the API. Each is the variable PYZN_API_<FIELD IN CAPITALS>, or as the field says."""

    model_config = SettingsConfigDict(
        env_prefix="PYZN_API_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(postgres_url)] = Field(
        description="the read-only role's connection, postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(default=5200, ge=0, le=65535, description="the TCP port to listen on")
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="processes that share the port; one for each core, with a cache and connections of its own",
    )
    pool_size: int = Field(
        default=8,
        ge=1,
        le=200,
        description="connections to Postgres at most, per process, besides the one that reads the ledger",
    )
    cache_bytes: int = Field(
        default=256 * MIB, ge=0, description="bytes of rendered answers kept in memory, per process"
    )
    pages: Literal["on", "off"] = Field(default="on", description="the pages and charts for people: on or off")
    cors_origins: Annotated[list[Annotated[str, AfterValidator(_origin)]], NoDecode, BeforeValidator(items)] = Field(
        default=["*"], description="origins whose pages may read, separated by commas; * is any"
    )
    trusted_proxies: Annotated[list[Annotated[str, AfterValidator(_proxy)]], NoDecode, BeforeValidator(items)] = Field(
        default=[],
        description="addresses or networks of proxies whose X-Forwarded-For names the client, separated by commas",
    )
    keys: Annotated[list[Annotated[SecretStr, AfterValidator(_key)]], NoDecode, BeforeValidator(items)] = Field(
        default=[], description="keys of which the API's routes ask for one, separated by commas; none: open to all"
    )
    admin_password_hash: Annotated[SecretStr | None, AfterValidator(_pbkdf2_hash)] = Field(
        default=None,
        validation_alias="PYZN_ADMIN_PASSWORD_HASH",
        description="of the admin route's password, pbkdf2:sha256:ITERATIONS$SALT$HEX; none: the route answers 401",
    )


def load() -> Settings:
    """Return the settings from the environment. Raises SettingsError with a line per variable that is wrong."""
    return environment.load(Settings)
