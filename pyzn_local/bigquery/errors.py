"""BigQuery's errors: an HTTP status, a reason for programs, and a message for people.

Reasons and statuses: https://cloud.google.com/bigquery/docs/error-messages
"""

from typing import Any

import grpc

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}


class BigQueryError(Exception):
    """A refusal in BigQuery's terms: an HTTP `status`, a `reason` and a `message`."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def code(self) -> grpc.StatusCode:
        """The same status in gRPC."""
        return _CODES.get(self.status, grpc.StatusCode.UNKNOWN)

    def proto(self) -> dict[str, str]:
        """The ErrorProto of a job's `status.errorResult`."""
        return {"reason": self.reason, "message": self.message}

    def envelope(self) -> dict[str, Any]:
        """The JSON body of a failed REST call."""
        errors = [self.proto() | {"domain": "global"}]
        return {
            "error": {"code": self.status, "message": self.message, "errors": errors, "status": self.code.name},
        }


def invalid(message: str) -> BigQueryError:
    """400 `invalid`: the request itself is wrong or asks for something unsupported."""
    return BigQueryError(400, "invalid", message)


def invalid_query(message: str) -> BigQueryError:
    """400 `invalidQuery`: the SQL is wrong or asks for something unsupported."""
    return BigQueryError(400, "invalidQuery", message)


def not_found(what: str) -> BigQueryError:
    """404 `notFound`; `what` is a kind and a name: `Job someone:US.x`."""
    return BigQueryError(404, "notFound", f"Not found: {what}")
