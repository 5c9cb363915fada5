"""Connections to Postgres."""

from functools import cache
from importlib.resources import files

from pydantic import SecretStr
from sqlalchemy import URL, Engine, NullPool, TextClause, create_engine, make_url, text


def engine(url: SecretStr) -> Engine:
    """An engine for `url`, through psycopg 3 whatever driver the URL leaves open.

    Nothing connects yet, and nothing is pooled: closing a connection ends its session, and with it
    the locks and temporary tables it held. A server that is away is noticed within 10 seconds; one that dies with
    the connection open, within about a minute (TCP keepalives), instead of never.
    """
    return create_engine(
        with_driver(url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": 10,
            "application_name": "pyzn",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )


def with_driver(url: SecretStr) -> URL:
    """`url` with psycopg 3 named: other packages here bring psycopg2, and a bare postgresql:// is ambiguous."""
    return make_url(url.get_secret_value()).set(drivername="postgresql+psycopg")


@cache
def statement(name: str) -> TextClause:
    """The SQL of `name`.sql in this folder, with its bound parameters."""
    return text(files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8"))
