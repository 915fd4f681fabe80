"""Holds the sizes that decide how a comparison reads its data, as the service has them by default."""

GIB = 1 << 30
STREAM_BYTES = 2 * GIB
"""Windows from this size on are streamed, and KS is binned, its bound stated."""
MAX_REFERENCE_ROWS = 1_000_000
"""Numeric reference rows that are counted; of more, a uniform sample."""
MAX_BASELINE_BYTES = GIB // 4
"""Sorted reference numbers kept for exact KS; with more, KS is binned."""
