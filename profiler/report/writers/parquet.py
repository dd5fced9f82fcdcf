"""Records → Parquet: a typed column each, with the run's schema version, command and environment in the file's metadata.

Whole numbers are int64; a column with one beyond is decimal128(38), or text where that is too narrow as well. What is nested
(options, shapes) is JSON text, an unknown is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Literal

from profiler.errors import ProfilerError
from profiler.records.blocks import Block, BlockColumn, Coded
from profiler.records.columns import COLUMNS

Kind = Literal["bool", "int64", "decimal", "float", "text"]
"""What a column of a file holds."""
GROUP = 1 << 17
"""Records of one row group."""
INT64, DECIMAL = 1 << 63, 10**38
_DECLARED: dict[type, Kind] = {bool: "bool", int: "int64", float: "float"}


def parquet_bytes(records: Sequence[Mapping[str, Any]], columns: Sequence[str], document: Mapping[str, Any]) -> bytes:
    """A whole file."""
    import pyarrow as pa

    found = {name: [record.get(name) for record in records] for name in columns}
    stream = pa.BufferOutputStream()
    kinds = {name: kind_of(name, values) for name, values in found.items()}
    with Writer(stream, kinds, document) as writer:
        writer.put_arrays([_array(values, kinds[name]) for name, values in found.items()])
    made: bytes = stream.getvalue().to_pybytes()
    return made


def kind_of(name: str, values: Iterable[Any]) -> Kind:
    """What a column of these values holds; by its declaration where all are unknown."""
    known = [value for value in values if value is not None]
    types = set(map(type, known))
    declared = _DECLARED.get(COLUMNS[name].holds, "text") if name in COLUMNS else "text"
    if not types:
        return declared
    if types == {bool}:
        return "bool"
    if types <= {int, float} and (float in types or declared == "float"):
        return "float"
    return whole(max(map(abs, known))) if types == {int} else "text"


def whole(most: int) -> Kind:
    """What a column of whole numbers up to `most` holds."""
    return "int64" if most < INT64 else "decimal" if most < DECIMAL else "text"


class Writer:
    """A file that grows block by block."""

    def __init__(self, stream: BinaryIO | Any, kinds: Mapping[str, Kind], document: Mapping[str, Any]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        about = {key: document[key] for key in ("schema", "command", "environment")}
        self.kinds = dict(kinds)
        self.schema = pa.schema(
            [pa.field(name, _type(kind)) for name, kind in self.kinds.items()],
            metadata={"profiler": json.dumps(about, ensure_ascii=False)},
        )
        self.waiting: list[Any] = []
        self.file = parquet.ParquetWriter(stream, self.schema, compression="zstd")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, fault: object, trace: object) -> None:
        if fault is None:
            self._flush()
            self.file.close()
        else:
            with suppress(Exception):  # what was written is thrown away; but pyarrow would close it later, into a closed file
                self.file.close()

    def put(self, block: Block) -> None:
        """The next records. Raises ProfilerError for a number that its column is too narrow for."""
        self.put_arrays([_coded(name, block.columns[name], kind) for name, kind in self.kinds.items()])

    def put_arrays(self, arrays: Sequence[Any]) -> None:
        """The next records as arrays of pyarrow, in the order of the columns."""
        import pyarrow as pa

        self.waiting.append(pa.record_batch(list(arrays), schema=self.schema))
        if sum(batch.num_rows for batch in self.waiting) >= GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self.file.write_table(pa.Table.from_batches(self.waiting, schema=self.schema), row_group_size=GROUP)
        self.waiting = []


def _type(kind: Kind) -> Any:
    import pyarrow as pa

    types = {
        "bool": pa.bool_, "int64": pa.int64, "decimal": lambda: pa.decimal128(38), "float": pa.float64, "text": pa.string,
    }  # fmt: skip
    return types[kind]()


def _array(values: Sequence[Any], kind: Kind) -> Any:
    import pyarrow as pa

    return pa.array(list(map(_text, values)) if kind == "text" else values, type=_type(kind))


def _coded(name: str, column: BlockColumn, kind: Kind) -> Any:
    import pyarrow as pa

    try:
        if isinstance(column, Coded):
            return _array(column.values, kind).take(pa.array(column.at))
        plain = kind == "int64" and column.values.dtype != object
        return pa.array(column.values) if plain else _array(column.values.tolist(), kind)
    except (OverflowError, pa.ArrowInvalid):
        raise ProfilerError(f"column {name} holds a number beyond {kind} in Parquet; write it as csv or jsonl") from None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    made = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return made.encode("utf-8", "backslashreplace").decode()
