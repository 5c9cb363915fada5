"""The REST methods that receive files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pyzn_local.bigquery.errors import invalid
from pyzn_local.bigquery.jobs import Job
from pyzn_local.bigquery.loads import Loads
from pyzn_local.bigquery.rest import PROJECT, Method


class UploadMethods:
    """jobs.insert of a load, with its file."""

    def __init__(self, loads: Loads) -> None:
        self._loads = loads

    def methods(self) -> list[Method]:
        """The methods with their routes."""
        path = "/upload" + PROJECT + "/jobs"
        return [
            Method("jobs.insert", "POST", path, self.upload),
            Method("jobs.insert", "PUT", path, self.upload_chunk),
        ]

    def upload(self, request: Request, body: bytes) -> Response:
        """Take a load job with its file, or begin one whose file follows in chunks."""
        project, kind = request.path_params["project"], request.query_params.get("uploadType")
        if kind == "multipart":
            return JSONResponse(
                self._loads.multipart(project, request.headers.get("content-type", ""), body).resource()
            )
        if kind == "resumable":
            upload = self._loads.begin(project, body)
            location = request.url.include_query_params(upload_id=upload.upload_id)
            return Response(headers={"Location": str(location), "X-GUploader-UploadID": upload.upload_id})
        raise invalid(f"Invalid uploadType: {kind!r}; known are multipart and resumable")

    def upload_chunk(self, request: Request, body: bytes) -> Response:
        """Take the next chunk of a file."""
        upload_id = request.query_params.get("upload_id", "")
        received = self._loads.receive(upload_id, request.headers.get("content-range", ""), body)
        if isinstance(received, Job):
            return JSONResponse(received.resource())
        headers = {"Range": f"bytes=0-{received.received - 1}"} if received.received else {}
        return Response(status_code=308, headers=headers)
