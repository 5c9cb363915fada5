"""Reads the body and the parameters of a request, and refuses unknown fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyzn_local.bigquery.errors import BigQueryError, invalid


def words(text: str) -> frozenset[str]:
    """The words of `text`, as a set of names."""
    return frozenset(text.split())


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        BigQueryError: 400 `parseError`.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BigQueryError(400, "parseError", "Parse Error: the request body is not JSON") from None
    if not isinstance(document, dict):
        raise BigQueryError(400, "parseError", "Parse Error: the request body is not a JSON object")
    return document


def section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object under `name`, empty when absent.

    Raises:
        BigQueryError: 400 `invalid` when it is something else.
    """
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise invalid(f"Invalid value for {name}: expected an object")
    return found


def only(document: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    """Refuse fields outside `known`. A field that is null or false is ignored.

    Raises:
        BigQueryError: 400 `invalid` naming the field.
    """
    for name, value in document.items():
        if name not in known and value not in (None, False, "", [], {}):
            raise invalid(f"{what}.{name} is not supported by this local BigQuery")


def whole(value: object, name: str) -> int | None:
    """A non-negative 64-bit integer, given in JSON as a number or a string; None when absent.

    Raises:
        BigQueryError: 400 `invalid`.
    """
    if value is None:
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number < 2**63 or isinstance(value, bool):
        raise invalid(f"Invalid value for {name}: {value!r} is not a non-negative integer")
    return number
