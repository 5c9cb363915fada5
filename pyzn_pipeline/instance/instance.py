"""The instance class: Dagster's own. Without its settings or its database, `dagster` and `dg` end in one sentence."""

import os
from collections.abc import Mapping
from typing import Any

from click import ClickException
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster_postgres.utils import DagsterPostgresException, retry_pg_connection_fn
from sqlalchemy import NullPool, create_engine

NO_SETTINGS = (
    "PYZN_DAGSTER_DATABASE_URL is not set. To use Dagster's own commands with the stack of `pyzn up`, export its "
    'settings: set -a; eval "$(pyzn env)"; set +a'
)
NOT_RUNNING = "If it is of a stack of `pyzn up` that has stopped, start that, and export its settings again."


class PyznInstance(DagsterInstance):
    """An instance of the storage in PYZN_DAGSTER_DATABASE_URL."""

    @classmethod
    def config_schema(cls) -> dict[str, Any]:
        """Return no options. Dagster asks for them before it reads the rest of dagster.yaml. Raises ClickException."""
        url = os.environ.get("PYZN_DAGSTER_DATABASE_URL")
        if not url:
            raise ClickException(NO_SETTINGS)
        try:
            retry_pg_connection_fn(create_engine(url, poolclass=NullPool).connect).close()
        except DagsterPostgresException as error:
            reason = str(getattr(error.__cause__, "orig", error)).strip().splitlines()[0]
            raise ClickException(f"PYZN_DAGSTER_DATABASE_URL: {reason}. {NOT_RUNNING}") from None
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Return Dagster's own defaults."""
        return InstanceRef.config_defaults(base_dir)
