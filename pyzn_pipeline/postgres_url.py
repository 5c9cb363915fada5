"""Postgres URLs: what libpq takes, as SQLAlchemy has it."""

import re

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import URL


def with_driver(url: SecretStr) -> URL:
    """A libpq URL as SQLAlchemy has it, with psycopg 3 named: other packages here bring psycopg2.

    Libpq parses it, so that whatever it takes is taken: postgres://, several hosts, a service. A driver that is named
    as SQLAlchemy does it is dropped. Raises psycopg.ProgrammingError.
    """
    known = conninfo_to_dict(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url.get_secret_value()))
    parts = {name: str(value) for name, value in known.items()}
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg", user, password, database=database, query=parts)
