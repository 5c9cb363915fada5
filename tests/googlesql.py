"""Google's own SQL engine, in this process: the analyzer that BigQuery has too, and Google's reference implementation.

It refuses what BigQuery refuses in names, types and functions. It has no partitions, prices and limits.

The package `zetasql` has it as WebAssembly. Compiling that takes 25 CPU-seconds once; wasmtime keeps the result in the
user's cache folder, from where it starts in 0.3 seconds.
"""

import ctypes
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from functools import cache
from typing import Any, cast

import pyarrow as pa
from google.cloud.bigquery import ScalarQueryParameter
from wasmtime import Config, Engine, Linker, Module, Store, WasiConfig
from zetasql.core.exceptions import ServerError
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2 as options
from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2 as catalog
from zetasql.wasi._pb2.zetasql.public import options_pb2 as language
from zetasql.wasi._pb2.zetasql.public import simple_table_pb2 as tables
from zetasql.wasi._pb2.zetasql.public import type_pb2 as types
from zetasql.wasi._pb2.zetasql.public import value_pb2 as values

from pyzn_local.bigquery.tables import FILE_DOWNLOADS, QUERIED, Table, scalar

Parameters = Sequence[ScalarQueryParameter]

Refused = ServerError
"""Google's engine refuses the statement, or fails."""

_EPOCH = date(1970, 1, 1)
_KINDS = {
    "STRING": (types.TYPE_STRING, pa.string()),
    "INT64": (types.TYPE_INT64, pa.int64()),
    "FLOAT64": (types.TYPE_DOUBLE, pa.float64()),
    "BOOL": (types.TYPE_BOOL, pa.bool_()),
    "DATE": (types.TYPE_DATE, pa.date32()),
    "TIMESTAMP": (types.TYPE_TIMESTAMP, pa.timestamp("us", tz="UTC")),
}
_NAMES = {kind: name for name, (kind, _) in _KINDS.items()}


def columns(sql: str, parameters: Parameters = ()) -> dict[str, str]:
    """The columns that `sql` over the emulator's tables returns, with their types. Raises Refused."""
    prepared = _engine().call("PrepareQuery", _request(service.PrepareQueryRequest, sql, parameters)).prepared
    return {column.name: _NAMES[column.type.type_kind] for column in prepared.columns}


def run(
    sql: str, rows: Sequence[Mapping[str, Any]] = (), parameters: Parameters = (), table: Table = FILE_DOWNLOADS
) -> list[dict[str, Any]]:
    """Return the rows of `sql` if `table` has these rows, whose missing columns are NULL. Raises Refused."""
    request = _request(service.EvaluateQueryRequest, sql, parameters)
    data = request.table_content[table.path].table_data
    data.SetInParent()  # without it, an empty table has no content
    for row in rows:
        data.row.add(cell=[_value(field.type, row.get(field.name)) for field in table.schema])
    answer = _engine().call("EvaluateQuery", request)
    names = [column.name for column in answer.prepared.columns]
    return [dict(zip(names, map(_python, row.cell), strict=True)) for row in answer.content.table_data.row]


class _Engine(WasmClient):  # type: ignore[misc]  # the package is not typed
    """The package's client, but with the compiled engine from the cache, and with memory copied in one go."""

    def __init__(self) -> None:
        config = Config()
        config.cache = True
        config.shared_memory = True
        wasi = WasiConfig()
        wasi.inherit_stderr()
        wasi.preopen_dir(get_tzinfo_dir(), "/usr/share/zoneinfo")
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_wasi()
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        instance = linker.instantiate(self.store, Module.from_file(engine, get_wasm_path()))
        self.exports = cast(Any, instance.exports(self.store))
        self.exports["_initialize"](self.store)
        memory = ctypes.cast(self.exports["memory"].data_ptr(), ctypes.c_void_p)  # shared between threads: never moved
        self._memory = memory.value or 0

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._memory + ptr, data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._memory + ptr, size)

    def call(self, method: str, request: Any) -> Any:
        """The answer of a method of Google's local service."""
        return self.call_grpc_func(f"ZetaSqlLocalService_{method}", request, getattr(service, f"{method}Response"))


@cache
def _engine() -> _Engine:
    return _Engine()


@cache
def _language() -> Any:
    wanted = service.LanguageOptionsRequest(maximum_features=True)
    found = _engine().call_grpc_func("ZetaSqlLocalService_GetLanguageOptions", wanted, options.LanguageOptionsProto)
    found.product_mode = language.PRODUCT_EXTERNAL  # Google's own products have more types, such as INT32
    return found


def _request(kind: Any, sql: str, parameters: Parameters) -> Any:
    known = [tables.SimpleTableProto(name=path) for path in QUERIED]
    for proto, table in zip(known, QUERIED.values(), strict=True):
        for column in table.schema:
            proto.column.add(name=column.name, type=_type(column.type))
    functions = options.ZetaSQLBuiltinFunctionOptionsProto(language_options=_language())
    request = kind(
        sql=sql,
        options=options.AnalyzerOptionsProto(language_options=_language(), default_timezone="UTC"),
        simple_catalog=catalog.SimpleCatalogProto(name="", table=known, builtin_function_options=functions),
    )
    for parameter in parameters:
        name, (kind, arrow) = str(parameter.name), _KINDS[parameter.type_]
        request.options.query_parameters.add(name=name, type=types.TypeProto(type_kind=kind))
        if isinstance(request, service.EvaluateQueryRequest):
            request.params.add(name=name, value=_value(arrow, parameter.value))
    return request


def _type(kind: pa.DataType) -> Any:
    if not pa.types.is_struct(kind):
        return types.TypeProto(type_kind={arrow: number for number, arrow in _KINDS.values()}[kind])
    found = types.TypeProto(type_kind=types.TYPE_STRUCT)
    for part in kind.fields:
        found.struct_type.field.add(field_name=part.name, field_type=_type(part.type))
    return found


def _value(kind: pa.DataType, value: Any) -> Any:
    found = values.ValueProto()
    if value is None:
        return found
    match scalar(kind)[0]:
        case "RECORD":
            found.struct_value.SetInParent()
            found.struct_value.field.extend(_value(part.type, value.get(part.name)) for part in kind.fields)
        case "STRING":
            found.string_value = value
        case "INTEGER":
            found.int64_value = value
        case "BOOLEAN":
            found.bool_value = value
        case "TIMESTAMP":
            found.timestamp_value.FromDatetime(value)
        case other:
            raise NotImplementedError(other)
    return found


def _python(cell: Any) -> Any:
    match cell.WhichOneof("value"):
        case None:
            return None
        case "timestamp_value":
            return cell.timestamp_value.ToDatetime(UTC)
        case "date_value":
            return _EPOCH + timedelta(days=cell.date_value)
        case kind:
            return getattr(cell, kind)
