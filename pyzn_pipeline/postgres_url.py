"""Postgres URLs: converts libpq's form to SQLAlchemy's."""

import re

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import URL


def with_driver(url: SecretStr) -> URL:
    """SQLAlchemy's URL for a libpq URL, with psycopg 3 as the driver: other packages here install psycopg2.

    libpq parses the URL, so every form that libpq accepts works: postgres://, several hosts, a service. A driver in
    the scheme (`postgresql+psycopg2://`) is ignored. Raises psycopg.ProgrammingError.
    """
    known = conninfo_to_dict(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url.get_secret_value()))
    parts = {name: str(value) for name, value in known.items()}
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg", user, password, database=database, query=parts)
