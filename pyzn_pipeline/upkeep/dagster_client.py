"""Dagster's webserver, asked over GraphQL: by `pyzn backfill`, `pyzn check` and the embedded stack."""

from typing import Any

import requests

from pyzn_pipeline.errors import PyznError


class DagsterError(PyznError):
    """Dagster is away or refuses; the message says what it answered."""


def ask(dagster_url: str, query: str, **variables: Any) -> dict[str, Any]:
    """Dagster's answer to a GraphQL query, its `data`. Raises DagsterError when it is away or refuses."""
    try:
        # Not raise_for_status: with 400 and 500 Dagster answers a body that says why.
        body = requests.post(f"{dagster_url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
    except requests.RequestException as error:
        raise DagsterError(
            f"Dagster at {dagster_url} did not answer ({type(error).__name__}): start it, "
            "or set PYZN_DAGSTER_URL to where it is"
        ) from error
    if body.get("errors"):
        raise DagsterError(f"Dagster at {dagster_url}: {body['errors'][0]['message']}")
    data: dict[str, Any] = body["data"]
    return data
