"""Convert values of one file to the type that holds the values of all files."""

import pyarrow as pa
import pyarrow.compute as pc

from monitors.sources.local_times import is_local, place_in_zone


def to_common_type[Values: pa.Array | pa.ChunkedArray](
    values: Values, dtype: pa.DataType, zone: str
) -> Values:
    """The values as `dtype`: whole numbers as the nearest float, nanoseconds cut to the unit.

    Dates and times without a zone are read in `zone` where `dtype` has one.

    Raises:
        pyarrow.ArrowInvalid: If a value lies outside the range of the type.
    """
    if values.type == dtype:
        return values
    if pa.types.is_dictionary(values.type) and not pa.types.is_dictionary(dtype):
        plain: Values = values.cast(values.type.value_type)
        return to_common_type(plain, dtype, zone)
    if not is_local(dtype):
        values = place_in_zone(values, zone)
    options = pc.CastOptions(target_type=dtype, allow_float_truncate=True, allow_time_truncate=True)
    converted: Values = values.cast(options=options)
    return converted


def to_common_types(batch: pa.RecordBatch, schema: pa.Schema, zone: str) -> pa.RecordBatch:
    """The columns of the schema, each as its type.

    Raises:
        pyarrow.ArrowInvalid: If a value lies outside the range of its type.
    """
    if not schema.names or batch.schema.equals(schema):
        return batch
    columns = [to_common_type(batch.column(field.name), field.type, zone) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
