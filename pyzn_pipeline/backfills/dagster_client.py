"""Queries Dagster's webserver over GraphQL, for `pyzn backfill`, `pyzn check` and the embedded stack."""

from typing import Any

import requests

from pyzn_pipeline.errors import PyznError


class DagsterError(PyznError):
    """Dagster is away or refuses. The message has its answer."""


def ask(dagster_url: str, query: str, **variables: Any) -> dict[str, Any]:
    """Return the `data` of Dagster's answer to a GraphQL query. Raises DagsterError when it is away or refuses."""
    try:
        # Not raise_for_status: Dagster's answers with 400 and 500 have a body with the reason.
        body = requests.post(f"{dagster_url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    except requests.RequestException as error:
        raise DagsterError(
            f"Dagster at {dagster_url} did not answer ({type(error).__name__}): start it, "
            "or set PYZN_DAGSTER_URL to its address"
        ) from error
    if body.get("errors"):
        raise DagsterError(f"Dagster at {dagster_url}: {body['errors'][0]['message']}")
    data: dict[str, Any] = body["data"]
    return data
