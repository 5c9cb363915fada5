"""`pyzn migrate`: updates the schema to this version."""

import click

from pyzn_pipeline.settings import StoreSettings, load
from pyzn_pipeline.store import schema
from pyzn_pipeline.store.database import engine, with_driver
from pyzn_pipeline.store.errors import store_errors


@click.command()
def migrate() -> None:
    """Update the database to this version's schema, and create the API's read-only role.

    Safe to run at every deployment: existing data stays. The database is PYZN_DATABASE_URL, whose
    user owns the schema `pyzn`. If PYZN_API_DATABASE_URL is set, its user is created, or gets that
    password, and can only read the schema.
    """
    settings = load(StoreSettings)
    api = settings.api_database_url
    with store_errors("migrate"):
        revision = schema.migrate(engine(settings.database_url), with_driver(api) if api else None)
    click.echo(f"schema pyzn is at revision {revision}")
