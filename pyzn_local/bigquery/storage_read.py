"""The Storage Read API over gRPC: sends the result of a query as streams of Arrow record batches.

https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from pyzn_local.bigquery.errors import BigQueryError, invalid, not_found
from pyzn_local.bigquery.faults import Faults
from pyzn_local.bigquery.jobs import Jobs
from pyzn_local.bigquery.results import Result

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
_TABLE = re.compile(r"projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)")
_STREAM_ROWS = 20_000  # rows that make another stream worthwhile
_MOST_STREAMS = 8
_MESSAGE_BYTES = 1_000_000  # gRPC clients accept messages of up to 4 MB by default
_KEPT_STREAMS = 1_000
_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
# The plain protobuf messages: filling them is several times faster than filling their proto-plus wrappers.
_Response = types.ReadRowsResponse.pb()


@dataclass(frozen=True, slots=True)
class _Stream:
    """The rows from `start` up to `stop` (exclusive) of a result."""

    result: Result
    columns: tuple[str, ...]
    start: int
    stop: int


class StorageRead:
    """The gRPC service."""

    def __init__(self, jobs: Jobs, faults: Faults) -> None:
        self._jobs = jobs
        self._faults = faults
        self._streams: dict[str, _Stream] = {}
        self._lock = threading.Lock()
        # Otherwise two servers could silently share one port.
        self._server = grpc.server(ThreadPoolExecutor(32, "storage"), options=[("grpc.so_reuseport", 0)])
        handlers = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                self.create_read_session,
                request_deserializer=types.CreateReadSessionRequest.deserialize,
                response_serializer=types.ReadSession.serialize,
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                self.read_rows,
                request_deserializer=types.ReadRowsRequest.deserialize,
                response_serializer=_Response.SerializeToString,
            ),
        }
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, handlers)])

    def start(self, host: str, port: int) -> int:
        """Serve on `port`, or on a free one when it is 0, and return it."""
        bound = self._server.add_insecure_port(f"{host}:{port}")
        self._server.start()
        return int(bound)

    def stop(self) -> None:
        """End at once. Open streams break."""
        self._server.stop(grace=0.2).wait()

    def create_read_session(
        self, request: types.CreateReadSessionRequest, context: grpc.ServicerContext
    ) -> types.ReadSession:
        """Divide a result into as many streams as requested, or fewer if it has few rows."""
        try:
            self._faults.check("storage.createReadSession", "RPC")
            return self._create(request)
        except BigQueryError as error:
            raise context.abort(_STATUS.get(error.status, grpc.StatusCode.UNKNOWN), error.message) from None

    def read_rows(self, request: types.ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[Any]:
        """The rows of one stream in result order, from `offset` on."""
        try:
            self._faults.check("storage.readRows", "RPC")
            yield from self._read(request)
        except BigQueryError as error:
            context.abort(_STATUS.get(error.status, grpc.StatusCode.UNKNOWN), error.message)

    def _create(self, request: types.CreateReadSessionRequest) -> types.ReadSession:
        wanted, options = request.read_session, request.read_session.read_options
        result = self._find_result(wanted.table)
        if wanted.data_format != types.DataFormat.ARROW:
            raise invalid("Only the ARROW format is supported by this local BigQuery")
        if options.row_restriction or options.sample_percentage:
            raise invalid("row_restriction and sample_percentage are not supported by this local BigQuery")
        known = result.schema.names
        columns = tuple(options.selected_fields) or tuple(known)
        if unknown := [name for name in columns if name not in known]:
            raise invalid(f"Selected fields not found in the result: {', '.join(unknown)}")
        name = f"{request.parent}/locations/us/sessions/{uuid.uuid4().hex}"
        streams = {
            f"{name}/streams/{at}": _Stream(result, columns, start, stop)
            for at, (start, stop) in enumerate(_split(result.total_rows, request.max_stream_count))
        }
        with self._lock:
            self._streams |= streams
            for old in list(self._streams)[: max(0, len(self._streams) - _KEPT_STREAMS)]:
                del self._streams[old]
        schema = _selected(result.schema, columns)
        return types.ReadSession(
            name=name,
            table=wanted.table,
            data_format=types.DataFormat.ARROW,
            read_options=options,
            arrow_schema=types.ArrowSchema(serialized_schema=schema.serialize().to_pybytes()),
            streams=[types.ReadStream(name=stream) for stream in streams],
            estimated_row_count=result.total_rows,
            estimated_total_bytes_scanned=result.size,
        )

    def _read(self, request: types.ReadRowsRequest) -> Iterator[Any]:
        """Messages with one record batch each. Not compressed, because that only costs time on loopback."""
        stream = self._streams.get(request.read_stream)
        if stream is None:
            raise not_found(f"Not found: Stream {request.read_stream}")
        start = stream.start + request.offset
        if not stream.start <= start <= stream.stop:
            raise invalid(f"Offset {request.offset} is beyond the end of the stream")
        cut = self._faults.cut_after()
        end = stream.stop if cut is None else min(stream.stop, start + cut)
        schema = _selected(stream.result.schema, stream.columns).serialize().to_pybytes()
        for batch in _messages(stream.result.batches(start, end)):
            if self._faults.loses_page():
                continue
            response = _Response(row_count=batch.num_rows)
            response.arrow_record_batch.serialized_record_batch = (
                batch.select(list(stream.columns)).serialize().to_pybytes()
            )
            response.arrow_record_batch.row_count = batch.num_rows
            if schema:  # only in the first message
                response.arrow_schema.serialized_schema = schema
                schema = b""
            yield response
        if cut is not None:
            raise BigQueryError(503, "backendError", f"Injected fault: the stream is cut after {cut} rows")

    def _find_result(self, path: str) -> Result:
        found = _TABLE.fullmatch(path)
        if found is None:
            raise invalid(f"Invalid table: {path!r}")
        job = self._jobs.result_table(found["project"], found["dataset"], found["table"])
        if job is None:
            raise invalid(f"{path} is not the result of a query; only those can be read from this local BigQuery")
        return job.rows


def _split(rows: int, most: int) -> list[tuple[int, int]]:
    """Row ranges of about equal size; none if there are no rows."""
    count = min(most or _MOST_STREAMS, _MOST_STREAMS, -(-rows // _STREAM_ROWS))
    return [(rows * at // count, rows * (at + 1) // count) for at in range(count)]


def _selected(schema: pa.Schema, columns: tuple[str, ...]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in columns])


def _messages(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """`batches` halved until each fits in a message. A single row is never divided."""
    for batch in batches:
        if batch.nbytes <= _MESSAGE_BYTES or batch.num_rows == 1:
            yield batch
        else:
            middle = batch.num_rows // 2
            yield from _messages([batch.slice(0, middle), batch.slice(middle)])
