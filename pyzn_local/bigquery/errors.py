"""BigQuery's errors: an HTTP status, a reason for programs, and a message for people.

Reasons and statuses: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

# The names of google.rpc.Code, for the `status` of the envelope.
_RPC_STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
}


class BigQueryError(Exception):
    """A refusal in BigQuery's terms: an HTTP `status`, a `reason` and a `message`."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def proto(self) -> dict[str, str]:
        """The ErrorProto of a job's `status.errorResult`."""
        return {"reason": self.reason, "message": self.message}

    def envelope(self) -> dict[str, Any]:
        """The JSON body of a failed REST call."""
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
                "status": _RPC_STATUS.get(self.status, "UNKNOWN"),
            }
        }


def invalid(message: str) -> BigQueryError:
    """400 `invalid`: the request itself is wrong or asks for something unsupported."""
    return BigQueryError(HTTPStatus.BAD_REQUEST, "invalid", message)


def invalid_query(message: str) -> BigQueryError:
    """400 `invalidQuery`: the SQL is wrong or asks for something unsupported."""
    return BigQueryError(HTTPStatus.BAD_REQUEST, "invalidQuery", message)


def not_found(message: str) -> BigQueryError:
    """404 `notFound`; `message` is BigQuery's "Not found: <kind> <name>"."""
    return BigQueryError(HTTPStatus.NOT_FOUND, "notFound", message)


def duplicate(message: str) -> BigQueryError:
    """409 `duplicate`: the job already exists."""
    return BigQueryError(HTTPStatus.CONFLICT, "duplicate", message)
