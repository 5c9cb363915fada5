"""The Storage Read API over gRPC: sends the result of a query as streams of Arrow record batches.

https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1
"""

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from pyzn_local.bigquery.errors import BigQueryError, invalid, not_found
from pyzn_local.bigquery.jobs import Jobs

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
_TABLE = re.compile(r"projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)")
_BATCH_ROWS = 8_192
_MESSAGE_BYTES = 1_000_000  # gRPC clients accept messages of up to 4 MB by default
_KEPT_STREAMS = 1_000
# The plain protobuf messages: filling them is several times faster than filling their proto-plus wrappers.
_Response = types.ReadRowsResponse.pb()


class StorageRead:
    """The gRPC service."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._streams: dict[str, pa.Table] = {}  # the rows of each, which are mapped, not copied
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
        """Begin to read a result, as one stream, or none if it has no rows."""
        wanted, options = request.read_session, request.read_session.read_options
        with self._refusing(context, "storage.createReadSession"):
            found = _TABLE.fullmatch(wanted.table)
            job = self._jobs.result_table(**found.groupdict()) if found else None
            if job is None:
                raise invalid(f"{wanted.table} is not the result of a query; only those can be read from this emulator")
            if wanted.data_format != types.DataFormat.ARROW or options.selected_fields or options.row_restriction:
                raise invalid("Only whole results in the ARROW format can be read from this emulator")
            rows = job.rows
        name = f"{request.parent}/locations/us/sessions/{uuid.uuid4().hex}"
        streams = [f"{name}/streams/0"] if rows.num_rows else []  # one is as quick as several on one machine
        self._streams |= dict.fromkeys(streams, rows)
        for old in list(self._streams)[:-_KEPT_STREAMS]:
            self._streams.pop(old, None)
        return types.ReadSession(
            name=name,
            table=wanted.table,
            data_format=types.DataFormat.ARROW,
            read_options=options,
            arrow_schema=types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes()),
            streams=[types.ReadStream(name=stream) for stream in streams],
            estimated_row_count=rows.num_rows,
        )

    def read_rows(self, request: types.ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[Any]:
        """The rows of one stream in result order, from `offset` on: messages with one record batch each.

        They are not compressed, because that only costs time on loopback.
        """
        with self._refusing(context, "storage.readRows"):
            stream = self._streams.get(request.read_stream)
            if stream is None:
                raise not_found(f"Stream {request.read_stream}")
            if not 0 <= request.offset <= stream.num_rows:
                raise invalid(f"Offset {request.offset} is beyond the end of the stream")
            cut = self._jobs.faults.cut_after()
            schema = stream.schema.serialize().to_pybytes()
            for batch in _messages(stream.slice(request.offset, cut)):
                if self._jobs.faults.loses_page():
                    continue
                response = _Response(row_count=batch.num_rows)
                response.arrow_record_batch.serialized_record_batch = batch.serialize().to_pybytes()
                response.arrow_record_batch.row_count = batch.num_rows
                response.arrow_schema.serialized_schema = schema  # only in the first message
                schema = b""
                yield response
            if cut is not None:
                raise BigQueryError(503, "backendError", f"Injected fault: the stream is cut after {cut} rows")

    @contextmanager
    def _refusing(self, context: grpc.ServicerContext, route: str) -> Iterator[None]:
        """Send BigQuery's errors, and the route's injected ones, as gRPC does."""
        try:
            self._jobs.faults.check(route)
            yield
        except BigQueryError as error:
            context.abort(error.code, error.message)


def _messages(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """Batches that fit in a message. A single row is never divided."""
    pending = rows.to_batches(max_chunksize=_BATCH_ROWS)[::-1]
    while pending:
        batch = pending.pop()
        if batch.nbytes <= _MESSAGE_BYTES or batch.num_rows == 1:
            yield batch
        else:
            middle = batch.num_rows // 2
            pending += [batch.slice(middle), batch.slice(0, middle)]
