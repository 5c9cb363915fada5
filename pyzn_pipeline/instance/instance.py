"""The instance class: Dagster's own. Without its settings, `dagster` and `dg` end in one sentence and no trace."""

import os
from collections.abc import Mapping
from typing import Any

from click import ClickException
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

NO_SETTINGS = (
    "PYZN_DAGSTER_DATABASE_URL is not set. To use Dagster's own commands with the stack of `pyzn up`, export its "
    'settings: set -a; eval "$(pyzn env)"; set +a'
)


class PyznInstance(DagsterInstance):
    """An instance of the storage in PYZN_DAGSTER_DATABASE_URL."""

    @classmethod
    def config_schema(cls) -> dict[str, Any]:
        """Return no options. Dagster asks for them before it reads the rest of dagster.yaml. Raises ClickException."""
        if not os.environ.get("PYZN_DAGSTER_DATABASE_URL"):
            raise ClickException(NO_SETTINGS)
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Return Dagster's own defaults."""
        return InstanceRef.config_defaults(base_dir)
