"""Errors of the source: turns Google's exceptions into one line each, with what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPICallError, NotFound, RetryError
from google.auth.exceptions import (
    DefaultCredentialsError,
    GoogleAuthError,
    MalformedError,
    RefreshError,
    TransportError,
)

from pyzn_pipeline.errors import PyznError


class SourceError(PyznError):
    """The source could not be reached or refused the request. The message has the reason and what to do."""


class CostLimitExceeded(SourceError):
    """The scan would bill more than PYZN_MAXIMUM_BYTES_BILLED. It was not run, and nothing was billed."""


ROLES = "roles/bigquery.jobUser and roles/bigquery.readSessionUser on PYZN_BIGQUERY_PROJECT"


@contextmanager
def source_errors(doing: str, needs: str = ROLES) -> Iterator[None]:
    """Turn errors of the Google libraries inside the block into SourceError: '<doing>: <cause>: <what to do>'.

    `needs` is what the credentials must be allowed.
    """
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError) as error:  # RequestException is an OSError
        raise SourceError(f"{doing}: {_explain(error, needs)}") from error


def exceeds_resources(error: BadRequest) -> bool:
    """Return whether a query failed as a worker ran out of memory: https://cloud.google.com/bigquery/docs/error-messages"""
    return any(isinstance(each, dict) and each.get("reason") == "resourcesExceeded" for each in error.errors)


def _explain(error: Exception, needs: str) -> str:
    message = _message(error)
    match error:
        case DefaultCredentialsError() | MalformedError():
            return (
                f"no usable Google credentials ({message}): name a readable service-account key file in "
                "GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`"
            )
        case TransportError():
            return f"Google is not reachable ({message}): check the network, DNS and proxy, then run the day again"
        case RefreshError(args=[_]) | OSError(filename=str()):  # if Google refused, args has its answer as well
            return (
                f"the Google credentials cannot be used ({message}): fix what is named there, or name another file in "
                "GOOGLE_APPLICATION_CREDENTIALS"
            )
        case GoogleAuthError():
            return f"Google refused the credentials ({message}): renew them"
        case NotFound():
            return (
                f"{message}: check PYZN_BIGQUERY_PROJECT and PYZN_BIGQUERY_TABLE, and that PYZN_BIGQUERY_LOCATION is "
                "where the table's dataset is (US for PyPI's)"
            )
        case Forbidden():
            return f"{message}: the credentials need {needs}, and the project's quota must not be used up"
        case BadRequest() if exceeds_resources(error):
            return f"{message}: run the day again later, when BigQuery is less busy, or reserve slots for it"
        case BadRequest():
            return f"BigQuery refused the request: {message}"
        case GoogleAPICallError():
            return f"BigQuery answered {error.code}: {message}: run the day again later"
        case TimeoutError():
            return "BigQuery did not finish in time: look at the job in the console, then run the day again"
        case _:
            return f"BigQuery is not reachable ({message}): check the network, then run the day again"


def _message(error: Exception) -> str:
    """The library's message in one line, without the request's URL and the job's details."""
    if isinstance(error, GoogleAPICallError) and error.errors and isinstance(error.errors[0], dict):
        return str(error.errors[0].get("message", error.message)).splitlines()[0]
    return " ".join(str(error).split())[:300] or type(error).__name__
