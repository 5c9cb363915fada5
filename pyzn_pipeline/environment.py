"""Settings from the environment, one line for each that is missing or wrong, and the forms that packages share."""

import re
from typing import TypeVar

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from pyzn_pipeline.errors import PyznError

T = TypeVar("T", bound=BaseSettings)


class SettingsError(PyznError):
    """Settings are missing or wrong. The message has a line for each, and never the value of a secret."""


def load(kind: type[T], hint: str = "") -> T:
    """Return the settings of that class from the environment.

    Raises SettingsError with a line per variable that is missing or wrong, and the hint after them.
    """
    try:
        return kind()
    except ValidationError as error:
        lines = [_explain(kind, item) for item in error.errors()]
        raise SettingsError("\n".join([*lines, hint]).rstrip()) from None


def _explain(kind: type[BaseSettings], item: ErrorDetails) -> str:
    message = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:  # of several settings together
        return message
    location = str(item["loc"][0])
    aliases = {field.validation_alias: name for name, field in kind.model_fields.items()}
    name = aliases.get(location, location)
    field = kind.model_fields[name]
    variable = str(field.validation_alias or f"{kind.model_config['env_prefix']}{name}".upper())
    if item["type"] == "missing":
        return f"{variable} is not set: {field.description}"
    # A URL that is refused because of its password or query is refused without them.
    secret = "SecretStr" in str(field.annotation) or (name.endswith("_url") and set("@?#") & set(str(item["input"])))
    value = "" if secret else f"={str(item['input'])[:80]!r}"
    return f"{variable}{value}: {message} ({field.description})"


def items(value: object) -> object:
    """Return the items of a comma-separated variable. Raises ValueError if it has none."""
    if not isinstance(value, str):
        return value
    if not (found := [part.strip() for part in value.split(",") if part.strip()]):
        raise ValueError("nothing is between its commas: expected an item, or no value at all")
    return found


def libpq_url(url: str) -> str:
    """Return a URL of Postgres in libpq's form, without a driver as SQLAlchemy names it (postgresql+psycopg://)."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


def postgres_url(value: SecretStr) -> SecretStr:
    """Return a URL in libpq's form. Raises ValueError, which never has the URL, unless it names user and database."""
    form = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    url = libpq_url(value.get_secret_value())
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:  # its text may have the URL, with its password
        raise ValueError(form) from None
    named = "service" in parts or (parts.get("dbname") and parts.get("user"))
    hosts, ports = (str(parts.get(name) or "").split(",") for name in ("host", "port"))
    valid = all(not port or (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 2**16) for port in ports)
    reachable = valid and len(ports) in {1, len(hosts)}
    if not (url.startswith("postgresql://") and named and reachable):
        raise ValueError(form)
    return SecretStr(url)
